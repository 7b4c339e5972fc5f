// Keyboard and small comforts. Everything works without this file, by links and forms.
"use strict";

/** Say something to the user for a moment. */
function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  setTimeout(() => { if (box.textContent === text) box.textContent = ""; }, 4000);
}

const typing = (element) => element.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");

/** An element with data-key="y" is pressed by that key. */
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const key = event.key === "Enter" ? "enter" : event.key;
  if (key === "enter" && event.target.closest("a, button, summary")) return;
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (target) { event.preventDefault(); tickSelected(target); target.click(); return; }
  if (key === "j" || key === "k") { event.preventDefault(); move(key === "j" ? 1 : -1); }
  if (key === "x") selected()?.querySelector("input[type=checkbox]")?.click();
  if (key === "enter") { selected()?.querySelector("a")?.click(); }
});

const rows = () => [...document.querySelectorAll("[data-row]")];
const selected = () => document.querySelector("[data-row][aria-selected=true]");

/** A verdict by key in a list is on the rows that are ticked, or else on the selected one. */
function tickSelected(button) {
  const form = button.closest("form");
  const box = form && selected()?.querySelector("input[type=checkbox]");
  if (box && form.contains(box) && !form.querySelector("input:checked")) box.checked = true;
}

/** Move the selection in a list. */
function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(selected());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  all.forEach((row) => row.setAttribute("aria-selected", String(row === next)));
  next.scrollIntoView({ block: "nearest" });
}

/** data-opens="id" opens a dialog, data-closes closes the one around it. */
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog").close();
});

/** The keyboard belongs to the page again as soon as a dialog is closed, not only when that has been drawn. */
document.addEventListener("close", () => document.activeElement?.blur(), true);

/** data-confirm asks before a form is sent. */
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("htmx:responseError", (event) => {
  toast(event.detail.xhr.status === 401 ? "登录已过期" : "没有完成：" + event.detail.xhr.status);
});
document.addEventListener("htmx:sendError", () => toast("网络不通，没有提交"));

/** The queue refreshes itself, but not while cases are ticked or chosen by hand. */
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "queue" && event.target.querySelector("input:checked")) event.preventDefault();
});

/** The number of cases that wait stands in the title too. */
document.addEventListener("htmx:afterSwap", (event) => {
  if (!event.target.matches(".count")) return;
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = event.target.textContent ? `(${event.target.textContent}) ${title}` : title;
  showHere();
});

/** Where one is stays in sight in the navigation, also once the number of waiting cases has made it longer. */
const showHere = () => document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
showHere();

/** What can be scrolled sideways can be reached by keyboard. */
const reachable = () => document.querySelectorAll(".scroll").forEach((box) => {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; else box.removeAttribute("tabindex");
});
addEventListener("resize", reachable);
document.addEventListener("htmx:afterSettle", reachable);
reachable();

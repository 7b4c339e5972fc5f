"""A service on loopback in a thread, and tabs of a real browser that look at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Response
from starlette.staticfiles import StaticFiles

from service.auth import COOKIE
from tests.accounts import open_session

VENDOR = "/vendor-of-the-tests"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
GRAVE = ("serious", "critical")
SETTLED = "html:not(:has(.htmx-request, .htmx-swapping, .htmx-settling))"
PASSWORD = "demo-password"


class Site:
    """A running application."""

    def __init__(self, app: FastAPI, url: str) -> None:
        self.app = app
        self.url = url

    @property
    def state(self) -> Any:
        return self.app.state

    def bot(self, path: str, **body: Any) -> dict[str, Any]:
        """Send what a bot sends; return the answer."""
        headers = {"X-API-Key": self.state.gate.bot_key}
        with httpx.Client(
            base_url=self.url, headers=headers, trust_env=False, timeout=60
        ) as client:
            response = client.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()


@contextmanager
def serving(app: FastAPI) -> Iterator[Site]:
    """Serve an application on a free port until the end."""
    app.mount(VENDOR, StaticFiles(directory=Path(__file__).parent / "vendor"))
    config = uvicorn.Config(app, port=0, log_level="warning", access_log=False, ws="none")
    socket = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield Site(app, f"http://127.0.0.1:{socket.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()
        app.state.recorder.close()
        app.state.database.close()


class Tab:
    """A page of the browser that notes what goes wrong in it."""

    def __init__(self, site: Site, page: Page) -> None:
        self.site = site
        self.page = page
        self.problems: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))

    def _heard(self, message: Any) -> None:
        told = message.type in ("error", "warning")
        # The status of a page that is an error is no error of the page.
        if told and not message.text.startswith("Failed to load resource"):
            self.problems.append(message.text)

    def go(self, path: str, status: int = 200) -> Response:
        """Open a page of the site."""
        response = self.page.goto(self.site.url + path)
        assert response is not None
        assert response.status == status, f"{path}: {response.status}"
        return response

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Sign in by keyboard."""
        self.go("/signin")
        self.page.wait_for_selector(
            "[name=name]:focus"
        )  # a field takes the focus only once it is drawn
        keys = self.page.keyboard
        keys.type(name)
        keys.press("Tab")
        keys.type(password)
        with self.page.expect_navigation():
            keys.press("Enter")
        assert self.page.url == self.site.url + "/", self.text()

    def enter(self, name: str) -> None:
        """Be signed in, without the way through the door."""
        headers = open_session(self.site.state.database, name)
        token = headers["Cookie"].partition("=")[2]
        self.page.context.add_cookies([{"name": COOKIE, "value": token, "url": self.site.url}])

    def settle(self) -> None:
        """Wait until nothing that the page has asked for is under way."""
        self.page.wait_for_load_state()
        self.page.wait_for_selector(SETTLED, state="attached")

    def press(self, key: str, then: str) -> None:
        """Press a key and wait for what it brings about."""
        self.page.keyboard.press(key)
        self.page.wait_for_selector(then)

    def text(self) -> str:
        return self.page.inner_text("main")

    def check(self, about: str) -> None:
        """Nothing is wrong with what is shown: no message, no overflow, no barrier."""
        self.settle()
        assert not self.problems, f"{about}: {self.problems}"
        over = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 0, f"{about}: {over} pixels too wide"
        assert not (found := barriers(self.page)), f"{about}: {found}"


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds that is serious or critical."""
    page.add_script_tag(url=f"{VENDOR}/axe.min.js")  # kept by the browser: sent once, not each time
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in result["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"][:2]
    ]


@contextmanager
def tab(browser: Browser, site: Site, name: str | None = None, **options: Any) -> Iterator[Tab]:
    """Open a tab in a window of its own, signed in under a name if one is given."""
    context = browser.new_context(**{"viewport": WIDE, "locale": "zh-CN"} | options)
    context.set_default_timeout(60_000)
    try:
        found = Tab(site, context.new_page())
        if name is not None:
            found.enter(name)
        yield found
        assert not found.problems, found.problems
    finally:
        context.close()

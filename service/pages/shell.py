"""What every page shares: who is signed in, the navigation, templates, error pages.

@router.get("/cases")
def queue(visit: Annotated[Visit, page(Right.SEE_CASES)]) -> HTMLResponse:
return visit.show("queue.html", cases=…)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.staticfiles import StaticFiles

from moderation.taxonomy import taxonomy
from service import wording
from service.auth import COOKIE, CSRF_HEADER, UNSAFE
from service.pages import words
from service.pages.navigation import entries
from service.rights import Principal, Right
from service.storage.accounts import Session

HERE = Path(__file__).parent.parent
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PROBLEMS = {
    404: "没有这个页面，或内容已不在。",
    405: "这个地址不能这样打开，请从菜单进入。",
    409: "现在不能这样做，请刷新后再看。",
    413: "提交的内容太大。",
    422: "填写的内容不对，请返回检查。",
    500: "出了意外，已记入日志。请稍后再试。",
    503: "数据库暂时不可用，没有保存。请稍后再试。",
}
"""What a page says of an error by its status."""


class SignInNeeded(Exception):  # noqa: N818 - not an error, a detour
    """The page is for signed-in users: the answer leads to the sign-in page and back."""


class PageError(Exception):
    """An error page with a sentence that says what to do."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page and who makes it; None is a visitor who has not signed in."""

    request: Request
    session: Session | None

    @property
    def who(self) -> Principal:
        """Return the signed-in user; raises `SignInNeeded` for a visitor."""
        if self.session is None:
            raise SignInNeeded
        return self.session.principal

    @property
    def state(self) -> Any:
        """Return the application's state."""
        return self.request.app.state

    def may(self, right: Right) -> bool:
        """Return whether the user has a right."""
        return self.session is not None and self.session.principal.may(right)

    @property
    def is_part(self) -> bool:
        """Return whether htmx asks, for a part of the page that it shows already."""
        return "hx-request" in self.request.headers

    def show(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """Return a page, or the part of one that htmx asked for."""
        page = self.state.templates.get_template(template)
        path = self.request.url.path
        navigation = entries(path, self.may)
        shared = {
            "visit": self,
            "user": self.session.principal if self.session else None,
            "csrf": self.session.csrf if self.session else "",
            "navigation": navigation,
            "tabs": next((one for one in navigation if one.is_here and len(one.tabs) > 1), None),
            "path": path,
            "Right": Right,
        }
        return HTMLResponse(page.render(shared | context), status, headers=SECURITY)


async def visit(request: Request) -> Visit:
    """Return who visits; a form without its token is refused."""
    session = await _session(request)
    if session is not None and request.method in UNSAFE:
        form = await request.form()
        given = request.headers.get(CSRF_HEADER) or str(form.get("csrf", ""))
        if not hmac.compare_digest(given.encode(), session.csrf.encode()):
            raise PageError(403, "页面已过期，请返回刷新后再提交。")
    return Visit(request, session)


async def _session(request: Request) -> Session | None:
    cookie = request.cookies.get(COOKIE)
    return await request.app.state.gate.by_session(cookie) if cookie else None


def page(right: Right) -> Any:
    """Return `Depends` for a page's parameter: a signed-in user with this right."""

    async def checked(request: Request) -> Visit:
        found = await visit(request)
        if not found.who.may(right):
            raise PageError(403, "你的角色没有这个权限。需要时请联系管理员。")
        return found

    return Depends(checked)


def redirect(url: str) -> Response:
    """Lead on after a form was sent."""
    return RedirectResponse(url, 303)


async def in_thread(work: Callable[[], Any]) -> Any:
    """Do what waits for the database without holding up other requests."""
    return await run_in_threadpool(work)


def install(app: FastAPI) -> None:
    """Add templates, static files and the error pages; the pages add themselves as routers."""
    app.state.templates = _templates(app)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = partial(_for_people, handler)
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(PageError, _error_page)


def _templates(app: FastAPI) -> Environment:
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    zone = app.state.settings.zone

    def zoned(at: datetime | None, form: str = "%Y-%m-%d %H:%M") -> str:
        return "" if at is None else at.astimezone(zone).strftime(form)

    def ago(at: datetime) -> str:
        return words.ago(datetime.now(UTC) - at)

    def yuan(amount: Decimal | str | None) -> str:
        return "" if amount is None else f"¥{Decimal(amount):,.2f}"

    templates.filters |= {
        "zoned": zoned,
        "ago": ago,
        "yuan": yuan,
        "label": wording.label,
        "about_conduct": wording.about_conduct,
        "percent": lambda share: f"{share:.0%}",
        "penalty": words.penalty,
        "word": words.word,
        "span": words.span,
    }
    templates.globals |= {"taxonomy": taxonomy, "firm": app.state.settings.firm}
    return templates


async def _to_sign_in(request: Request, _: Exception) -> Response:
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/signin"})
    there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return redirect(f"/signin?next={quote(there)}")


async def _for_people(handler: Any, request: Request, error: Exception) -> Response:
    """Answer an error in the one shape to programs, and as a page to a browser that asks for one."""
    response: Response = await handler(request, error)
    wants_page = "text/html" in request.headers.get("accept", "")
    if not wants_page or request.url.path.startswith("/v1/"):
        return response
    status = response.status_code
    return await _error_page(request, PageError(status, PROBLEMS.get(status, PROBLEMS[500])))


async def _error_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, PageError)
    broken = error.status >= 500  # what broke may be the database that knows the session
    told = Visit(request, None if broken else await _session(request))
    if request.headers.get("hx-request"):
        return told.show("part_error.html", error.status, message=error.message)
    return told.show("error.html", error.status, code=error.status, message=error.message)

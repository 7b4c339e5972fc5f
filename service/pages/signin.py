"""Signing in and out, one's own password, and the first administrator of a new installation."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from service import signin
from service.auth import COOKIE
from service.pages.shell import PageError, Visit, in_thread, redirect, visit
from service.rights import Role
from service.signin import LASTS, MIN_PASSWORD, SignedIn, SignInError, WaitError
from service.storage import accounts
from service.storage.database import Database

router = APIRouter(include_in_schema=False)
Visiting = Annotated[Visit, Depends(visit)]
Text = Annotated[str, Form(max_length=200)]


@router.get("/signin")
async def sign_in_form(guest: Visiting, next: str = "/") -> Response:
    """Show the form."""
    return guest.show("signin.html", there=_inside(next), name="", problem=None)


@router.post("/signin")
async def sign_in(guest: Visiting, name: Text, password: Text, next: Text = "/") -> Response:
    """Open a session and lead back to where the visitor came from."""
    try:
        done = await in_thread(
            lambda: signin.sign_in(guest.state.database, datetime.now(UTC), name, password)
        )
    except SignInError:
        problem = "用户名或密码不对。"
    except WaitError as error:
        problem = f"尝试次数过多，请 {int(error.wait.total_seconds()) + 1} 秒后再试。"
    else:
        return _with_cookie(guest, redirect(_inside(next)), done)
    return guest.show("signin.html", 400, there=_inside(next), name=name, problem=problem)


@router.post("/signout")
async def sign_out(guest: Visiting) -> Response:
    """End the session."""
    database: Database = guest.state.database

    def close() -> None:
        with database.write() as connection:
            accounts.close_session(
                connection, datetime.now(UTC), guest.request.cookies.get(COOKIE, "")
            )

    await in_thread(close)
    answer = redirect("/signin")
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/me")
async def me(guest: Visiting) -> Response:
    """Show who is signed in and the form to change the password."""
    return guest.show("me.html", who=guest.who, problem=None, done=False)


@router.post("/me")
async def change_password(guest: Visiting, old: Text, new: Text) -> Response:
    """Change one's own password."""
    who = guest.who
    if len(new) < MIN_PASSWORD:
        problem = f"新密码至少 {MIN_PASSWORD} 个字符。"
        return guest.show("me.html", 400, who=who, problem=problem, done=False)
    try:
        done = await in_thread(
            lambda: signin.change_password(
                guest.state.database, datetime.now(UTC), who.name, old, new
            )
        )
    except (SignInError, WaitError):
        return guest.show("me.html", 400, who=who, problem="原密码不对。", done=False)
    return _with_cookie(guest, redirect("/me"), done)


@router.get("/setup")
async def setup_form(guest: Visiting, token: str = "") -> Response:
    """Show the form for the first administrator to whoever has the link that was printed at the start."""
    await _check_setup(guest, token)
    return guest.show("setup.html", token=token, least=MIN_PASSWORD, problem=None)


@router.post("/setup")
async def setup(guest: Visiting, token: Text, name: Text, password: Text) -> Response:
    """Make the first administrator, who may also review, and sign him in."""
    await _check_setup(guest, token)
    if len(password) < MIN_PASSWORD or not name.strip():
        problem = f"请填写用户名和至少 {MIN_PASSWORD} 个字符的密码。"
        return guest.show("setup.html", 400, token=token, least=MIN_PASSWORD, problem=problem)
    done = await in_thread(lambda: _first(guest.state.database, name.strip(), password))
    return _with_cookie(guest, redirect("/admin"), done)


def setup_token(secret: bytes) -> str:
    """Return what stands in the link for the first administrator."""
    return hmac.new(secret, b"setup", hashlib.sha256).hexdigest()[:32]


def _first(database: Database, name: str, password: str) -> SignedIn:
    at = datetime.now(UTC)
    with database.write() as connection:
        if accounts.all_users(connection):
            raise PageError(403, "已经有用户了，请登录。")
        accounts.put_user(
            connection,
            at,
            name,
            name,
            password=signin.HASHER.hash(password),
            roles=[Role.ADMIN, Role.REVIEWER, Role.APPROVER, Role.ANALYST],
        )
    return signin.sign_in(database, at, name, password)


async def _check_setup(guest: Visit, token: str) -> None:
    if not hmac.compare_digest(
        token.encode(), setup_token(guest.state.recorder.intake.key).encode()
    ):
        raise PageError(403, "链接不对。请使用服务启动时打印的链接。")

    def empty() -> bool:
        with guest.state.database.read() as connection:
            return not accounts.all_users(connection)

    if not await in_thread(empty):
        raise PageError(403, "已经有用户了，请登录。")


def _with_cookie(guest: Visit, answer: Response, done: SignedIn) -> Response:
    answer.set_cookie(
        COOKIE,
        done.token,
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=guest.request.url.scheme == "https",
    )
    return answer


def _inside(there: str) -> str:
    """Return an address of this site: a link may not lead a signed-in user elsewhere."""
    return there if there.startswith("/") and not there.startswith(("//", "/\\")) else "/"

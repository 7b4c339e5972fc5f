"""Signing in and out; users and keys.

A session is opened by name and password and carried in a cookie that no script can read. Users and
keys are an admin's business. A key is shown once, when it is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from service.accountforms import (
    AccountName,
    KeyOut,
    NewKey,
    NewKeyOut,
    NewPassword,
    NewUser,
    SessionOut,
    SignIn,
    UserChange,
    UserOut,
)
from service.api.classify import ERRORS
from service.auth import COOKIE, SESSION, may, signed_in, unauthorized
from service.problems import ProblemError
from service.rights import Principal, Right
from service.schemas import FieldProblem, Problem
from service.signin import HASHER, SignedIn, SignInError, WaitError, change_password, sign_in
from service.storage import accounts
from service.storage.database import Database

SECURED: dict[int | str, dict[str, Any]] = {
    code: ERRORS[code] for code in (401, 403, 413, 422, 429, 503)
}
"""What any endpoint may answer to a caller whom it must know."""
router = APIRouter(prefix="/v1", tags=["accounts"], responses=SECURED)

Admin = Annotated[Principal, may(Right.ACCOUNTS)]
SignedInUser = Annotated[accounts.Session, Depends(signed_in)]
Cookie = Annotated[str, Depends(SESSION)]
_CHECKING = ThreadPoolExecutor(2, thread_name_prefix="signin")
"""Checking a password takes 64 MiB and a core for a while: few at once, and not in everybody's threads."""


def _errors(**about: str) -> dict[int | str, dict[str, Any]]:
    """Return answers by code: `_errors(e404="No such user")`."""
    return {int(code[1:]): {"model": Problem, "description": text} for code, text in about.items()}


@router.post(
    "/session",
    status_code=201,
    responses=_errors(e401="Name or password is wrong", e429="Tried too often: wait"),
)
async def open_session(body: SignIn, request: Request, response: Response) -> SessionOut:
    """Sign in: sets the cookie `session`; `csrf_token` is sent along with every change.

    From the fifth failure on a name waits, twice as long after each.
    """
    try:
        opened = await _checking(request, sign_in, body.name, body.password)
    except SignInError as error:
        raise unauthorized(str(error)) from error
    return _hand_over(opened, request, response)


@router.get("/session")
async def show_session(session: SignedInUser) -> SessionOut:
    """Say who is signed in, and the token that his changes carry."""
    return SessionOut.of(session)


@router.delete("/session", status_code=204)
def close_session(session: SignedInUser, token: Cookie, request: Request) -> Response:
    """Sign out."""
    with _database(request).write() as connection:
        accounts.close_session(connection, _now(), token)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_is_secure(request))
    return response


@router.post("/session/password", status_code=201)
async def change_own_password(
    body: NewPassword, session: SignedInUser, request: Request, response: Response
) -> SessionOut:
    """Change one's own password: ends every session of the user and opens a new one."""
    name = session.principal.name
    try:
        opened = await _checking(request, change_password, name, body.old_password, body.password)
    except SignInError as error:
        wrong = FieldProblem(pointer="/old_password", detail="is wrong")
        raise ProblemError(422, "Invalid request", "/old_password: is wrong", [wrong]) from error
    return _hand_over(opened, request, response)


@router.get("/users")
def list_users(who: Admin, request: Request) -> list[UserOut]:
    """List users by name."""
    with _database(request).read() as connection:
        return [UserOut.of(user) for user in accounts.all_users(connection)]


@router.post("/users", status_code=201, responses=_errors(e409="The name or member is taken"))
def add_user(body: NewUser, who: Admin, request: Request) -> UserOut:
    """Add a user. The name is also what history calls him; no user and key share one."""
    password = HASHER.hash(body.password)
    with _changing(request) as connection:
        if accounts.user(connection, body.name) is not None:
            raise accounts.AccountError(f"the name {body.name!r} is taken")
        accounts.put_user(
            connection,
            _now(),
            who.name,
            body.name,
            password=password,
            roles=body.roles,
            member_id=body.member_id,
        )
        return UserOut.of(accounts.known_user(connection, body.name))


@router.patch(
    "/users/{name}",
    responses=_errors(
        e404="No such user", e409="The last admin in force, or the member is another user"
    ),
)
def change_user(
    name: Annotated[AccountName, Path()], body: UserChange, who: Admin, request: Request
) -> UserOut:
    """Change what is given of a user; ends his sessions. A new password also ends his waiting."""
    given = body.model_dump(exclude_none=True)
    if body.password is not None:
        given["password"] = HASHER.hash(body.password)
    with _changing(request) as connection:
        accounts.known_user(connection, name)
        accounts.put_user(connection, _now(), who.name, name, **given)
        return UserOut.of(accounts.known_user(connection, name))


@router.get("/keys")
def list_keys(who: Admin, request: Request) -> list[KeyOut]:
    """List keys, newest first, those revoked among them; of a key only its first characters."""
    with _database(request).read() as connection:
        return [KeyOut.of(key) for key in accounts.all_keys(connection)]


@router.post("/keys", status_code=201, responses=_errors(e409="The name is a user's"))
def add_key(body: NewKey, who: Admin, request: Request) -> NewKeyOut:
    """Make a key. It is in this answer and nowhere else."""
    key = accounts.new_key()
    with _changing(request) as connection:
        number = accounts.add_key(connection, _now(), who.name, body.name, body.roles, key)
    return NewKeyOut(id=number, name=body.name, roles=sorted(body.roles), key=key)


@router.delete("/keys/{key_id}", status_code=204, responses=_errors(e404="No such key in force"))
def revoke_key(
    key_id: Annotated[int, Path(ge=1, lt=2**63)], who: Admin, request: Request
) -> Response:
    """Revoke a key: at once here, within five seconds in other processes."""
    with _changing(request) as connection:
        accounts.revoke_key(connection, _now(), who.name, key_id)
    request.app.state.gate.forget()
    return Response(status_code=204)


async def _checking(
    request: Request, work: Callable[..., SignedIn], name: str, *passwords: str
) -> SignedIn:
    """Do work that checks a password; a name that waits is answered 429."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(
            _CHECKING, work, _database(request), _now(), name, *passwords
        )
    except WaitError as error:
        wait = str(ceil(error.wait.total_seconds()))
        headers = {"Retry-After": wait}
        raise ProblemError(429, "Too Many Requests", str(error), headers=headers) from error


def _hand_over(opened: SignedIn, request: Request, response: Response) -> SessionOut:
    ends = opened.session.expires_at
    response.set_cookie(
        COOKIE,
        opened.token,
        expires=ends,
        httponly=True,
        samesite="lax",
        secure=_is_secure(request),
    )
    return SessionOut.of(opened.session)


@contextmanager
def _changing(request: Request) -> Iterator[Any]:
    """Open a writing transaction; what accounts do not allow becomes 404 or 409."""
    try:
        with _database(request).write() as connection:
            yield connection
    except accounts.UnknownAccountError as error:
        raise ProblemError(404, "Not Found", str(error)) from error
    except accounts.AccountError as error:
        raise ProblemError(409, "Conflict", str(error)) from error


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _now() -> datetime:
    return datetime.now(UTC)

"""Who asks: a key sent as `X-API-Key`, or a signed-in user by his cookie. And what he may do.

@router.get(…)
async def endpoint(who: Annotated[Principal, may(Right.SEE_CASES)]) -> …

Whoever is known passes `Gate.admit`, which counts his requests.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyCookie, APIKeyHeader

from service.problems import ProblemError
from service.ratelimit import RateLimit
from service.rights import Principal, Right, Role
from service.settings import Settings
from service.storage import accounts
from service.storage.database import Database

KEY_FILE = "api_key"
SECRET_FILE = "secret"  # noqa: S105 - a file's name
BOT_KEY = "bot"
"""Name of the key that the settings or the data folder hold."""
COOKIE = "session"
CSRF_HEADER = "x-csrf-token"
REMEMBERED = 5.0
"""Seconds for which a key is taken as good without another look: a revoked one is dead after them."""
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key")
SESSION = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    description="A signed-in user, by the cookie that `POST /v1/session` sets; a request that changes "
    "something also carries the session's `csrf_token` as the header `X-CSRF-Token`",
)


class Gate:
    """Knows who asks. Keys are remembered for a moment: the bot sends its own with every message."""

    def __init__(self, database: Database, bot_key: str, rate: float = 0) -> None:
        self.database = database
        self.bot_key = bot_key
        self.limit = RateLimit(rate)
        self._bot_hash = accounts.hashed(bot_key)
        self._bot = Principal(BOT_KEY, frozenset({Role.BOT}))
        self._known: dict[str, tuple[float, Principal]] = {}

    def remembered(self, token: str) -> Principal | None:
        """Return whose key this is if that was found out a moment ago."""
        if hmac.compare_digest(accounts.hashed(token), self._bot_hash):
            return self._bot
        found = self._known.get(token)
        return found[1] if found and time.monotonic() - found[0] < REMEMBERED else None

    async def by_key(self, token: str) -> Principal | None:
        """Return whose key this is."""
        principal = self.remembered(token)
        if principal is None:
            principal = await run_in_threadpool(self._look_up, token)
            if principal is not None:
                self._known[token] = (time.monotonic(), principal)
        return principal

    def forget(self) -> None:
        """Look every key up again: one was revoked."""
        self._known.clear()

    def admit(self, token: str) -> None:
        """Count a request of a key or session; raises 429 for one too many."""
        if wait := self.limit.wait(token):
            raise ProblemError(
                429,
                "Too Many Requests",
                f"{self.limit.rate:g} requests a second are allowed",
                headers={"Retry-After": str(math.ceil(wait))},
            )

    async def by_session(self, token: str) -> accounts.Session | None:
        """Return the session of a cookie."""
        return await run_in_threadpool(self._session, token)

    def _look_up(self, token: str) -> Principal | None:
        with self.database.read() as connection:
            return accounts.principal_of_key(connection, token)

    def _session(self, token: str) -> accounts.Session | None:
        with self.database.read() as connection:
            return accounts.session(connection, datetime.now(UTC), token)


async def signed_in(
    request: Request, cookie: Annotated[str | None, Depends(SESSION)]
) -> accounts.Session:
    """Return who is signed in; raises 401 when nobody is, 403 for a form of another site."""
    gate: Gate = request.app.state.gate
    session = await gate.by_session(cookie) if cookie else None
    if cookie is None or session is None:
        raise unauthorized("the session has ended: sign in again")
    given = request.headers.get(CSRF_HEADER, "")
    if request.method in UNSAFE and not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise ProblemError(403, "Forbidden", "X-CSRF-Token is missing or wrong")
    gate.admit(cookie)
    return session


async def principal(
    request: Request,
    key: Annotated[str | None, Depends(HEADER)],
    cookie: Annotated[str | None, Depends(SESSION)],
) -> Principal:
    """Return who asks, by key or else by session; raises 401 when nobody known does."""
    if not key:
        if not cookie:
            raise unauthorized("X-API-Key is missing")
        return (await signed_in(request, cookie)).principal
    gate: Gate = request.app.state.gate
    who = await gate.by_key(key)
    if who is None:
        raise unauthorized("X-API-Key is wrong or revoked")
    gate.admit(key)
    return who


def unauthorized(detail: str) -> ProblemError:
    """Return the answer to somebody unknown."""
    return ProblemError(401, "Unauthorized", detail, headers={"WWW-Authenticate": "APIKey"})


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency that gives who asks if he has the right; tests read off it what an endpoint asks for."""

    right: Right

    async def __call__(self, who: Annotated[Principal, Depends(principal)]) -> Principal:
        """Return who asks; raises 403."""
        if not who.may(self.right):
            raise ProblemError(403, "Forbidden", f"the right {self.right.value!r} is needed")
        return who


def may(right: Right) -> Any:
    """Return `Depends` for an endpoint's parameter: who asks, if he has the right."""
    return Depends(Needs(right))


def api_key(settings: Settings) -> str:
    """Return the bot's key: the one set, else the one kept in the data folder, made at the first start."""
    if settings.api_key:
        return settings.api_key
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        _write_private(path, f"{accounts.new_key()}\n")
    return path.read_text(encoding="utf-8").strip()


def secret(settings: Settings) -> bytes:
    """Return the key of the fingerprints: the one set, else one kept in the data folder."""
    if settings.secret:
        return hashlib.sha256(settings.secret.encode()).digest()
    path = settings.data_dir / SECRET_FILE
    if not path.exists():
        _write_private(path, f"{secrets.token_hex(32)}\n")
    return bytes.fromhex(path.read_text(encoding="utf-8").strip())


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")

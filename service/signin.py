"""Signing in by name and password.

    a name that is waiting is refused ─ the attempt is counted ─ the password is checked ─ session

The attempt is counted before the password is looked at, so many at once get no more guesses than one
after the other. A name that is nobody's waits, and takes as long to check, like one that is somebody's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from moderation.errors import ModerationError
from service.storage import accounts, audit
from service.storage.database import Database

MIN_PASSWORD = 10
MAX_PASSWORD = 200
LASTS = timedelta(hours=12)
"""How long a session lasts."""
FREE_ATTEMPTS = 4
"""Failures that cost no wait."""
LONGEST_WAIT = timedelta(minutes=15)
HASHER = PasswordHasher()


class SignInError(ModerationError):
    """Name or password is wrong; which of them is not said."""


class WaitError(ModerationError):
    """The name was tried too often; `wait` says how long it is refused."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        super().__init__("too many attempts to sign in under this name")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and the token that stands for it, which is kept nowhere."""

    token: str
    session: accounts.Session


def back_off(attempts: int) -> timedelta:
    """Return how long a name waits after so many failures: a second, then twice as long each time."""
    doublings = attempts - FREE_ATTEMPTS - 1
    if doublings < 0:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(doublings, 20)), LONGEST_WAIT)


def sign_in(database: Database, at: datetime, name: str, password: str) -> SignedIn:
    """Open a session.

    Raises:
        WaitError: the name was tried too often.
        SignInError: no such user, another password, or the user is disabled.
    """
    return _open(database, at, _checked(database, at, name, password))


def change_password(database: Database, at: datetime, name: str, old: str, new: str) -> SignedIn:
    """Give a user another password, end his sessions and open a new one; raises as `sign_in`."""
    return _open(database, at, _checked(database, at, name, old), HASHER.hash(new))


def _checked(database: Database, at: datetime, name: str, password: str) -> accounts.User:
    """Return the user whose name and password these are."""
    user = _counted(database, at, name)
    if user is None:
        HASHER.hash(password)  # as much work as checking one
        raise SignInError("name or password is wrong")
    try:
        HASHER.verify(user.password, password)
    except VerifyMismatchError as error:
        raise SignInError("name or password is wrong") from error
    return user


def _counted(database: Database, at: datetime, name: str) -> accounts.User | None:
    """Count an attempt and return the user of the name, if there is one."""
    with database.write() as connection:
        tries, last = accounts.last_attempts(connection, name) or (0, at)
        if (wait := last + back_off(tries) - at) > timedelta(0):
            raise WaitError(wait)
        accounts.note_attempt(connection, at, name, tries + 1)
        user = accounts.user(connection, name)
        if user is not None and tries >= FREE_ATTEMPTS:
            change = audit.Change(name, "session.attempt", name, {"attempts": tries + 1})
            audit.append(connection, at, [change])
        return user


def _open(
    database: Database, at: datetime, known: accounts.User, password: str | None = None
) -> SignedIn:
    """Open a session of a user, after a change of his password if there is one."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with database.write() as connection:
        if known.disabled or accounts.user(connection, known.name) != known:
            raise SignInError("name or password is wrong")  # he was changed meanwhile
        if password is not None:
            accounts.put_user(connection, at, known.name, known.name, password=password)
        session = accounts.open_session(connection, at, known, token, csrf, LASTS)
    return SignedIn(token, session)

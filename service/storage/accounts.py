"""Users, keys, sessions and attempts to sign in; of a key and a session only the hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from service.rights import Principal, Role
from service.storage.audit import Change, append
from service.storage.database import StorageError
from service.storage.schema import attempts, keys, sessions, users

RESERVED = frozenset({"bot", "intake", "ledger", "webhook"})
"""Names under which the program itself stands in history and audit log."""
FORGOTTEN = timedelta(days=1)
"""Attempts to sign in are forgotten when none has followed for this time."""


class AccountError(StorageError):
    """A change of users or keys that is not possible as things stand."""


class UnknownAccountError(AccountError):
    """No such user or key."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in. `password` is an argon2 hash; `member_id` is who he is in the roster."""

    name: str
    password: str
    roles: frozenset[Role]
    member_id: str | None
    disabled: bool

    @property
    def is_admin(self) -> bool:
        """Return whether he can manage accounts now."""
        return Role.ADMIN in self.roles and not self.disabled


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it may be shown: never the key itself."""

    id: int
    name: str
    head: str
    roles: frozenset[Role]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user and the token that his forms must carry."""

    principal: Principal
    csrf: str
    expires_at: datetime


def hashed(token: str) -> str:
    """Return what is kept of a key or session token: it is random and long, so a plain hash will do."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_key() -> str:
    """Return a key that nobody can guess."""
    return f"mod_{secrets.token_urlsafe(24)}"


def add_key(
    connection: Connection, at: datetime, by: str, name: str, roles: Iterable[Role], token: str
) -> int:
    """Keep a new key; return its number. Several may have one name, so that one can replace another.

    Raises:
        AccountError: the name is a user's or the program's.
    """
    if name in RESERVED or user(connection, name) is not None:
        raise AccountError(f"the name {name!r} is taken")
    values = {
        "name": name,
        "hash": hashed(token),
        "head": token[:8],
        "roles": sorted(roles),
        "created_at": at,
        "created_by": by,
    }
    key = connection.execute(insert(keys).values(values)).inserted_primary_key
    number = int(key[0]) if key else 0
    append(connection, at, [Change(by, "key.add", str(number), {"roles": sorted(roles)})])
    return number


def revoke_key(connection: Connection, at: datetime, by: str, number: int) -> None:
    """Make a key worthless; raises `UnknownAccountError` if there is none."""
    done = connection.execute(
        update(keys).where(keys.c.id == number, keys.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    if not done.rowcount:
        raise UnknownAccountError(f"no key {number} in force")
    append(connection, at, [Change(by, "key.revoke", str(number), {})])


def all_keys(connection: Connection) -> list[Key]:
    """Return every key, newest first."""
    return [_key(row) for row in connection.execute(select(keys).order_by(keys.c.id.desc()))]


def principal_of_key(connection: Connection, token: str) -> Principal | None:
    """Return whose key this is, None for one that is unknown or revoked."""
    row = connection.execute(
        select(keys.c.name, keys.c.roles).where(
            keys.c.hash == hashed(token), keys.c.revoked_at.is_(None)
        )
    ).first()
    return None if row is None else Principal(row.name, frozenset(map(Role, row.roles)))


def put_user(
    connection: Connection,
    at: datetime,
    by: str,
    name: str,
    *,
    password: str | None = None,
    roles: Iterable[Role] | None = None,
    member_id: str | None = None,
    disabled: bool | None = None,
) -> None:
    """Add a user, or change what is given of one, which ends his sessions; no `member_id` is "".

    Raises:
        AccountError: a new user without password or roles or under a name that is taken; the member
            is another user; the change would leave nobody who can manage accounts.
    """
    old = user(connection, name)
    values: dict[str, object] = {}
    if password is not None:
        values["password"] = password
        forget_attempts(connection, name)
    if roles is not None:
        values["roles"] = sorted(roles)
    if member_id is not None:
        _check_one_user(connection, name, member_id)
        values["member_id"] = member_id or None
    if disabled is not None:
        values["disabled_at"] = at if disabled else None
    if old is None:
        if password is None or not roles:
            raise AccountError(f"a new user {name!r} needs a password and a role")
        _check_free(connection, name)
        connection.execute(insert(users).values({"name": name, "created_at": at} | values))
    else:
        connection.execute(update(users).where(users.c.name == name).values(values))
        connection.execute(delete(sessions).where(sessions.c.user == name))
        if old.is_admin and not any(one.is_admin for one in all_users(connection)):
            raise AccountError(f"{name!r} is the last admin")
    verb = "user.add" if old is None else "user.change"
    detail = {"roles": values["roles"]} if "roles" in values else {}
    append(connection, at, [Change(by, verb, name, detail | {"changed": sorted(values)})])


def user(connection: Connection, name: str) -> User | None:
    """Return a user by name, None if there is none."""
    row = connection.execute(select(users).where(users.c.name == name)).first()
    return None if row is None else _user(row)


def known_user(connection: Connection, name: str) -> User:
    """Return a user by name; raises `UnknownAccountError` if there is none."""
    found = user(connection, name)
    if found is None:
        raise UnknownAccountError(f"no user {name!r}")
    return found


def all_users(connection: Connection) -> list[User]:
    """Return every user by name."""
    return [_user(row) for row in connection.execute(select(users).order_by(users.c.name))]


def last_attempts(connection: Connection, name: str) -> tuple[int, datetime] | None:
    """Return how often a name was tried since the last good sign-in, and when last."""
    row = connection.execute(select(attempts).where(attempts.c.who == hashed(name))).first()
    return None if row is None else (row.tries, row.at)


def note_attempt(connection: Connection, at: datetime, name: str, tries: int) -> None:
    """Keep how often a name has been tried.

    Of the name a hash is kept: it may be nobody's, and some type their password there.
    """
    forget_attempts(connection, name)
    connection.execute(delete(attempts).where(attempts.c.at < at - FORGOTTEN))
    connection.execute(insert(attempts).values(who=hashed(name), tries=tries, at=at))


def forget_attempts(connection: Connection, name: str) -> None:
    """Start counting anew."""
    connection.execute(delete(attempts).where(attempts.c.who == hashed(name)))


def open_session(
    connection: Connection, at: datetime, user: User, token: str, csrf: str, lasts: timedelta
) -> Session:
    """Sign a user in: forget the attempts and keep the session."""
    ends = at + lasts
    forget_attempts(connection, user.name)
    connection.execute(delete(sessions).where(sessions.c.expires_at < at))
    connection.execute(
        insert(sessions).values(
            hash=hashed(token), user=user.name, csrf=csrf, created_at=at, expires_at=ends
        )
    )
    append(connection, at, [Change(user.name, "session.open", user.name, {})])
    return Session(Principal(user.name, user.roles), csrf, ends)


def session(connection: Connection, at: datetime, token: str) -> Session | None:
    """Return the session of a token, None when it has ended or its user is disabled."""
    row = connection.execute(
        select(sessions, users.c.roles)
        .join(users, users.c.name == sessions.c.user)
        .where(
            sessions.c.hash == hashed(token),
            sessions.c.expires_at > at,
            users.c.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    principal = Principal(row.user, frozenset(map(Role, row.roles)))
    return Session(principal, row.csrf, row.expires_at)


def close_session(connection: Connection, at: datetime, token: str) -> None:
    """Sign out."""
    row = connection.execute(
        select(sessions.c.user).where(sessions.c.hash == hashed(token))
    ).first()
    if row is not None:
        connection.execute(delete(sessions).where(sessions.c.hash == hashed(token)))
        append(connection, at, [Change(row.user, "session.close", row.user, {})])


def _user(row: Any) -> User:
    return User(
        name=row.name,
        password=row.password,
        roles=frozenset(map(Role, row.roles)),
        member_id=row.member_id,
        disabled=row.disabled_at is not None,
    )


def _key(row: Any) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        head=row.head,
        roles=frozenset(map(Role, row.roles)),
        created_at=row.created_at,
        created_by=row.created_by,
        revoked_at=row.revoked_at,
    )


def _check_one_user(connection: Connection, name: str, member_id: str) -> None:
    """Refuse to call two users the same member: he could judge himself as the other."""
    query = select(users.c.name).where(users.c.member_id == member_id, users.c.name != name)
    if member_id and (other := connection.execute(query).scalar()):
        raise AccountError(f"member {member_id!r} is the user {other!r}")


def _check_free(connection: Connection, name: str) -> None:
    """Refuse a user who would stand in history under the same name as a key or the program."""
    taken = connection.execute(select(keys.c.id).where(keys.c.name == name).limit(1)).first()
    if name in RESERVED or taken:
        raise AccountError(f"the name {name!r} is taken")

"""Sessions, users, keys and the audit log as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.rights import Role
from service.signin import MAX_PASSWORD, MIN_PASSWORD
from service.storage import accounts

AccountName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[\w.@-]+$",
        description="letters of any script, digits, `_` `.` `@` `-`",
    ),
]
Roles = Annotated[frozenset[Role], Field(min_length=1)]
Password = Annotated[str, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]
MemberId = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="who the user is in the roster, so that nobody judges himself; empty: nobody",
    ),
]


class Form(BaseModel):
    """What comes in: a misspelt field must not be passed over."""

    model_config = ConfigDict(extra="forbid")


class SignIn(Form):
    """Name and password."""

    name: AccountName
    password: Annotated[str, Field(max_length=MAX_PASSWORD)]


class NewPassword(Form):
    """The password so far and the one to come."""

    old_password: Annotated[str, Field(max_length=MAX_PASSWORD)]
    password: Password


class NewUser(Form):
    """A user to be added."""

    name: AccountName
    password: Password
    roles: Roles
    member_id: MemberId | None = None


class UserChange(Form):
    """What is to change of a user; null and absent mean as it was."""

    password: Password | None = None
    roles: Roles | None = None
    member_id: MemberId | None = None
    disabled: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("nothing to change")
        return self


class NewKey(Form):
    """A key to be made."""

    name: AccountName
    roles: Roles


class SessionOut(BaseModel):
    """Who is signed in; `csrf_token` goes into the header `X-CSRF-Token` of every change."""

    name: str
    roles: list[Role]
    csrf_token: str
    expires_at: datetime

    @classmethod
    def of(cls, session: accounts.Session) -> SessionOut:
        """Return a session as it is shown to its user."""
        return cls(
            name=session.principal.name,
            roles=sorted(session.principal.roles),
            csrf_token=session.csrf,
            expires_at=session.expires_at,
        )


class UserOut(BaseModel):
    """A user, without anything of his password."""

    name: str
    roles: list[Role]
    member_id: str | None
    disabled: bool

    @classmethod
    def of(cls, user: accounts.User) -> UserOut:
        """Return a user as he is shown."""
        return cls(
            name=user.name,
            roles=sorted(user.roles),
            member_id=user.member_id,
            disabled=user.disabled,
        )


class KeyOut(BaseModel):
    """A key as it may be shown; `head` is its beginning."""

    id: int
    name: str
    head: str
    roles: list[Role]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: accounts.Key) -> KeyOut:
        """Return a key as it is shown."""
        return cls(
            id=key.id,
            name=key.name,
            head=key.head,
            roles=sorted(key.roles),
            created_at=key.created_at,
            created_by=key.created_by,
            revoked_at=key.revoked_at,
        )


class NewKeyOut(BaseModel):
    """A new key, shown this once."""

    id: int
    name: str
    roles: list[Role]
    key: str


class AuditRow(BaseModel):
    """One change; `hash` covers it and the hash before it."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    actor: str
    verb: str
    subject: str
    detail: dict[str, Any]
    hash: str


class AuditPage(BaseModel):
    """Changes, newest first; `next` is the `before` of the page that follows, null at the end."""

    entries: list[AuditRow]
    next: int | None


class AuditVerified(BaseModel):
    """Whether the chain holds, over how many rows, and its last hash: note `head` somewhere else."""

    ok: bool
    rows: int
    head: str
    problem: str | None

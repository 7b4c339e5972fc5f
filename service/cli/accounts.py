"""`moderation users` and `moderation keys`: work on the database of the settings, no service needed.

The first admin is made here. A password is asked for or read from standard input: an argument would
stand in the shell's history and in the list of processes.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import show, store
from service.rights import Role

if TYPE_CHECKING:
    from service.accountforms import UserOut

users = typer.Typer(no_args_is_help=True, help="Add, list and change those who sign in.")
keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")

Roles = Annotated[
    list[Role], typer.Option("--role", help="What the account is for; may be repeated.")
]
MemberId = Annotated[
    str | None,
    typer.Option(help="Who the user is in the roster: nobody judges himself. Empty: nobody."),
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@users.command(name="add")
def add_user(
    name: str,
    role: Roles,
    member_id: MemberId = None,
    password_stdin: FromStdin = False,
    as_json: Json = False,
) -> None:
    """Add a user; the password is asked for.

    Example: moderation users add li.na --role reviewer --role approver
    """
    from service.accountforms import NewUser
    from service.storage.accounts import AccountError, user

    form = store.checked(
        NewUser, name=name, roles=role, member_id=member_id, password=_password(password_stdin)
    )
    with store.opened() as (database, _), database.write() as connection:
        if user(connection, name) is not None:
            raise AccountError(f"the name {name!r} is taken")
        added = _put(connection, name, form.model_dump(exclude={"name"}))
    _show(added, as_json)


@users.command(name="list")
def list_users(as_json: Json = False) -> None:
    """List users with their roles.

    Example: moderation users list --json
    """
    from service.accountforms import UserOut
    from service.storage.accounts import all_users

    with store.opened() as (database, _), database.read() as connection:
        found = [UserOut.of(user) for user in all_users(connection)]
    if as_json:
        show.as_json([user.model_dump(mode="json") for user in found])
        return
    rows = [
        [u.name, ", ".join(u.roles), u.member_id or "-", "disabled" if u.disabled else "-"]
        for u in found
    ]
    show.table("users", ["name", "roles", "member", "state"], rows)


@users.command(name="change")
def change_user(
    name: str,
    role: Annotated[
        list[Role] | None, typer.Option("--role", help="The roles from now on; may be repeated.")
    ] = None,
    member_id: MemberId = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Whether the user may sign in.")
    ] = None,
    ask_password: Annotated[
        bool, typer.Option("--ask-password", help="Ask for a new password.")
    ] = False,
    password_stdin: FromStdin = False,
    as_json: Json = False,
) -> None:
    """Change roles, password or state of a user; ends his sessions.

    Example: moderation users change li.na --role reviewer

    Example: moderation users change li.na --disable
    """
    from service.accountforms import UserChange
    from service.storage.accounts import known_user

    password = _password(password_stdin) if ask_password or password_stdin else None
    form = store.checked(
        UserChange, roles=role, member_id=member_id, disabled=disabled, password=password
    )
    with store.opened() as (database, _), database.write() as connection:
        known_user(connection, name)
        changed = _put(connection, name, form.model_dump())
    _show(changed, as_json)


@keys.command(name="add")
def add_key(name: str, role: Roles, as_json: Json = False) -> None:
    """Make a key and print it, this once.

    Example: moderation keys add wecom-bot --role bot
    """
    from service.accountforms import NewKey, NewKeyOut
    from service.storage import accounts

    form = store.checked(NewKey, name=name, roles=role)
    key = accounts.new_key()
    with store.opened() as (database, _), database.write() as connection:
        number = accounts.add_key(connection, _now(), store.ACTOR, name, form.roles, key)
    if as_json:
        made = NewKeyOut(id=number, name=name, roles=sorted(form.roles), key=key)
        show.as_json(made.model_dump(mode="json"))
        return
    typer.echo(key)
    typer.echo(f"key {number} of {name!r}: it is not shown again", err=True)


@keys.command(name="list")
def list_keys(as_json: Json = False) -> None:
    """List keys, newest first; of a key only its first characters.

    Example: moderation keys list
    """
    from service.accountforms import KeyOut
    from service.storage.accounts import all_keys

    with store.opened() as (database, _), database.read() as connection:
        found = [KeyOut.of(key) for key in all_keys(connection)]
    if as_json:
        show.as_json([key.model_dump(mode="json") for key in found])
        return
    rows = [
        [str(k.id), k.name, f"{k.head}…", ", ".join(k.roles), "revoked" if k.revoked_at else "-"]
        for k in found
    ]
    show.table("keys", ["id", "name", "begins", "roles", "state"], rows)


@keys.command(name="revoke")
def revoke_key(key_id: Annotated[int, typer.Argument(min=1)], as_json: Json = False) -> None:
    """Make a key worthless; running services take it for five more seconds at most.

    Example: moderation keys revoke 3
    """
    from service.storage.accounts import revoke_key

    with store.opened() as (database, _), database.write() as connection:
        revoke_key(connection, _now(), store.ACTOR, key_id)
    if as_json:
        show.as_json({"id": key_id, "revoked": True})
    else:
        typer.echo(f"key {key_id} is revoked")


def _put(connection: Any, name: str, given: dict[str, Any]) -> UserOut:
    """Add or change a user as given; return what became of him."""
    from service.accountforms import UserOut
    from service.signin import HASHER
    from service.storage import accounts

    if given["password"] is not None:
        given["password"] = HASHER.hash(given["password"])
    accounts.put_user(connection, _now(), store.ACTOR, name, **given)
    return UserOut.of(accounts.known_user(connection, name))


def _show(user: UserOut, as_json: bool) -> None:
    if as_json:
        show.as_json(user.model_dump(mode="json"))
    else:
        state = ", disabled" if user.disabled else ""
        typer.echo(f"{user.name}: {', '.join(user.roles)}{state}")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _now() -> datetime:
    return datetime.now(UTC)

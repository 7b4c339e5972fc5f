"""What commands on the database share: the settings, the database itself, and who they act as."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from service.cli import show

if TYPE_CHECKING:
    from pydantic import BaseModel

    from service.rights import Right
    from service.settings import Settings
    from service.storage.database import Database

    Form = TypeVar("Form", bound=BaseModel)

As = Annotated[str, typer.Option("--as", metavar="USER", help="The user who does it.")]
ACTOR = "command line"
"""Who stands in history and audit log; no user or key can have this name."""


@contextmanager
def opened() -> Iterator[tuple[Database, Settings]]:
    """Open the database of the settings, its tables brought to this version."""
    from service.settings import Settings
    from service.storage.database import Database

    settings = Settings()
    settings.make_folders()
    database = Database(settings.database_url)
    try:
        database.upgrade()
        yield database, settings
    finally:
        database.close()


def acting(connection: Any, name: str, right: Right) -> str:
    """Return the name of a user who has the right.

    Raises:
        AccountError: no such user in force, or he lacks the right.
    """
    from service.rights import Principal
    from service.storage.accounts import AccountError, user

    found = user(connection, name)
    if found is None or found.disabled:
        raise AccountError(f"no user {name!r} in force")
    if not Principal(found.name, found.roles).may(right):
        raise AccountError(f"{name!r} lacks the right {right.value!r}")
    return found.name


def month(text: str) -> str:
    """Return a month as it was given; refuse what is none."""
    from service.payroll import MONTH

    if not re.match(MONTH, text):
        raise typer.BadParameter(f"{text!r} is no month such as 2026-11")
    return text


def written(output: Path, body: bytes, as_json: bool) -> None:
    """Write a file and say so."""
    output.write_bytes(body)
    if as_json:
        show.as_json({"file": str(output), "bytes": len(body)})
    else:
        typer.echo(f"{output}: {len(body)} bytes")


def checked(form: type[Form], **given: Any) -> Form:
    """Return a form that holds to the same rules as a request."""
    from pydantic import ValidationError

    from service.schemas import field_problems

    try:
        return form(**given)
    except ValidationError as error:
        told = [
            f"{one.pointer[1:]}: {one.detail}".removeprefix(": ") for one in field_problems(error)
        ]
        raise typer.BadParameter("; ".join(told)) from error

"""What the programs of this folder share: options, lines of a file, exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from moderation.errors import ModerationError

Url = Annotated[str, typer.Option(help="Address of the service.")]
Key = Annotated[str, typer.Option(envvar="MODERATION_API_KEY", help="A key with the role `bot`.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON Lines instead of words.")]
URL = "http://127.0.0.1:8000"


def lines(file: Path) -> Iterator[str]:
    """Yield the lines of a file, of standard input for `-`, as they come; blank ones are left out."""
    with sys.stdin if str(file) == "-" else file.open(encoding="utf-8") as opened:
        yield from (line for line in opened if line.strip())


def say(line: str | dict[str, Any]) -> None:
    """Print a line at once: others may be waiting for it at the end of a pipe."""
    text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(about: object) -> None:
    """Print what went wrong."""
    typer.echo(f"error: {about}", err=True)


def run(command: Callable[..., None]) -> None:
    """Run a program: exit code 0 done, 1 some lines failed, 2 wrong usage or no service, 130 interrupted."""
    app = typer.Typer(
        add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
    )
    app.command()(command)
    try:
        app()
    except (ModerationError, OSError, UnicodeDecodeError) as error:
        complain(error)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)

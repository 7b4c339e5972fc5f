"""The command `moderation`. Commands import what they need when they run, so that help is instant."""

from __future__ import annotations

import sys

import typer

from service.cli import classify, policy, serve, train

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Finds breaches of company group-chat policies in Chinese messages.\n\n"
    "Exit codes: 0 done, 1 some lines or checks failed, 2 wrong usage or input, 130 interrupted.",
)
app.add_typer(policy.app, name="policy")
app.command(name="classify")(classify.classify)
app.command(name="train")(train.train)
app.command(name="evaluate")(train.evaluate)
app.command(name="serve")(serve.serve)


EXTRAS = {
    "sklearn": "training",
    "scipy": "training",
    "joblib": "training",
    "datasketch": "training",
    "matplotlib": "training",
    "jinja2": "training",
    "fastapi": "service",
    "uvicorn": "service",
    "pydantic_settings": "service",
}
"""Which extra brings a package that a command needs."""


def main() -> None:
    """Run the command line; errors of the library become one line and exit code 2."""
    from moderation.errors import ModerationError

    try:
        app()
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = EXTRAS[error.name]
        typer.echo(f"error: {error.name} is missing: pip install '.[{extra}]'", err=True)
        sys.exit(2)
    except ModerationError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)

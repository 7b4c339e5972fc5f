"""The command `moderation`. Commands import what they need when they run, so that help is instant."""

from __future__ import annotations

import sys

import typer

from service.cli import (
    accounts,
    actions,
    audit,
    cases,
    classify,
    conduct,
    demo,
    drift,
    events,
    export,
    feedback,
    models,
    nextup,
    notices,
    payroll,
    policy,
    report,
    retention,
    roster,
    serve,
    train,
    turns,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Finds breaches of company group-chat policies in Chinese messages.\n\n"
    "Exit codes: 0 done, 1 some lines or checks failed, 2 wrong usage or input, 130 interrupted.",
)
app.add_typer(policy.app, name="policy")
app.add_typer(accounts.users, name="users")
app.add_typer(accounts.keys, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(roster.app, name="groups")
app.add_typer(conduct.app, name="conduct")
app.add_typer(events.app, name="events")
app.add_typer(cases.app, name="cases")
app.add_typer(feedback.app, name="feedback")
app.add_typer(export.app, name="export")
app.add_typer(notices.app, name="notices")
app.add_typer(actions.app, name="actions")
app.add_typer(models.app, name="models")
app.add_typer(turns.app, name="turns")
app.command(name="retrain")(models.retrain)
app.command(name="worker")(models.worker)
app.command(name="drift")(drift.drift)
app.command(name="next")(nextup.next_up)
app.command(name="noise")(nextup.noise)
app.command(name="payroll")(payroll.payroll)
app.command(name="replay")(cases.replay)
app.command(name="classify")(classify.classify)
app.command(name="train")(train.train)
app.command(name="evaluate")(train.evaluate)
app.command(name="report")(report.report)
app.command(name="serve")(serve.serve)
app.command(name="demo")(demo.demo)
app.command(name="purge")(retention.purge)
app.command(name="erase")(retention.erase)


EXTRAS = {
    "sklearn": "training",
    "scipy": "training",
    "joblib": "training",
    "numba": "training",
    "matplotlib": "training",
    "pyarrow": "training",
    "jinja2": "training",
    "fastapi": "service",
    "uvicorn": "service",
    "pydantic_settings": "service",
    "sqlalchemy": "service",
    "argon2": "service",
    "docx": "service",
    "reportlab": "service",
    "openpyxl": "service",
    "httpx": "service",
    "prometheus_client": "service",
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

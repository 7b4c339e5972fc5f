"""`moderation models`, `moderation retrain` and `moderation worker`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli import show, store

app = typer.Typer(
    no_args_is_help=True, help="Look at versions of the model, promote them, roll back."
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


SUSPECTS = 10
"""New verdicts shown that are believed least; `--json` has all that are kept."""


@app.command(name="list")
def list_models(as_json: Json = False) -> None:
    """List the versions with their figures and what the gate said.

    Example: moderation models list
    """
    from service import versions
    from service.modelforms import ModelOut
    from service.settings import Settings

    found = [ModelOut.of(one) for one in versions.listed(Settings().registry)]
    if as_json:
        show.as_json([one.model_dump() for one in found])
        return
    columns = ["version", "alias", "messages", "label F1", "clean flagged", "gate"]
    rows = [
        [
            one.version,
            ", ".join(one.aliases),
            _number(one.samples),
            _number(one.label_f1),
            _number(one.clean_flagged),
            one.problem or {None: "-", True: "passed", False: "refused"}[one.passed],
        ]
        for one in found
    ]
    show.table("models", columns, rows)


@app.command(name="show")
def show_model(version: str, as_json: Json = False) -> None:
    """Show a version: figures, the comparison with its champion, the gate's verdict.

    Example: moderation models show champion
    """
    from service import versions
    from service.modelforms import ModelOut
    from service.settings import Settings

    found = versions.version(Settings().registry, version)
    body = ModelOut.of(found).model_dump()
    if as_json:
        show.as_json(body | {"comparison": found.comparison})
        return
    show.table(found.name, ["", ""], [[key, _number(value)] for key, value in body.items()])
    if found.comparison:
        _comparison(found.comparison)


@app.command()
def compare(
    old: str,
    new: str,
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Labelled JSON Lines; neither has seen them."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two versions on messages that neither has learnt from: by default the split `test`.

    Example: moderation models compare champion 2026.11.30-1f2e3d
    """
    from moderation.artifacts import load_model
    from service.settings import Settings
    from training import corpus, gate, retrain

    registry = Settings().registry
    before, after = (load_model(registry.resolve(name)) for name in (old, new))
    samples = corpus.load_samples(inputs or ())
    if not inputs:
        samples = corpus.of_split(samples, corpus.TEST)
    board = retrain.board_of(gate.TEST, samples, before, after)
    body = retrain.compared(before.version, after.version, [board])
    if as_json:
        show.as_json(body)
    else:
        _comparison(body)


@app.command()
def promote(
    version: str,
    force: Annotated[
        bool, typer.Option("--force", help="Promote what the gate has not let through.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why; needed with --force.")] = None,
    as_json: Json = False,
) -> None:
    """Make a version champion if the gate lets it through; running services follow within a second.

    Example: moderation models promote 2026.11.30-1f2e3d

    Example: moderation models promote 2026.11.30-1f2e3d --force --reason "fewer labels on purpose"
    """
    from service import versions
    from service.modelforms import PromoteRequest

    asked = store.checked(PromoteRequest, force=force, reason=reason)
    why = asked.reason if asked.force else None
    with store.opened() as (database, settings), database.write() as connection:
        at = datetime.now(UTC)
        found = versions.promote(connection, at, settings.registry, version, store.ACTOR, why)
    _champion(found, as_json)


@app.command()
def rollback(as_json: Json = False) -> None:
    """Make the champion before this one champion again; once more undoes that.

    Example: moderation models rollback
    """
    from service import versions

    with store.opened() as (database, settings), database.write() as connection:
        found = versions.rollback(connection, datetime.now(UTC), settings.registry, store.ACTOR)
    _champion(found, as_json)


@app.command()
def challenge(
    version: Annotated[str, typer.Argument(metavar="VERSION|none")], as_json: Json = False
) -> None:
    """Let a version judge live messages beside the champion without acting; `none` ends that.

    The page `/shadow` shows how the two compare.

    Example: moderation models challenge 2026.11.30-1f2e3d

    Example: moderation models challenge none
    """
    from service import versions

    wanted = None if version == "none" else version
    with store.opened() as (database, settings), database.write() as connection:
        at = datetime.now(UTC)
        found = versions.challenge(connection, at, settings.registry, wanted, store.ACTOR)
    if as_json:
        show.as_json({"challenger": found and found.name})
    else:
        typer.echo(f"{found.name} is challenger" if found else "no challenger")


def retrain(
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; default: a version beside the others.")
    ] = None,
    promote_if_passed: Annotated[
        bool, typer.Option("--promote-if-passed", help="Make it champion if the gate lets it.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processor cores to use.")] = 2,
    as_json: Json = False,
) -> None:
    """Train a candidate on project data and reviewed cases, and compare it with the champion.

    Exit code 1 means that the gate refuses the candidate; it is kept all the same.

    Example: moderation retrain

    Example: moderation retrain --promote-if-passed --json
    """
    from service.storage import jobs as stored
    from service.worker import Worker

    params = {
        "promote_if_passed": promote_if_passed,
        "output": str(output.resolve()) if output else None,
        "cores": jobs,
    }
    with store.opened() as (database, settings), show.working() as step:
        with database.write() as connection:
            number = stored.ask(connection, datetime.now(UTC), stored.RETRAIN, store.ACTOR, params)
        job = Worker(database, settings, shown=step).once(number)
    if job is None:
        raise typer.BadParameter("a worker is busy: the job waits for it")
    _done(job, as_json)


def worker(
    once: Annotated[bool, typer.Option("--once", help="Do the jobs that wait, then end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each job as a line of JSON when it has ended.")
    ] = False,
) -> None:
    """Do the jobs that people ask for, one at a time; any number of workers may run.

    Retraining, drift and the search for wrong labels. What is done stands in the job and on the
    page where it was asked for.

    Example: moderation worker

    Example: moderation worker --once --json
    """
    from service.modelforms import JobOut
    from service.worker import Worker

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with store.opened() as (database, settings):
        stop = threading.Event()
        if once:
            stop.set()
        at_work = Worker(database, settings, shown=lambda step: typer.echo(step, err=True))
        for job in at_work.run(stop.wait):
            if as_json:
                typer.echo(JobOut.of(job).model_dump_json())


def _done(job: Any, as_json: bool) -> None:
    """Say what came of a retraining."""
    if job.error is not None:
        typer.echo(f"error: {job.error}", err=True)
        raise typer.Exit(2)
    result = job.result
    if as_json:
        show.as_json(result)
    else:
        verdict = "passed" if result["passed"] else "refused by the gate"
        typer.echo(f"{result['version']}: {verdict}, in {result['folder']}")
        for reason in result["reasons"]:
            typer.echo(f"  {reason}")
        if result["promoted"]:
            typer.echo("it is champion now")
    if not result["passed"]:
        raise typer.Exit(1)


def _champion(found: Any, as_json: bool) -> None:
    from service.modelforms import ModelOut

    if as_json:
        show.as_json(ModelOut.of(found).model_dump())
    else:
        typer.echo(f"{found.name} is champion")


def _comparison(body: Mapping[str, Any]) -> None:
    """Print the differences of every board and the verdict."""
    from service.versions import explain

    for board in body["boards"]:
        names = ("label_f1", "category_f1", "attacked_recall", "clean_flagged")
        rows = [(name, board[name]) for name in names if board[name]] + [*board["labels"].items()]
        columns = ["", "old", "new", "difference", "95 % interval"]
        title = f"{board['board']}: {board['messages']} messages, flipped {board['flipped']}"
        show.table(title, columns, [_row(name, one) for name, one in rows])
    if body["batch"]:
        _batch(body["batch"])
    reasons = body["verdict"]["reasons"]
    typer.echo("gate: refused" if reasons else "gate: passed")
    for reason in reasons:
        typer.echo(f"  {explain(reason)}")


def _batch(batch: Mapping[str, Any]) -> None:
    """Print how far the new verdicts are contradicted, and those believed least."""
    for name in ("denied", "made_up"):
        if batch[name]:
            told = f"{batch[name]['new']:.1%} of the new verdicts, usually {batch[name]['old']:.1%}"
            typer.echo(f"{name}: {told}")
    rows = [
        [one["place"], ", ".join(one["labels"]) or "-", ", ".join(one["likely"]) or "-"]
        for one in batch["suspects"][:SUSPECTS]
    ]
    show.table("new verdicts believed least", ["case", "verdict", "likely"], rows)


def _row(name: str, one: Mapping[str, float]) -> list[str]:
    change = one["new"] - one["old"]
    told = [f"{one['old']:.3f}", f"{one['new']:.3f}", f"{change:+.3f}"]
    return [name, *told, f"{one['low']:+.3f} … {one['high']:+.3f}"]


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(value) if isinstance(value, tuple) else f"{value}"

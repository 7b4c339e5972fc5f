"""`moderation next` and `moderation noise`: what to label next, and what was labelled wrongly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from service.cli import show, store

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SHOWN = 20


def next_up(
    limit: Annotated[int, typer.Option(min=1, max=200, help="Cases to choose.")] = 20,
    as_json: Json = False,
) -> None:
    """Say what to label next: uncertain cases unlike each other, suspects, terms to add.

    Suspects are those that `moderation noise` found last.

    Example: moderation next --limit 10 --json
    """
    from moderation.artifacts import load_model
    from moderation.lexiconwatch import LexiconWatch
    from service import nextup
    from service.storage import analyses, texts

    with store.opened() as (database, settings):
        model = load_model(settings.registry.resolve(settings.model))
        with database.read() as connection:
            waiting, closed = texts.waiting(connection), texts.closed(connection)
            noise = analyses.suspects(connection)
        lexicon = LexiconWatch(settings.lexicons).current()
        cases = nextup.uncertain(waiting, model, limit)
        terms = nextup.suggestions(closed, lexicon)
    found: dict[str, Any] = {
        "cases": [one.to_dict() for one in cases],
        "suspects": noise.content if noise else {},
        "terms": [one.to_dict() for one in terms],
    }
    if as_json:
        show.as_json(found)
        return
    rows = [[one.case_id, one.label, f"{one.score:.2f}", one.text[:60]] for one in cases]
    show.table("uncertain cases", ["case", "label in doubt", "score", "text"], rows)
    _show_suspects(found["suspects"])
    rows = [[one.term, one.label, str(one.count), str(one.others)] for one in terms]
    show.table("terms to add", ["term", "label", "confirmed", "others"], rows)


def noise(
    jobs: Annotated[int, typer.Option(min=1, help="Processor cores to use.")] = 2,
    as_json: Json = False,
) -> None:
    """Look for wrong labels in the data set and in verdicts, and keep what was found for the page.

    A model that did not see a message contradicts its labels (confident learning). Needs the extra
    `training`.

    Example: moderation noise --json
    """
    from service import workeranalysis

    with show.working() as step, store.opened() as (database, settings):
        found = workeranalysis.noise(database, settings, jobs, datetime.now(UTC), step)
    if as_json:
        show.as_json(found)
    else:
        _show_suspects(found)


def _show_suspects(found: dict[str, Any]) -> None:
    for name, one in found.items():
        rows = [
            [
                s["place"],
                ", ".join(s["labels"]) or "-",
                ", ".join(s["likely"]) or "-",
                s["text"][:60],
            ]
            for s in one["suspects"][:SHOWN]
        ]
        title = f"{name}: {one['messages']} messages, {one['wrong']:.1%} contradicted"
        show.table(title, ["place", "labels", "likely", "text"], rows)

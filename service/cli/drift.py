"""`moderation drift`: how the last weeks differ from those before. Needs the extra `training`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import show, store

if TYPE_CHECKING:
    from service.drift import Instruments
    from service.settings import Settings


def drift(
    weeks: Annotated[int, typer.Option(min=2, max=104, help="Weeks to look back.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare each week of the later half with the earlier half, and keep the result for the page.

    Looked at are texts that were flagged or drawn for the sample, without personal data. Exit code 1
    if the last week is marked as drift.

    Example: moderation drift --weeks 12 --json
    """
    from service.drift import WEEK, report
    from service.storage import analyses, texts

    now = datetime.now(UTC)
    with show.working() as step, store.opened() as (database, settings):
        step("reading texts")
        with database.read() as connection:
            said = texts.since(connection, now - weeks * WEEK)
        step("comparing weeks")
        found = report(said, weeks, now, instruments(settings), settings.drift_alert)
        with database.write() as connection:
            analyses.keep(connection, now, analyses.DRIFT, found)
    if as_json:
        show.as_json(found)
    else:
        _show(found)
    if found["alert"]:
        raise typer.Exit(1)


def instruments(settings: Settings) -> Instruments:
    """Return what is measured with: a domain classifier, the model and the terms in force."""
    from moderation.artifacts import load_model
    from moderation.lexiconwatch import LexiconWatch
    from moderation.normalize import normalize
    from service.drift import Instruments
    from training.drift import told_apart
    from training.judge import text_scores

    model = load_model(settings.registry.resolve(settings.model))
    lexicon = LexiconWatch(settings.lexicons).current()

    def terms(texts: Sequence[str]) -> list[set[tuple[str, str]]]:
        out: list[set[tuple[str, str]]] = [set() for _ in texts]
        if texts:
            for hit in lexicon.find(normalize(list(texts))):
                out[hit.message].add((hit.term.text, hit.term.label))
        return out

    return Instruments(told_apart, lambda texts: text_scores(model, texts), terms)


def _show(found: dict[str, Any]) -> None:
    rows = [
        [
            week["since"][:10],
            str(week["texts"]),
            str(week["flagged"]),
            *(_figure(week.get(name)) for name in ("auc", "null", "p")),
            "drift" if week.get("alert") else "",
        ]
        for week in found["weeks"]
    ]
    columns = ["week from", "texts", "flagged", "AUC", "95 % of shuffles", "p", ""]
    show.table("input", columns, rows)
    for name in ("flagged", "missed"):
        rows = [
            [one["text"], str(one["count"]), str(one["before"]), str(one["weight"])]
            for one in found[name]["words"]
        ]
        show.table(f"new words among the {name}", ["word", "texts", "before", "weight"], rows)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

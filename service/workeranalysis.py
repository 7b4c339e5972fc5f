"""Long looks at the data, by command or in a worker: drift, and labels that are probably wrong.

    texts of the last weeks ─ weeks compared ─ kept for `/drift`
    verdicts + data set ─ parts trained on, the rest judged ─ kept for `/next`

Both need the extra `training`, which the serving process does without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from moderation.errors import ModerationError
from service.settings import Settings
from service.storage import analyses, feedback, texts
from service.storage.database import Database

if TYPE_CHECKING:
    from service.drift import Instruments
    from service.storage.feedback import Gold
    from training.corpus import Sample

Progress = Callable[[str], None]


def drift(
    database: Database, settings: Settings, weeks: int, now: datetime, step: Progress
) -> dict[str, Any]:
    """Compare the later half of the weeks with the earlier one; keep the report and return it."""
    from service.drift import WEEK, report

    step("reading texts")
    with database.read() as connection:
        said = texts.since(connection, now - weeks * WEEK)
    step("comparing weeks")
    found = report(said, weeks, now, _instruments(settings), settings.drift_alert)
    with database.write() as connection:
        analyses.keep(connection, now, analyses.DRIFT, found)
    return found


def noise(
    database: Database, settings: Settings, cores: int, now: datetime, step: Progress
) -> dict[str, Any]:
    """Look for wrong labels in verdicts and in the data set; keep the suspects by origin and return them.

    Raises:
        ModerationError: there are too few messages.
    """
    from training import corpus
    from training.noise import suspects

    step("reading data")
    with database.read() as connection:
        verdicts = [_sample(one) for one in feedback.gold(connection)]
    project = [one for one in _project(settings) if one.split != corpus.TEST]
    step("training on parts, judging the rest")
    origin = [analyses.VERDICTS] * len(verdicts) + [analyses.PROJECT] * len(project)
    try:
        by_origin = suspects([*verdicts, *project], origin, jobs=cores)
    except ValueError as error:
        raise ModerationError(str(error)) from error
    found = {name: one.to_dict() for name, one in by_origin.items()}
    with database.write() as connection:
        analyses.keep_suspects(connection, now, found)
    return found


def _project(settings: Settings) -> list[Sample]:
    from training.corpus import load_samples

    folder = settings.datasets_dir
    return load_samples(sorted(folder.glob("*.jsonl")) if folder else ())


def _sample(gold: Gold) -> Sample:
    """Return a verdict as a sample whose place is its case."""
    from training.corpus import Sample

    return Sample(
        gold.text,
        gold.labels,
        gold.group,
        gold.source,
        weight=gold.weight,
        place=gold.case_id or "",
    )


def _instruments(settings: Settings) -> Instruments:
    """Return what drift is measured with: a domain classifier, the model and the terms in force."""
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

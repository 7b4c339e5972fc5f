"""`train`: the whole training, and the whole retraining with its comparison, on all cores."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from moderation.artifacts import MODELS
from moderation.registry import CHAMPION, Registry
from tests.bench import measure, traffic
from tests.bench.measure import Scale, clock
from tests.bench.result import Result, below
from training import fit, retrain
from training.corpus import FEEDBACK, Sample

LIMITS = {13_000: 30.0, 100_000: 60.0}
"""Messages and the seconds that they may take on two cores."""
PROJECT, VERDICTS = 12_000, 1_000
RETRAIN_LIMIT = 30.0
WEIGHT = 3.0


def run(scale: Scale) -> Iterator[Result]:
    """Measure once at each size; small ones are drawn from the data set, large ones filled up."""
    sizes = [scale.training] if scale.training else [*LIMITS, len(traffic.learnable())]
    measure.pin(measure.CPUS)
    _train(min(sizes) // 10)  # compiles
    for size in sorted(sizes):
        limit = LIMITS.get(size)
        target = below(limit) if limit else None
        note = f"{len(measure.CPUS)} cores"
        yield Result(f"train.{size}", clock(lambda n=size: _train(n)), "s", target, note)
    verdicts = scale.training // 10 if scale.training else VERDICTS
    project = scale.training or PROJECT
    start = time.process_time()
    seconds = clock(lambda: _retrain(project, verdicts))
    note = f"{len(measure.CPUS)} cores, {time.process_time() - start:.0f} s of processor time"
    yield Result(f"retrain.{project}+{verdicts}", seconds, "s", below(RETRAIN_LIMIT), note)
    measure.pin(measure.server_core())


def _train(size: int) -> None:
    recipe = fit.Recipe(jobs=len(measure.CPUS))
    with tempfile.TemporaryDirectory() as folder:
        fit.train(traffic.many(size), Path(folder), recipe, date(2000, 1, 1), lambda _: None)


def _retrain(project: int, verdicts: int) -> None:
    """Learn from messages and as many verdicts, compare with the champion that ships, and write it all."""
    rows = traffic.many(project + verdicts)
    feedback = [_verdict(row, number) for number, row in enumerate(rows[project:])]
    with tempfile.TemporaryDirectory() as folder:
        retrain.retrain(
            rows[:project],
            retrain.Feedback(feedback, [True] * verdicts),
            Registry(MODELS).resolve(CHAMPION),
            Path(folder),
            fit.Recipe(jobs=len(measure.CPUS)),
            date(2000, 1, 1),
            lambda _: None,
        )


def _verdict(sample: Sample, number: int) -> Sample:
    source = f"{FEEDBACK}/work/suzhou-2017"
    return replace(sample, source=source, weight=WEIGHT, unit=f"{source}/{number}")

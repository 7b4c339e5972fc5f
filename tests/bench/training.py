"""`train`: the whole training, from messages to a written model, on all cores."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from tests.bench import measure, traffic
from tests.bench.measure import Scale, clock
from tests.bench.result import Result, below
from training import fit

LIMITS = {13_000: 30.0, 100_000: 60.0}
"""Messages and the seconds that they may take on two cores."""


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
    measure.pin(measure.server_core())


def _train(size: int) -> None:
    recipe = fit.Recipe(jobs=len(measure.CPUS))
    with tempfile.TemporaryDirectory() as folder:
        fit.train(traffic.many(size), Path(folder), recipe, date(2000, 1, 1), lambda _: None)

"""`core`: normaliser, features and scorer alone."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import own, traffic
from tests.bench.measure import Scale, in_turns, rate
from tests.bench.result import Result


def run(scale: Scale) -> Iterator[Result]:
    """Measure messages per second at every batch size, numpy and compiled."""
    mix = traffic.realistic(scale.messages)
    for size in own.BATCHES:
        jobs = {engine: own.core(engine, mix.texts, size) for engine in own.ENGINES}
        for engine, seconds in in_turns(jobs, scale.rounds).items():
            value = rate(len(mix.texts), seconds)
            yield Result(f"core.{engine}.{size}", value, "messages/s", note=mix.name)

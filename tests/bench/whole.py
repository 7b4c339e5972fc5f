"""`whole`: from messages to decisions, `Moderator.moderate`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from moderation import Message
from tests.bench import own, traffic
from tests.bench.measure import Scale, clock, in_turns, rate
from tests.bench.result import Result, below

ONE_MS = 0.5


def run(scale: Scale) -> Iterator[Result]:
    """Measure one message at a time and messages per second, at both mixes."""
    everyday = traffic.realistic(scale.messages)
    flagged = traffic.as_collected(scale.messages)
    for name, mix in (("whole", everyday), ("whole-flagged", flagged)):
        yield from _one_by_one(name, mix, limit=name == "whole")
        for size in own.BATCHES:
            jobs = {engine: own.whole(engine, mix.texts, size) for engine in own.ENGINES}
            for engine, seconds in in_turns(jobs, scale.rounds).items():
                value = rate(len(mix.texts), seconds)
                yield Result(f"{name}.{engine}.{size}", value, "messages/s", note=mix.name)


def _one_by_one(name: str, mix: traffic.Traffic, limit: bool) -> Iterator[Result]:
    """Time every message by itself, the engines in turns message by message."""
    seconds: dict[str, list[float]] = {engine: [] for engine in own.ENGINES}
    messages = [Message(text) for text in mix.texts]
    for engine in own.ENGINES:
        own.moderator(engine).moderate(messages)
    for message in messages:
        for engine in own.ENGINES:
            judge = own.moderator(engine)
            seconds[engine].append(clock(lambda j=judge, m=message: j.moderate([m])))
    for engine, times in seconds.items():
        median = statistics.median(times) * 1e3
        slow = statistics.quantiles(times, n=20)[-1] * 1e3
        target = below(ONE_MS) if limit else None
        yield Result(f"{name}.{engine}.one", median, "ms", target, f"median, {mix.name}")
        yield Result(f"{name}.{engine}.one.p95", slow, "ms", note=f"95th percentile, {mix.name}")

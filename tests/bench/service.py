"""`service`: how fast `moderation serve` is up, and how much memory it takes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.bench import load, own, traffic
from tests.bench.measure import Scale
from tests.bench.result import Result, below
from tests.bench.servers import SERVE, serving

MEMORY_MB = 200.0


def run(scale: Scale) -> Iterator[Result]:
    """Start it with numpy and with the compiled kernel; the latter may import numba."""
    for engine in own.ENGINES:
        yield from _one(engine, scale)


def _one(engine: str, scale: Scale) -> Iterator[Result]:
    compiled = engine == "compiled"
    name = f"service.{engine}"
    starts = []
    for _ in range(scale.starts - 1):
        with serving(SERVE, compiled) as server:
            starts.append(server.first_answer)
    mix = traffic.realistic(scale.service_messages)
    with serving(SERVE, compiled) as server:
        starts.append(server.first_answer)
        idle, heavy = server.memory(), server.get("/bench/modules")
        load.fire(server.port, mix.texts)
        loaded = server.memory()
    assert isinstance(heavy, list)
    yield Result(f"{name}.start", statistics.median(starts) * 1e3, "ms", note="to first answer")
    yield Result(f"{name}.idle", idle, "MB", below(MEMORY_MB), "resident, after one clean message")
    note = f"resident, after {len(mix.texts):,} messages: {mix.name}"
    yield Result(f"{name}.loaded", loaded, "MB", below(MEMORY_MB), note)
    note = f"before the first flagged message: {', '.join(heavy) or 'none'}"
    yield Result(f"{name}.heavy", len(heavy), "imports", None if compiled else below(1), note)

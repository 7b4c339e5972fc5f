"""`http`: the service beside a bare FastAPI endpoint with the same models, in turns on one core."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack

from tests.bench import load, own, traffic
from tests.bench.measure import Scale, rate, ratio
from tests.bench.result import Result, at_least
from tests.bench.servers import BARE, SERVE, Server, serving

CLEAN_SHARE = 0.6
FLAGGED_SHARE = 0.3


def run(scale: Scale) -> Iterator[Result]:
    """Measure requests per second at 32 connections: clean messages, the everyday mix, flagged ones."""
    with ExitStack() as stack:
        servers = {"bare": stack.enter_context(serving(BARE))}
        for engine in own.ENGINES:
            servers[engine] = stack.enter_context(serving(SERVE, engine == "compiled"))
        clean, flagged = traffic.clean(scale.requests), traffic.flagged(scale.requests)
        yield from _beside("http", clean, servers, scale, CLEAN_SHARE)
        yield from _beside("http-mixed", traffic.realistic(scale.requests), servers, scale)
        yield from _beside("http-flagged", flagged, servers, scale, FLAGGED_SHARE)


def _beside(
    name: str,
    mix: traffic.Traffic,
    servers: dict[str, Server],
    scale: Scale,
    share: float | None = None,
) -> Iterator[Result]:
    seconds: dict[str, list[float]] = {server: [] for server in servers}
    work: dict[str, list[float]] = {server: [] for server in servers}
    for number in range(scale.rounds + 1):
        for which, server in servers.items():
            before = server.work()
            taken = load.fire(server.port, mix.texts)
            if number:  # the first round warms up
                seconds[which].append(taken)
                work[which].append(server.work() - before)
    for which, times in seconds.items():
        count = len(mix.texts)
        yield Result(f"{name}.{which}", rate(count, times), "requests/s", note=mix.name)
        own_time = statistics.median(work[which]) / count * 1e6
        yield Result(f"{name}.{which}.work", own_time, "us", note="processor time of a request")
    for engine in own.ENGINES:
        value = ratio(seconds["bare"], seconds[engine])
        target = None if share is None else at_least(share)
        yield Result(f"{name}.{engine}/bare", value, "x", target, mix.name)

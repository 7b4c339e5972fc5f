"""`http`: the service beside a bare FastAPI endpoint with the same models, in turns on one core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from tests.bench import load, own, traffic
from tests.bench.measure import Scale, rate, ratio
from tests.bench.result import Result, at_least
from tests.bench.servers import BARE, SERVE, serving

CLEAN_SHARE = 0.6
FLAGGED_SHARE = 0.3


def run(scale: Scale) -> Iterator[Result]:
    """Measure requests per second at 32 connections: clean messages, the everyday mix, flagged ones."""
    with ExitStack() as stack:
        ports = {"bare": stack.enter_context(serving(BARE)).port}
        for engine in own.ENGINES:
            server = stack.enter_context(serving(SERVE, engine == "compiled"))
            ports[engine] = server.port
        clean, flagged = traffic.clean(scale.requests), traffic.flagged(scale.requests)
        yield from _beside("http", clean, ports, scale, CLEAN_SHARE)
        yield from _beside("http-mixed", traffic.realistic(scale.requests), ports, scale)
        yield from _beside("http-flagged", flagged, ports, scale, FLAGGED_SHARE)


def _beside(
    name: str,
    mix: traffic.Traffic,
    ports: dict[str, int],
    scale: Scale,
    share: float | None = None,
) -> Iterator[Result]:
    seconds: dict[str, list[float]] = {server: [] for server in ports}
    for number in range(scale.rounds + 1):
        for server, port in ports.items():
            taken = load.fire(port, mix.texts)
            if number:  # the first round warms up
                seconds[server].append(taken)
    for server, times in seconds.items():
        yield Result(f"{name}.{server}", rate(len(mix.texts), times), "requests/s", note=mix.name)
    for engine in own.ENGINES:
        value = ratio(seconds["bare"], seconds[engine])
        target = None if share is None else at_least(share)
        yield Result(f"{name}.{engine}/bare", value, "x", target, mix.name)

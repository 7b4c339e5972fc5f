"""`against`: the same work by what people build first, in the same run, in turns."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator

import jieba

from tests.bench import own, rivals, traffic
from tests.bench.measure import Job, Scale, batches, in_turns, rate, ratio
from tests.bench.result import Result, at_least

SIZE = 1024
TARGETS = {"core": 10.0, "decided": 6.0}


def run(scale: Scale) -> Iterator[Result]:
    """Measure how many times faster we are than each rival, at both mixes.

    `decided` is the whole way without naming the words that weighed, `whole` is with them.
    """
    jieba.setLogLevel(logging.WARNING)
    data = list(traffic.samples())
    if scale.training:
        data = random.Random(traffic.SEED).sample(data, scale.training)
    scorers = {"tfidf": rivals.tfidf(data), "fasttext": rivals.fast_text(data)}
    yield from _compare("", traffic.realistic(scale.messages), scorers, scale)
    yield from _compare("-flagged", traffic.as_collected(scale.messages), scorers, scale)


def _compare(
    suffix: str, mix: traffic.Traffic, scorers: dict[str, rivals.Scorer], scale: Scale
) -> Iterator[Result]:
    ours = _ours(mix, suffix)
    theirs = {name: _job(score, mix) for name, score in scorers.items()}
    seconds = in_turns(ours | theirs, scale.rounds)
    for name in theirs:
        value = rate(len(mix.texts), seconds[name])
        yield Result(f"against.{name}{suffix}", value, "messages/s", note=mix.name)
    for name in ours:
        wanted = TARGETS.get(name.split(".")[0])
        target = at_least(wanted) if wanted and not suffix else None
        for rival in theirs:
            value = ratio(seconds[rival], seconds[name])
            yield Result(f"against.{name}/{rival}", value, "x", target, mix.name)


def _ours(mix: traffic.Traffic, suffix: str) -> dict[str, Job]:
    makers = (
        {"whole": own.whole}
        if suffix
        else {
            "core": own.core,
            "decided": own.decided,
            "whole": own.whole,
        }
    )
    return {
        f"{name}{suffix}.{engine}": make(engine, mix.texts, SIZE)
        for name, make in makers.items()
        for engine in own.ENGINES
    }


def _job(score: rivals.Scorer, mix: traffic.Traffic) -> Job:
    parts = batches(mix.texts, SIZE)
    return lambda: [score(part) for part in parts]

"""The product as jobs: the scorer's core alone, and the whole way to decisions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from moderation import Message, Moderator, kernel
from moderation.normalize import normalize
from tests.bench.measure import Job, batches

BATCHES = (1, 32, 1024)
ENGINES = ("numpy", "compiled") if kernel.available() else ("numpy",)


@cache
def moderator(engine: str) -> Moderator:
    """Return a moderator that scores with numpy or with the compiled kernel."""
    return Moderator.load(compiled=engine == "compiled")


def core(engine: str, texts: Sequence[str], size: int) -> Job:
    """Return the job: probabilities of nineteen labels, nothing else."""
    judge = moderator(engine)
    parts = batches(texts, size)
    # `_score` is features + scorer as the pipeline calls them.
    return lambda: [judge._score(judge.model, normalize(part)) for part in parts]


def whole(engine: str, texts: Sequence[str], size: int) -> Job:
    """Return the job: full decisions with findings, evidence, articles and penalties."""
    return _moderate(engine, texts, size, with_evidence=True)


def decided(engine: str, texts: Sequence[str], size: int) -> Job:
    """Return the job: normalise, features, score, lexicon, patterns, decide; no words that weighed."""
    return _moderate(engine, texts, size, with_evidence=False)


def _moderate(engine: str, texts: Sequence[str], size: int, *, with_evidence: bool) -> Job:
    judge = moderator(engine)
    parts = batches([Message(text) for text in texts], size)
    return lambda: [judge.moderate(part, with_evidence=with_evidence) for part in parts]

"""Messages to measure with, drawn from the project's own data set by a fixed seed.

The model was trained on these lines: speed is measured here, not judgement. What makes a message
slow is being flagged (evidence is gathered with jieba), so that the mix matters.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache

from training.corpus import TEST, Sample, load_samples

SEED = 20261123
SHARE = 0.05
"""Violations in a hundred messages of the headline mix: far more than a company's groups see."""
MIXES = {
    "everyday": "95 % lines labelled clean (hard negatives among them), 5 % violations; the headline",
    "collected": "lines of the data set in its own proportion, most of them violations",
    "clean": "lines labelled clean",
    "flagged": "lines labelled as violations",
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Texts in random order; `name` is a key of `MIXES`."""

    texts: list[str]
    name: str


@cache
def samples() -> tuple[Sample, ...]:
    """Return the data set."""
    return tuple(load_samples())


def realistic(count: int) -> Traffic:
    """Return the headline mix: 95 % clean lines (hard negatives among them), 5 % violations."""
    bad = max(1, round(count * SHARE))
    return _mix(count - bad, bad, "everyday")


def clean(count: int) -> Traffic:
    """Return lines labelled clean."""
    return _mix(count, 0, "clean")


def flagged(count: int) -> Traffic:
    """Return lines labelled as violations."""
    return _mix(0, count, "flagged")


def describe() -> list[str]:
    """Return what the mixes are and how long their messages: every report states it."""
    bad = sum(not sample.is_clean for sample in samples())
    length = sum(len(sample.text) for sample in samples()) / len(samples())
    lines = [f"mix {name}: {about}" for name, about in MIXES.items()]
    size = f"{len(samples()):,} lines, {bad / len(samples()):.0%} violations"
    return [*lines, f"data set: {size}, {length:.0f} characters on average"]


def as_collected(count: int) -> Traffic:
    """Return lines of the data set as they come, most of them violations."""
    share = sum(not sample.is_clean for sample in samples()) / len(samples())
    bad = round(count * share)
    return _mix(count - bad, bad, "collected")


def learnable() -> list[Sample]:
    """Return the lines of the data set that training learns from."""
    return [sample for sample in samples() if sample.split != TEST]


def many(count: int) -> list[Sample]:
    """Return so many different samples to train on.

    Lines of the data set, and once they are used up the head of one with the tail of another of the
    same labels, in as many files as the data set would have at that size.
    """
    dice = random.Random(SEED)
    known = learnable()
    if count <= len(known):
        return dice.sample(known, count)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for sample in known:
        alike[sample.labels].append(sample.text)
    out = known[:]
    while len(out) < count:
        head = known[len(out) % len(known)]
        text = _crossed(head.text, dice.choice(alike[head.labels]), dice)
        out.append(replace(head, text=text, unit=f"{head.unit} {len(out) // len(known)}"))
    return out


def _crossed(head: str, tail: str, dice: random.Random) -> str:
    text = head[: dice.randint(1, len(head))] + tail[dice.randrange(len(tail)) :]
    place = dice.randrange(len(text))
    return text[:place] + chr(dice.randrange(0x4E00, 0x9FA5)) + text[place:]


def _mix(good: int, bad: int, name: str) -> Traffic:
    dice = random.Random(SEED)
    clean_texts = [sample.text for sample in samples() if sample.is_clean]
    bad_texts = [sample.text for sample in samples() if not sample.is_clean]
    texts = dice.choices(clean_texts, k=good) + dice.choices(bad_texts, k=bad)
    dice.shuffle(texts)
    return Traffic(texts, name)

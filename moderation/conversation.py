"""Flooding over time: fingerprints of a group's last messages -> what a new one repeats. Pure.

    texts ─ fingerprint (exact, near) ─ window per sender and per text ─ rule of the policy ─ finding

Nothing of a text is kept but two keyed numbers. A rule fires when its count is reached and at every
multiple of it, so that a flood of fifty equal lines is ten findings at most, not forty-six.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from moderation.policy import FloodRule
from moderation.taxonomy import taxonomy
from moderation.types import Action, Evidence, Finding

SOURCE = "conversation"
LABEL = "flooding"
SCORE = 0.9
"""Counted, not estimated; below the score that blocks, for a person decides whether it was idle."""
LANES = 4
"""A near fingerprint holds so many 16-bit minima of hashed character pairs (b-bit minwise hashing,
Li and König 2010); three of four agree where about three quarters of the pairs are shared."""
ALIKE = 3
SHORT = 4
"""A text with fewer pairs has no near fingerprint of its own: only an equal one is near it."""
TOLD = 5
"""Earlier messages named as evidence."""
LONGEST = FloodRule.LONGEST
DEEPEST = FloodRule.MOST + 4
"""Traces kept per sender and per text. Once they are full the count stands still and nothing fires:
such a flood has been reported a dozen times already."""
_HIGHEST = np.uint64(2**64 - 1)
_DIGITS = tuple(range(ord("0"), ord("9") + 1))


@dataclass(frozen=True, slots=True)
class Trace:
    """What is kept of a message: keyed numbers for its group, sender and text, and its time in ms."""

    group: int
    sender: int
    exact: int
    near: int
    at: int


def keyed(key: bytes, *parts: str) -> int:
    """Return a signed 64-bit number that cannot be traced back to `parts` without the key."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big", signed=True)


def near_prints(texts: Sequence[str], key: bytes) -> list[int]:
    """Return a near fingerprint per text: digits alike, four 16-bit minima, as a signed 64-bit number."""
    codes = np.frombuffer("".join(text + "\0" for text in texts).encode("utf-32-le"), np.uint32)
    codes = np.where((codes >= _DIGITS[0]) & (codes <= _DIGITS[-1]), np.uint32(_DIGITS[0]), codes)
    pairs = (codes[:-1].astype(np.uint64) << np.uint64(21)) | codes[1:]
    inside = (codes[:-1] != 0) & (codes[1:] != 0)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    counts = np.maximum(lengths - 1, 0)
    lanes = np.zeros(len(texts), dtype=np.uint64)
    long = counts >= SHORT
    if long.any():
        seeds = np.frombuffer(
            hashlib.blake2b(key, digest_size=8 * LANES, person=b"near").digest(), np.uint64
        )
        kept = pairs[inside]
        starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
        for lane, seed in enumerate(seeds):
            # One value more than there are pairs: a last text without any begins there.
            minima = np.minimum.reduceat(np.append(_mixed(kept, seed), _HIGHEST), starts)
            lanes |= (minima & np.uint64(0xFFFF)) << np.uint64(16 * lane)
    prints: list[int] = np.where(long, lanes, 0).view(np.int64).tolist()
    return prints


def _mixed(values: NDArray[np.uint64], seed: np.uint64) -> NDArray[np.uint64]:
    """Return `values` hashed (the finaliser of splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = values + seed
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def alike(one: Trace, other: Trace) -> bool:
    """Return whether two messages say nearly the same."""
    if one.exact == other.exact:
        return True
    if not (one.near and other.near):
        return False
    differing = one.near ^ other.near
    return sum((differing >> 16 * lane) & 0xFFFF == 0 for lane in range(LANES)) >= ALIKE


class Window:
    """The traces of the last hour, found by sender and by text; not safe to share between threads."""

    def __init__(self) -> None:
        self._order: deque[Trace] = deque()
        self._by_sender: dict[tuple[int, int], deque[Trace]] = defaultdict(
            lambda: deque(maxlen=DEEPEST)
        )
        self._by_text: dict[tuple[int, int], deque[Trace]] = defaultdict(
            lambda: deque(maxlen=DEEPEST)
        )

    def __len__(self) -> int:
        return len(self._order)

    def add(self, trace: Trace) -> None:
        """Remember a message."""
        self._order.append(trace)
        self._by_sender[trace.group, trace.sender].append(trace)
        self._by_text[trace.group, trace.exact].append(trace)

    def forget(self, before: int) -> None:
        """Drop what came in ahead of a message that is not older than `before`, in ms."""
        while self._order and self._order[0].at < before:
            trace = self._order.popleft()
            for index, key in (
                (self._by_sender, (trace.group, trace.sender)),
                (self._by_text, (trace.group, trace.exact)),
            ):
                line = index.get(key)
                if line and line[0] is trace:
                    line.popleft()
                if line is not None and not line:
                    del index[key]

    def floods(self, trace: Trace, length: int, rule: FloodRule) -> tuple[str, list[Trace]] | None:
        """Return what a new message of `length` characters makes up with earlier ones, and these.

        The trace itself is not yet in the window. One that comes late counts with what was sent
        around its own time, not with all that was sent since.
        """
        span = rule.seconds * 1000
        own = [
            t
            for t in self._by_sender.get((trace.group, trace.sender), ())
            if abs(t.at - trace.at) <= span
        ]
        same = [t for t in own if t.exact == trace.exact]
        if _reached(len(same) + 1, rule.repeats):
            return f"{rule.seconds}秒内第{len(same) + 1}次发送相同内容", same
        near = [t for t in own if alike(t, trace)]
        if _reached(len(near) + 1, rule.walls):
            return f"{rule.seconds}秒内第{len(near) + 1}条几乎相同的内容", near
        if _reached(len(own) + 1, rule.burst):
            return f"{rule.seconds}秒内连发{len(own) + 1}条", own
        if length >= rule.copied_length:
            copies = [
                t
                for t in self._by_text.get((trace.group, trace.exact), ())
                if abs(t.at - trace.at) <= span
            ]
            senders = {t.sender for t in copies}
            if trace.sender not in senders and _reached(len(senders) + 1, rule.senders):
                return f"{rule.seconds}秒内{len(senders) + 1}人发送相同内容", copies
        return None


def _reached(count: int, limit: int) -> bool:
    return count <= DEEPEST and count >= limit and count % limit == 0


def finding(text: str, told: str, earlier: Iterable[Trace]) -> Finding:
    """Return the finding of a flood, the times of the earlier messages in its reason."""
    times = [
        datetime.fromtimestamp(t.at / 1000, UTC).strftime("%H:%M:%SZ")
        for t in list(earlier)[-TOLD:]
    ]
    reason = f"{told}，之前：{'、'.join(times)}"
    evidence = Evidence(0, len(text), text, text, reason)
    return Finding(LABEL, taxonomy()[LABEL].category, SCORE, SOURCE, Action.REVIEW, (evidence,))

"""The normaliser: text as written -> text as read, with the way back to every original character.

    one string for the whole batch
      ─ fold       one table: case, width, styled, traditional, look-alike, invisible, emoji
      ─ separators 加 . 微 . 信 -> 加微信
      ─ split      亻言 -> 信
      ─ repeats    好好好好好 -> 好好好 (digits are left alone)
      ─ phrases    加薇 -> 加微, nmsl -> 你妈死了

Everything runs over the batch at once on arrays of code points; messages are kept apart by NUL. Each
character kept carries the half-open range `[start, end)` of the original it stands for. The
normaliser does not judge: it only makes the same thing written in many ways look the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from moderation import tables
from moderation.tables import BIT, CJK, DIGIT, EDGE, LATIN, LIMIT, SPACE, STEPS, STRONG, WEAK

MAX_RUN = 3
MAX_GAP = 4
"""Longest run of separators between two characters that is taken out, in characters."""
MIN_SPELLED = 5
"""Fewest lone digits that are read as one number: 1.2.3 is a version, 1 2 8 0 0 a number spelled out."""


@dataclass(slots=True)
class NormalizedBatch:
    """A batch in one row of code points; message i is `codes[offsets[i]:offsets[i + 1] - 1]` and a NUL.

    `start` and `end` (int32, positions in the original message) and `codes` (uint32) have one
    entry per character kept. `text` is the same row as a string. `lengths` are the originals'.
    """

    codes: NDArray[np.uint32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    offsets: NDArray[np.int64]
    steps: NDArray[np.uint16]
    text: str
    originals: Sequence[str]

    def __len__(self) -> int:
        return len(self.originals)

    def __getitem__(self, number: int) -> Normalized:
        """Return one message of the batch."""
        low, high = int(self.offsets[number]), int(self.offsets[number + 1]) - 1
        mask = int(self.steps[number])
        return Normalized(
            original=self.originals[number],
            text=self.text[low:high],
            start=self.start[low:high],
            end=self.end[low:high],
            steps=tuple(name for i, name in enumerate(STEPS) if mask >> i & 1),
        )


@dataclass(frozen=True, slots=True)
class Normalized:
    """One message as read; `start[i]`, `end[i]` give the original range of character i."""

    original: str
    text: str
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    steps: tuple[str, ...]

    def original_span(self, low: int, high: int) -> tuple[int, int]:
        """Return the range of the original that characters `[low, high)` (not empty) stand for."""
        return int(self.start[low]), int(self.end[high - 1])


def normalize(texts: Sequence[str]) -> NormalizedBatch:
    """Normalise a batch of texts, which hold no NUL and no lone surrogate."""
    row = _Row.of(texts)
    row.fold()
    row.join_separated()
    row.join_split()
    row.shorten_runs()
    row.replace_phrases()
    return row.batch(texts)


@cache
def version() -> str:
    """Return a hash of the tables: decisions name it, so that they can be replayed."""
    digest = hashlib.sha256()
    for path in sorted(tables.TABLES.glob("*.tsv")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class _Row:
    """A batch under work. Each step replaces the arrays and marks the messages that it changed."""

    def __init__(
        self, codes: NDArray[np.uint32], start: NDArray[np.int32], edges: NDArray[np.int64]
    ) -> None:
        self.codes = codes
        self.start = start
        self.end = start + np.int32(1)
        self.edges = edges
        self.steps = np.zeros(len(edges), dtype=np.uint16)
        self.text: str | None = None

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Row:
        """Lay the texts end to end, a NUL after each."""
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1
        edges = np.cumsum(lengths) - 1
        joined = "\0".join(texts) + "\0" if texts else ""
        codes = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32)
        start = np.arange(len(codes), dtype=np.int64) - np.repeat(edges + 1 - lengths, lengths)
        return cls(codes, start.astype(np.int32), edges)

    def fold(self) -> None:
        table = tables.fold()
        slot = np.minimum(self.codes, LIMIT)
        if len(self.edges):
            low = np.concatenate(([0], self.edges[:-1] + 1))
            self.steps |= np.bitwise_or.reduceat(table.bit[slot], low)
        length = table.length[slot].astype(np.int64)
        codes = table.first[slot]
        if not (length == 1).all():
            source = np.repeat(np.arange(len(slot)), length)
            ahead = np.arange(len(source)) - np.repeat(np.cumsum(length) - length, length)
            codes = codes[source]
            many = ahead > 0
            codes[many] = table.pool[table.offset[slot[source[many]]] + ahead[many]]
            self._keep(source)
        self.codes = codes

    def join_separated(self) -> None:
        kind = tables.classes()[np.minimum(self.codes, LIMIT)]
        separator = (kind >= STRONG) & (kind <= WEAK)
        kept = np.flatnonzero(~separator)
        gap = np.diff(kept) - 1
        if not gap.any():
            return
        joined = _joinable(kind, separator, kept, gap)
        if not joined.any():
            return
        self._mark("separator", kept[:-1][joined])
        change = np.zeros(len(self.codes) + 1, dtype=np.int8)
        change[kept[:-1][joined] + 1] += 1
        change[kept[1:][joined]] -= 1
        self._select(np.cumsum(change[:-1]) == 0)

    def join_split(self) -> None:
        heads, parts = _split_tables()
        left = np.flatnonzero(heads[np.minimum(self.codes[:-1], LIMIT)])
        for low in left.tolist():
            whole = parts.get(int(self.codes[low]) << 20 | int(self.codes[low + 1]))
            if whole is not None:
                self._mark("split", np.array([low]))
                self.codes[low] = whole
                self.end[low] = self.end[low + 1]
                self.codes[low + 1] = LIMIT
        if len(left):
            self._select(self.codes != LIMIT)

    def shorten_runs(self) -> None:
        codes = self.codes
        if len(codes) <= MAX_RUN:
            return
        same = codes[MAX_RUN:] == codes[:-MAX_RUN]
        for back in range(1, MAX_RUN):
            same &= codes[MAX_RUN:] == codes[back : back - MAX_RUN]
        same &= (codes[MAX_RUN:] < 0x30) | (codes[MAX_RUN:] > 0x39)
        same &= codes[MAX_RUN:] != 0  # a row of empty messages is no run
        if same.any():
            self._mark("repeat", np.flatnonzero(same) + MAX_RUN)
            gone = np.concatenate((np.zeros(MAX_RUN, dtype=bool), same, [False]))
            first = np.flatnonzero(gone[1:] & ~gone[:-1])
            last = np.flatnonzero(gone[:-1] & ~gone[1:])
            self.end[first] = self.end[last]  # the last one kept stands for the rest of the run
            self._select(~gone[:-1])

    def replace_phrases(self) -> None:
        matcher, known = _phrase_matcher()
        text = self.as_text()
        found = []
        for number, low, high in matcher.find_matches_as_indexes(text):
            phrase = known[number]
            if _whole_word(text, low, high) and _in_context(text, low, high, phrase.context):
                found.append((low, high, phrase))
        if found:
            self._replace(found)

    def as_text(self) -> str:
        if self.text is None:
            self.text = self.codes.tobytes().decode("utf-32-le")
        return self.text

    def batch(self, texts: Sequence[str]) -> NormalizedBatch:
        offsets = np.concatenate(([0], self.edges + 1))
        text = self.as_text()
        return NormalizedBatch(self.codes, self.start, self.end, offsets, self.steps, text, texts)

    def _replace(self, found: list[tuple[int, int, tables.Phrase]]) -> None:
        """Put phrases in place; each new character stands for the whole phrase as written."""
        codes, start, end = [], [], []
        done = 0
        for low, high, phrase in found:
            self._mark(phrase.step, np.array([low]))
            new = [ord(char) for char in phrase.read_as]
            codes += [self.codes[done:low], np.array(new, dtype=np.uint32)]
            start += [self.start[done:low], np.full(len(new), self.start[low], dtype=np.int32)]
            end += [self.end[done:low], np.full(len(new), self.end[high - 1], dtype=np.int32)]
            done = high
        self.codes = np.concatenate([*codes, self.codes[done:]])
        self.start = np.concatenate([*start, self.start[done:]])
        self.end = np.concatenate([*end, self.end[done:]])
        self.edges = np.flatnonzero(self.codes == 0)
        self.text = None

    def _mark(self, step: str, positions: NDArray[np.int64]) -> None:
        numbers = np.searchsorted(self.edges, positions)
        self.steps[numbers] |= BIT[step]

    def _select(self, keep: NDArray[np.bool_]) -> None:
        if not keep.all():
            self.codes = self.codes[keep]
            self._keep(np.flatnonzero(keep))

    def _keep(self, source: NDArray[np.int64]) -> None:
        """Take `start`, `end` and the messages' edges along; character i comes from `source[i]`."""
        self.start = self.start[source]
        self.end = self.end[source]
        self.edges = np.searchsorted(source, self.edges)


def _joinable(
    kind: NDArray[np.uint8],
    separator: NDArray[np.bool_],
    kept: NDArray[np.int64],
    gap: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return for each gap between kept characters whether its separators are to be taken out.

    A character is alone when separators or an edge stand on both its sides. Ordinary punctuation
    between words must survive, so weak separators go only within a chain of lone characters.
    """
    open_before = np.concatenate(([True], gap > 0))
    open_after = np.concatenate((gap > 0, [True]))
    kept_kind = kind[kept]
    foreign = np.concatenate(([True], kept_kind[1:] != kept_kind[:-1], [True]))
    edge = kept_kind == EDGE
    before = open_before | np.concatenate(([True], edge[:-1]))
    after = open_after | np.concatenate((edge[1:], [True]))
    lone = before & after
    lone_word = (before | foreign[:-1]) & (after | foreign[1:])
    within = (gap > 0) & ~edge[:-1] & ~edge[1:]  # separators at a message's ends chain nothing
    chain = np.concatenate(([False], within[:-1])) | np.concatenate((within[1:], [False]))

    weak = _holds(kind == WEAK, kept)
    strong = _holds(kind == STRONG, kept)
    left, right = kept_kind[:-1], kept_kind[1:]
    near = (gap > 0) & (gap <= MAX_GAP)
    chinese = (left == CJK) & (right == CJK)
    lone_pair = lone_word[:-1] & lone_word[1:] & chain
    wordy = (left >= CJK) & (left <= LATIN) & (right >= CJK) & (right <= LATIN)
    digits = (left == DIGIT) & (right == DIGIT) & (gap == 1)
    plain = ~weak & chinese & (strong | lone[:-1] | lone[1:])
    digits &= ~weak & lone_pair & (strong | _holds(kind == SPACE, kept))
    spelled = ~weak & lone_pair & wordy | _in_long_runs(digits, MIN_SPELLED - 1)
    listed = weak & chinese & lone[:-1] & lone[1:] & chain
    return np.asarray(near & (plain | spelled | listed))


def _in_long_runs(flag: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    """Return `flag` with every run of fewer than `shortest` cleared."""
    if not flag.any():
        return flag
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flag, [False]))))
    low, high = edges[::2], edges[1::2]
    long = (high - low >= shortest).astype(np.int8)
    change = np.zeros(len(flag) + 1, dtype=np.int8)
    change[low] += long
    change[high] -= long
    return np.asarray(np.cumsum(change[:-1]) == 1)


def _holds(flag: NDArray[np.bool_], kept: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each gap between kept characters whether `flag` is set anywhere in it."""
    count = np.cumsum(flag)
    return count[kept[1:]] > count[kept[:-1]]


@cache
def _split_tables() -> tuple[NDArray[np.bool_], dict[int, int]]:
    parts = tables.splits()
    heads = np.zeros(LIMIT + 1, dtype=bool)
    heads[[key >> 20 for key in parts]] = True
    return heads, parts


@cache
def _phrase_matcher() -> tuple[ahocorasick_rs.AhoCorasick, tuple[tables.Phrase, ...]]:
    known = tables.phrases()
    matcher = ahocorasick_rs.AhoCorasick(
        [phrase.written for phrase in known],
        matchkind=ahocorasick_rs.MatchKind.LeftmostLongest,
    )
    return matcher, known


_CONTEXTS = {
    "contact": re.compile(r"加|联系|私|咨询|号|电话|滴|了解|备注|扫|找我|搜|详|添|[a-z0-9_-]{5,}"),
    "abuse": re.compile(r"你|他|她|您|谁|骂|滚|死|妈|逼|狗|玩意|真|这"),
    "betting": re.compile(r"网|平台|盘|注册|下注|赢|输|充值|提现|代理|彩|赔|玩"),
}


def _whole_word(text: str, low: int, high: int) -> bool:
    """Return whether no Latin word, host name or path goes on past a Latin end of the phrase."""
    before, after = text[max(0, low - 2) : low], text[high : high + 2]
    return not (
        (_ascii_word(text[low]) and before and _goes_on(before[::-1], ".@/-_"))
        or (_ascii_word(text[high - 1]) and after and _goes_on(after, ".@/"))
    )


def _goes_on(neighbours: str, links: str) -> bool:
    """Return whether a letter or digit follows, at once or behind one linking sign."""
    if neighbours[0] in links:
        neighbours = neighbours[1:]
    return bool(neighbours) and _ascii_word(neighbours[0])


def _ascii_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _in_context(text: str, low: int, high: int, context: str) -> bool:
    """Return whether the words that an ambiguous phrase needs stand within eight characters."""
    if context == "any":
        return True
    pattern = _CONTEXTS[context]
    before = text[max(0, low - 8) : low].rpartition("\0")[2]
    after = text[high : high + 12].partition("\0")[0]
    return bool(pattern.search(before) or pattern.search(after))

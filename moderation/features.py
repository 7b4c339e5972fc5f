"""Hashed features of a normalised batch.

Five rows are read off a batch, each a row of symbols with NUL between messages:

- `char`: the characters as read;
- `sound`: toneless syllables, all digits alike: survives homophones and changing numbers;
- `shape`: runs of one character class with their length in steps (`Han3 digit11`): numbers, links;
- `meta`: which normaliser steps fired, how long the message is, how much of it was taken out;
- `frame`: the characters that hold a sentence together, one filler for what stands between two of them:
  什么时候发货 and 什么时候开门 are the same question.

Every n-gram of a row is hashed into one of `2^bits` buckets. A message is the set of its buckets
(presence only), each worth `1 / sqrt(number of buckets)`. N-grams at a message's edge include the
edge. No vocabulary is kept: a model holds no text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation import tables
from moderation.normalize import NormalizedBatch

ROWS = ("char", "sound", "shape", "meta", "frame")
_LENGTH_STEPS = np.array([3, 5, 8, 12, 18, 26, 36, 50, 70, 100, 150, 250, 500, 1000])
_RUN_STEPS = np.array([2, 3, 5, 7, 9, 11, 12, 16, 20])
_LOST_STEPS = np.array([1, 3, 6, 12, 30, 100])
# Odd multipliers, one per place in an n-gram (golden-ratio sequence), and the finalizer's
# constants are those of "lowbias32" (Chris Wellons, hash-prospector, public domain).
_PLACE = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1], dtype=np.uint32)
_MIX_1, _MIX_2 = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Which n-grams of which rows are hashed into how many buckets; part of every model."""

    bits: int = 18
    orders: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("char", (1, 2, 3)),
        ("sound", (1, 2, 3)),
        ("shape", (1, 2, 3)),
        ("meta", (1,)),
    )

    @property
    def buckets(self) -> int:
        """Return the number of buckets."""
        return 1 << self.bits

    def to_dict(self) -> dict[str, Any]:
        """Return what a model's `model.json` keeps."""
        return {"bits": self.bits, "orders": {row: list(ns) for row, ns in self.orders}}

    @classmethod
    def from_dict(cls, body: dict[str, Any]) -> FeatureSpec:
        """Read `to_dict` back; raises KeyError, TypeError or ValueError on anything else."""
        orders = tuple((str(row), tuple(map(int, ns))) for row, ns in body["orders"].items())
        if {row for row, _ in orders} - set(ROWS) or not 8 <= int(body["bits"]) <= 24:
            raise ValueError(f"unknown feature rows or bits: {body}")
        return cls(int(body["bits"]), orders)


@dataclass(frozen=True, slots=True)
class Features:
    """Buckets of each message, ascending: message i has `buckets[starts[i]:starts[i + 1]]`."""

    buckets: NDArray[np.int32]
    starts: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of buckets per message, `int64 [messages]`."""
        return np.diff(self.starts)


@dataclass(frozen=True, slots=True)
class Windows:
    """All n-grams of one order of one row: bucket, message and first position of each."""

    buckets: NDArray[np.uint32]
    message: NDArray[np.int64]
    position: NDArray[np.int64]


def extract(batch: NormalizedBatch, spec: FeatureSpec) -> Features:
    """Return the set of buckets of each message of a batch."""
    keys = [windows.message << 32 | windows.buckets for _, _, windows in all_windows(batch, spec)]
    row = np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)
    row.sort()
    if len(row):
        row = row[np.concatenate(([True], row[1:] != row[:-1]))]
    starts = np.searchsorted(row, np.arange(len(batch) + 1, dtype=np.int64) << 32)
    return Features((row & 0xFFFFFFFF).astype(np.int32), starts)


def all_windows(batch: NormalizedBatch, spec: FeatureSpec) -> Iterator[tuple[str, int, Windows]]:
    """Yield row name, order and windows of everything that `spec` asks for."""
    for name, orders in spec.orders:
        symbols = symbol_row(batch, name)
        message = np.cumsum(symbols == 0) - 1
        for order in orders:
            yield name, order, _windows(symbols, message, order, row_seed(name, order), spec.bits)


def symbol_row(batch: NormalizedBatch, name: str) -> NDArray[np.uint32]:
    """Return a row of symbols (uint32) with a NUL before the first and after every message."""
    builders = {
        "char": _chars,
        "sound": _sounds,
        "shape": _shapes,
        "meta": _meta,
        "frame": _frame,
    }
    return np.concatenate((np.zeros(1, dtype=np.uint32), builders[name](batch)))


def row_seed(name: str, order: int) -> int:
    """Return the seed that keeps the n-grams of different rows and orders apart."""
    return (ROWS.index(name) * 8 + order) * 0x3C6EF372 & 0xFFFFFFFF


def _windows(
    symbols: NDArray[np.uint32], message: NDArray[np.int64], order: int, seed: int, bits: int
) -> Windows:
    """Hash every n-gram that lies within one message, its edges included for n > 1."""
    count = len(symbols) - order + 1
    if count <= 0:
        none = np.zeros(0, dtype=np.int64)
        return Windows(none.astype(np.uint32), none, none)
    value = np.full(count, seed, dtype=np.uint32)
    for place in range(order):
        value += symbols[place : place + count] * _PLACE[place]
    # An n-gram may begin or end at an edge but not run across one.
    inner = range(1, order - 1) if order > 2 else range(1)
    inside = np.ones(count, dtype=bool)
    for place in inner:
        inside &= symbols[place : place + count] != 0
    if order == 2:
        inside |= symbols[1:] != 0
    position = np.flatnonzero(inside)
    buckets = _mix(value[position]) >> np.uint32(32 - bits)
    return Windows(buckets, message[position], position)


def _mix(value: NDArray[np.uint32]) -> NDArray[np.uint32]:
    value ^= value >> np.uint32(16)
    value *= _MIX_1
    value ^= value >> np.uint32(15)
    value *= _MIX_2
    value ^= value >> np.uint32(16)
    return value


def _chars(batch: NormalizedBatch) -> NDArray[np.uint32]:
    return batch.codes


def _sounds(batch: NormalizedBatch) -> NDArray[np.uint32]:
    return tables.syllables()[np.minimum(batch.codes, tables.LIMIT)]


def _shapes(batch: NormalizedBatch) -> NDArray[np.uint32]:
    """Return one symbol per run of a class: `1 + class * 16 + length step`, NUL at message edges."""
    codes = batch.codes
    kind = tables.classes()[np.minimum(codes, tables.LIMIT)].astype(np.uint32)
    kind[codes == 0] = 99
    heads = np.concatenate(([True], (kind[1:] != kind[:-1]) | (kind[1:] == 99)))[: len(kind)]
    first = np.flatnonzero(heads)
    length = np.diff(np.concatenate((first, [len(codes)])))
    step = np.searchsorted(_RUN_STEPS, length, side="right").astype(np.uint32)
    symbols = kind[first] * np.uint32(16) + step + np.uint32(1)
    symbols[kind[first] == 99] = 0
    return symbols


def _meta(batch: NormalizedBatch) -> NDArray[np.uint32]:
    """Return per message: its length step, its lost-characters step and the steps that fired."""
    count = len(batch)
    read = np.diff(batch.offsets) - 1
    written = np.fromiter(map(len, batch.originals), dtype=np.int64, count=count)
    flags = batch.steps[:, None] >> np.arange(len(tables.STEPS), dtype=np.uint16) & 1
    columns = np.zeros((count, len(tables.STEPS) + 3), dtype=np.uint32)
    columns[:, 0] = 100 + np.searchsorted(_LENGTH_STEPS, read, side="right")
    columns[:, 1] = 200 + np.searchsorted(_LOST_STEPS, written - read, side="right")
    columns[:, 2:-1] = flags * np.arange(1, len(tables.STEPS) + 1)
    keep = columns != 0
    keep[:, -1] = True
    return np.asarray(columns[keep])


def _frame(batch: NormalizedBatch) -> NDArray[np.uint32]:
    """Return the symbols of `tables.frame`, a pause at both ends of a message, runs of what is not listed as one.

    Whatever is offered as a choice (门锁没锁, 行不行) begins with the same symbol.
    """
    codes = batch.codes
    symbols = tables.frame()[np.minimum(codes, tables.LIMIT)]
    choice = (codes[2:] == codes[:-2]) & (codes[2:] > 0x7F) & np.isin(codes[1:-1], tables.NEGATIONS)
    symbols[:-2][choice] = tables.CHOICE
    symbols = np.insert(
        symbols, np.concatenate((batch.offsets[:-1], batch.offsets[1:] - 1)), tables.PAUSE
    )
    again = (symbols[1:] == symbols[:-1]) & (symbols[1:] != 0) & (symbols[1:] <= tables.PAUSE)
    return symbols[np.concatenate(([True], ~again))[: len(symbols)]]

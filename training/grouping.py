"""Near-duplicate groups and folds: no message is judged by a model that saw its like.

    texts ─ sets of trigrams ─ MinHash ─ bands that agree ─ pairs ─ those that overlap enough ─ groups

Two texts are near-duplicates when their sets of character trigrams, as read and without punctuation
and digits, overlap by at least `THRESHOLD` (Jaccard). Candidates are found by MinHash (Broder 1997),
then compared by their sets. Everything is done on arrays, at a cost that grows with the texts and
not with their pairs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from moderation.normalize import normalize

THRESHOLD = 0.6
BANDS, ROWS = 12, 4
"""At an overlap of 0.6 four of five pairs agree in a band of `ROWS` hashes, at 0.7 nineteen of twenty."""
NEIGHBOURS = 8
"""How many of those that agree in a band each text is compared with: a thousand alike are no million pairs."""
_NOISE = re.compile(r"(?:[^\w\0]|[\d_])+")
_TRIGRAM = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
_BATCH = 4096


@dataclass(frozen=True, slots=True)
class Shingles:
    """The set of hashed trigrams of each text: ascending uint32, text i has `[starts[i]:starts[i + 1]]`."""

    values: NDArray[np.uint32]
    starts: NDArray[np.int64]

    def of(self, texts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Return the sets of some texts end to end: the place in `texts` and the value of each member."""
        size = np.diff(self.starts)[texts]
        owner = np.repeat(np.arange(len(texts)), size)
        ahead = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
        return owner, self.values[self.starts[texts][owner] + ahead]


def shingles(texts: Sequence[str]) -> Shingles:
    """Return the character trigrams of each text as read, punctuation and digits left out.

    A text of nothing else is taken as it is; one of fewer than three characters is one shingle.
    """
    parts = [_shingles(texts[low : low + _BATCH]) for low in range(0, len(texts), _BATCH)]
    values = [values for values, _ in parts]
    counts = [counts for _, counts in parts]
    return Shingles(
        np.concatenate([np.zeros(0, dtype=np.uint32), *values]),
        np.concatenate([np.zeros(1, dtype=np.int64), *counts]).cumsum(),
    )


def _shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    batch = normalize(texts)
    plain = _NOISE.sub("", batch.text).split("\0")[:-1]
    rows = [(one or batch[number].text).ljust(3, "\1") for number, one in enumerate(plain)]
    row = np.frombuffer("\0".join((*rows, "")).encode("utf-32-le"), dtype=np.uint32)
    codes = row.astype(np.uint64)
    hashed = (np.lib.stride_tricks.sliding_window_view(codes, 3) * _TRIGRAM).sum(axis=1)
    text = np.cumsum(row == 0)[:-2]
    inside = (row[:-2] != 0) & (row[1:-1] != 0) & (row[2:] != 0)
    keys = _distinct(
        text[inside].astype(np.uint64) << np.uint64(32) | hashed[inside] >> np.uint64(32)
    )
    counts = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(texts))
    return keys.astype(np.uint32), counts


def near_duplicates(texts: Sequence[str], threshold: float = THRESHOLD) -> list[tuple[int, int]]:
    """Return pairs `(earlier, later)` of texts that overlap by at least `threshold`.

    Not every such pair is found, but few texts that have a near-duplicate are left without one.
    """
    sets = shingles(texts)
    pairs = _candidates(_sketches(sets))
    near = [part[_overlaps(sets, part) >= threshold] for part in _cut(pairs)]
    return [(int(a), int(b)) for part in near for a, b in part]


def _sketches(sets: Shingles) -> NDArray[np.uint32]:
    """Return the lowest value of each set under every hash function, `[bands * rows, texts]`."""
    rng = np.random.default_rng(1)
    factor = rng.integers(1 << 63, size=BANDS * ROWS, dtype=np.uint64) * 2 + 1
    values = sets.values.astype(np.uint64)
    return np.stack(
        [
            np.minimum.reduceat((values * one) >> np.uint64(32), sets.starts[:-1]).astype(np.uint32)
            for one in factor
        ]
    )


def _candidates(sketches: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return pairs of texts that agree in a band, `[pairs, 2]`, each once, earlier first, ascending."""
    count = sketches.shape[1]
    found = [np.zeros(0, dtype=np.int64)]
    for band in sketches.reshape(BANDS, ROWS, count):
        order = np.lexsort((np.arange(count), *band))
        same = alike = (band[:, order[1:]] == band[:, order[:-1]]).all(axis=0)
        for gap in range(1, NEIGHBOURS + 1):
            found.append(order[:-gap][same] * count + order[gap:][same])
            same = same[:-1] & alike[gap:]
    keys = _distinct(np.concatenate(found))
    return np.stack(np.divmod(keys, max(1, count)), axis=1)


def _cut(pairs: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield parts of the pairs that fit into memory with their sets."""
    for low in range(0, len(pairs), 16 * _BATCH):
        yield pairs[low : low + 16 * _BATCH]


def _overlaps(sets: Shingles, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the overlap (Jaccard) of each pair: members in common by members at all."""
    members = [owner << 32 | value for owner, value in (sets.of(side) for side in pairs.T)]
    total = sum(np.bincount(keys >> 32, minlength=len(pairs)) for keys in members)
    union = np.bincount(_distinct(np.concatenate(members)) >> 32, minlength=len(pairs))
    return np.asarray((total - union) / union)


def _distinct(keys: NDArray[Any]) -> NDArray[Any]:
    """Return each key once, ascending; `np.unique` takes ten times as long on keys that hardly repeat."""
    keys = np.sort(keys)
    return keys[np.concatenate(([True], keys[1:] != keys[:-1]))[: len(keys)]]


def groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return a group number per text: the first text that it is linked to by near-duplicates."""
    count = len(texts)
    pairs = np.array(near_duplicates(texts), dtype=np.int64).reshape(-1, 2)
    links = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(count, count))
    _, part = connected_components(links, directed=False)
    return np.unique(part, return_index=True)[1][part]


def folds(units: Sequence[str], group: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return a fold per sample: whole units stay together, and so do near-duplicates.

    Units are dealt largest first to the smallest fold; a near-duplicate goes to the fold of its
    group's first text.
    """
    names, sizes = np.unique(np.array(units), return_counts=True)
    load = np.zeros(count, dtype=np.int64)
    fold_of: dict[str, int] = {}
    for name, size in sorted(zip(names.tolist(), sizes.tolist(), strict=True), key=_largest_first):
        fold_of[name] = int(load.argmin())
        load[fold_of[name]] += size
    own = np.array([fold_of[name] for name in units])
    return own[group]


def _largest_first(item: tuple[str, int]) -> tuple[int, int]:
    return -item[1], zlib.crc32(item[0].encode())

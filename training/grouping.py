"""Near-duplicate groups and folds: no message is judged by a model that saw its like.

Two texts are near-duplicates when their sets of character trigrams overlap by at least
`THRESHOLD` (Jaccard, estimated by MinHash, Broder 1997, from datasketch).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray

from moderation.normalize import normalize

THRESHOLD = 0.6
PERMUTATIONS = 48
_NOISE = re.compile(r"[\W\d_]+")


def shingles(texts: Sequence[str]) -> list[set[bytes]]:
    """Return the character trigrams of each text as read, punctuation and digits left out."""
    batch = normalize(texts)
    out = []
    for number in range(len(batch)):
        read = batch[number].text
        plain = _NOISE.sub("", read) or read
        out.append({plain[i : i + 3].encode() for i in range(max(1, len(plain) - 2))})
    return out


def near_duplicates(texts: Sequence[str], threshold: float = THRESHOLD) -> list[tuple[int, int]]:
    """Return pairs `(earlier, later)` of texts whose estimated overlap reaches `threshold`."""
    sets = shingles(texts)
    hashes = MinHash.bulk(sets, num_perm=PERMUTATIONS, seed=1)
    index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    pairs = []
    for later, sketch in enumerate(hashes):
        for earlier in index.query(sketch):
            overlap = len(sets[earlier] & sets[later]) / len(sets[earlier] | sets[later])
            if overlap >= threshold:
                pairs.append((earlier, later))
        index.insert(later, sketch)
    return pairs


def groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return a group number per text: the first text that it is linked to by near-duplicates."""
    parent = list(range(len(texts)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for earlier, later in near_duplicates(texts):
        low, high = sorted((root(earlier), root(later)))
        parent[high] = low
    return np.array([root(number) for number in range(len(texts))], dtype=np.int64)


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


def overlap(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Return near-duplicate pairs `(number in one, number in other)` between two lists of texts."""
    cut = len(one)
    pairs = near_duplicates([*one, *other])
    return [(a, b - cut) for a, b in pairs if a < cut <= b]

"""The lexicon: terms that speak for a label, looked for in the text as read.

    text ─ Aho-Corasick (all overlapping hits) ─ whole Latin words ─ allow-list ─ word boundaries ─ hits

A longer allowed phrase beats the forbidden term inside it; a hit that straddles two words is no hit
(时代开发票务 holds 代开发票 but says nothing of it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import ahocorasick_rs
import numpy as np

from moderation import segment
from moderation.datafiles import DATA, read_tsv
from moderation.errors import DataFileError, UnknownNameError
from moderation.normalize import NormalizedBatch
from moderation.tables import fold
from moderation.taxonomy import taxonomy

SHIPPED = DATA / "lexicons"
ALLOWED = "allow"
_COLUMNS = ("term", "label", "score", "gloss")
_CONTEXT = 12
_LONG_WORD = 3


@dataclass(frozen=True, slots=True)
class Term:
    """A term as read (folded), its label (or `allow`), score 0..1 and where it stands."""

    text: str
    label: str
    score: float
    source: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found in message `message` at `[start, end)` of the text as read."""

    message: int
    start: int
    end: int
    term: Term


class Lexicon:
    """An immutable set of terms; `version` names its content."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(terms)
        self._matcher = ahocorasick_rs.AhoCorasick([term.text for term in self.terms])
        rows = "\n".join(f"{term.text}\t{term.label}\t{term.score}" for term in self.terms)
        self.version = hashlib.sha256(rows.encode()).hexdigest()[:12]

    @classmethod
    def load(cls, *folders: Path) -> Lexicon:
        """Read every `*.tsv` of the shipped folder, then of `folders`; a later term replaces an equal one.

        Raises:
            DataFileError: an unknown label or a wrong score, with file and line.
        """
        found: dict[str, Term] = {}
        for path in lexicon_files(SHIPPED, *folders):
            found |= {term.text: term for term in _read_terms(path)}
        return cls(found.values())

    def find(self, batch: NormalizedBatch) -> list[Hit]:
        """Return the hits that stand, in the order of the text."""
        hits = list(self._raw_hits(batch))
        allowed = [hit for hit in hits if hit.term.label == ALLOWED]
        return [
            hit
            for hit in hits
            if hit.term.label != ALLOWED
            and not any(_covers(good, hit) for good in allowed)
            and not _straddles(batch, hit)
        ]

    def _raw_hits(self, batch: NormalizedBatch) -> Iterator[Hit]:
        found = self._matcher.find_matches_as_indexes(batch.text, overlapping=True)
        for number, low, high in found:
            if not _inside_latin_word(batch.text, low, high):
                message = int(np.searchsorted(batch.offsets, low, side="right")) - 1
                base = int(batch.offsets[message])
                yield Hit(message, low - base, high - base, self.terms[number])


def lexicon_files(*folders: Path) -> list[Path]:
    """Return the lexicon files of folders in order.

    Raises:
        DataFileError: a folder does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            raise DataFileError(folder, None, "lexicon folder does not exist")
    return [path for folder in folders for path in sorted(folder.glob("*.tsv"))]


def _read_terms(path: Path) -> Iterator[Term]:
    for number, row in read_tsv(path, _COLUMNS):
        label = row["label"]
        if label != ALLOWED and label not in taxonomy():
            problem = str(UnknownNameError("label", label, [*taxonomy().ids, ALLOWED]))
            raise DataFileError(path, number, problem)
        text = fold().text(row["term"]).strip()
        if len(text) < 2:
            raise DataFileError(
                path, number, f"term {row['term']!r} is shorter than two characters"
            )
        yield Term(text, label, _score(path, number, row["score"], label), f"{path.name}:{number}")


def _score(path: Path, number: int, text: str, label: str) -> float:
    if label == ALLOWED:
        return 0.0
    try:
        score = float(text)
    except ValueError as error:
        raise DataFileError(path, number, f"score must be a number 0..1: {text!r}") from error
    if not 0 < score <= 1:
        raise DataFileError(path, number, f"score must be a number 0..1: {text!r}")
    return score


def _covers(good: Hit, hit: Hit) -> bool:
    return good.message == hit.message and good.start <= hit.start and hit.end <= good.end


def _inside_latin_word(text: str, low: int, high: int) -> bool:
    """Return whether a hit that begins or ends with a Latin letter goes on as a longer word."""
    ends: Sequence[tuple[int, int]] = ((low, low - 1), (high - 1, high))
    return any(
        0 <= beyond < len(text) and _latin(text[within]) and _latin(text[beyond])
        for within, beyond in ends
    )


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _straddles(batch: NormalizedBatch, hit: Hit) -> bool:
    """Return whether a word runs into the hit, or a long word runs out of it.

    A hit that lies whole inside one longer word (刷单 in 刷单员) is still a hit.
    """
    base = int(batch.offsets[hit.message])
    end = int(batch.offsets[hit.message + 1]) - 1
    low = max(base, base + hit.start - _CONTEXT)
    window = batch.text[low : min(end, base + hit.end + _CONTEXT)]
    start, stop = base + hit.start - low, base + hit.end - low
    position = 0
    for word in segment.words(window):
        begin, position = position, position + len(word)
        if begin < start < position < stop:
            return True
        # A word that only begins inside is often jieba's mistake (刷单 in 刷|单日|结) unless it is a long one.
        if start < begin < stop < position and len(word) >= _LONG_WORD:
            return True
    return False

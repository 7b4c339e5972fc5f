"""The normaliser's tables as numpy arrays, indexed by code point.

Loaded once from `data/tables/*.tsv`. Code points from `LIMIT` on share the last slot: private-use
planes and tag characters, which are invisible or meaningless in chat and are deleted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.datafiles import DATA, read_text, read_tsv
from moderation.errors import DataFileError

TABLES = DATA / "tables"
FRAME = DATA / "frame.txt"
LIMIT = 0x323B0
"""One past the last code point of the CJK extensions."""

STEPS = (
    "case",
    "width",
    "styled",
    "traditional",
    "lookalike",
    "invisible",
    "emoji",
    "separator",
    "split",
    "repeat",
    "homophone",
    "initials",
)
"""Names of the normaliser's steps, in order; bit i of a message's mask is step i."""

BIT = {name: np.uint16(1 << number) for number, name in enumerate(STEPS)}

OTHER, CJK, LATIN, DIGIT, STRONG, SPACE, WEAK, EDGE = range(8)
"""Character classes; STRONG, SPACE and WEAK are separators, EDGE ends a message or a line."""

_PAUSES = " \n\t,.。、;:!…~"
FILLER, NUMBER, PAUSE, CHOICE = 1, 2, 3, 4
"""What stands in the frame of a sentence for characters that are not listed, for digits, between clauses, and for
the first of two characters alike with a negation between them."""
NEGATIONS = np.array([ord("不"), ord("没")], dtype=np.uint32)

_STRONG = "*·•_~^|`#=+&$%@\\｡・●○◆◇■□★☆※→←↑↓ㆍ∙⋅°¯"
_SPACE = " \t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000-./'\"—–"
_WEAK = ",。、;:!?…()[]{}<>「」『』【】《》“”‘’"
_INVISIBLE = (
    (0x00AD, 0x00AD),
    (0x0300, 0x036F),
    (0x061C, 0x061C),
    (0x0E31, 0x0E31),
    (0x0E34, 0x0E3A),
    (0x0E47, 0x0E4E),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20FF),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFC),
    (0x1F3FB, 0x1F3FF),
)


@dataclass(frozen=True, slots=True)
class Fold:
    """What each code point becomes: `length[c]` code points at `pool[offset[c]:]`, and the step's bit."""

    first: NDArray[np.uint32]
    length: NDArray[np.uint8]
    offset: NDArray[np.int32]
    pool: NDArray[np.uint32]
    bit: NDArray[np.uint16]

    def text(self, text: str) -> str:
        """Fold one string, without offsets: for terms of other tables and lists."""
        out: list[str] = []
        for char in text:
            code = min(ord(char), LIMIT)
            if self.length[code] == 1:
                out.append(chr(self.first[code]) if code < LIMIT else char)
            else:
                start = int(self.offset[code])
                out += map(chr, self.pool[start : start + int(self.length[code])])
        return "".join(out)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase written in place of another, the step it counts as, and the context it needs."""

    written: str
    read_as: str
    step: str
    context: str


@cache
def fold() -> Fold:
    """Return the character table: every step that looks at one character alone."""
    pieces: dict[int, tuple[str, str]] = {}
    for code in range(ord("A"), ord("Z") + 1):
        pieces[code] = (chr(code).lower(), "case")
    for kind, replacement, chars in (*_fold_rows(), *_hand_rows()):
        for char in chars:
            pieces[ord(char)] = (replacement, kind)
    for low, high in _INVISIBLE:
        for code in range(low, high + 1):
            pieces[code] = ("", "invisible")
    return _pack(pieces)


def _fold_rows() -> Iterator[tuple[str, str, str]]:
    columns = ("kind", "replacement", "characters")
    path = TABLES / "fold.tsv"
    for number, row in read_tsv(path, columns):
        if row["kind"] not in STEPS:
            raise DataFileError(path, number, f"unknown kind {row['kind']!r}")
        yield row["kind"], row["replacement"], row["characters"]


def _hand_rows() -> Iterator[tuple[str, str, str]]:
    for _, row in read_tsv(TABLES / "confusables.tsv", ("replacement", "characters")):
        yield "lookalike", row["replacement"], row["characters"]
    for _, row in read_tsv(TABLES / "emoji.tsv", ("word", "characters")):
        chars = "".join(c for c in row["characters"] if not unicodedata.combining(c))
        yield "emoji", row["word"], chars


def _pack(pieces: dict[int, tuple[str, str]]) -> Fold:
    first = np.arange(LIMIT + 1, dtype=np.uint32)
    length = np.ones(LIMIT + 1, dtype=np.uint8)
    offset = np.zeros(LIMIT + 1, dtype=np.int32)
    bit = np.zeros(LIMIT + 1, dtype=np.uint16)
    pool: list[int] = []
    for code, (replacement, kind) in pieces.items():
        codes = [ord(char) for char in replacement]
        length[code] = len(codes)
        first[code] = codes[0] if codes else 0
        offset[code] = len(pool)
        bit[code] = BIT[kind] if _tells(kind, replacement) else 0
        pool += codes
    length[LIMIT], bit[LIMIT] = 0, BIT["invisible"]
    return Fold(first, length, offset, np.array(pool, dtype=np.uint32), bit)


def _tells(kind: str, replacement: str) -> bool:
    """Return whether a reviewer should hear of it: full-width punctuation is how Chinese is written."""
    return kind != "case" and (not replacement or any(char.isalnum() for char in replacement))


@cache
def classes() -> NDArray[np.uint8]:
    """Return the class of every code point up to `LIMIT`."""
    table = np.full(LIMIT + 1, OTHER, dtype=np.uint8)
    for low, high in ((0x2E80, 0x2FE0), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, LIMIT)):
        table[low:high] = CJK
    table[ord("a") : ord("z") + 1] = LATIN
    table[ord("A") : ord("Z") + 1] = LATIN
    table[ord("0") : ord("9") + 1] = DIGIT
    for chars, kind in ((_STRONG, STRONG), (_SPACE, SPACE), (_WEAK, WEAK), ("\0\n\r", EDGE)):
        table[[ord(char) for char in chars]] = kind
    return table


@cache
def frame() -> NDArray[np.uint32]:
    """Return what stands for each code point in a sentence's frame: itself, `FILLER` or `NUMBER`; NUL stays."""
    out = np.full(LIMIT + 1, FILLER, dtype=np.uint32)
    out[[ord(char) for char in _PAUSES]] = PAUSE
    listed = {
        ord(char)
        for line in read_text(FRAME).splitlines()
        if not line.startswith("#")
        for char in line
    }
    out[list(listed)] = list(listed)
    out[ord("0") : ord("9") + 1] = NUMBER
    out[0] = 0
    return out


@cache
def syllables() -> NDArray[np.uint32]:
    """Return the sound of every code point up to `LIMIT`: a number per toneless syllable.

    Characters without a reading stand for themselves, above all syllable numbers; all ten digits
    sound alike, so that this channel sees `日入<digit><digit>` whatever the number is.
    """
    table = np.arange(LIMIT + 1, dtype=np.uint32) + np.uint32(1000)
    for number, (_, row) in enumerate(read_tsv(TABLES / "pinyin.tsv", ("syllable", "chars")), 2):
        table[[ord(char) for char in row["chars"]]] = number
    table[ord("0") : ord("9") + 1] = 1
    table[0] = 0
    return table


@cache
def splits() -> dict[int, int]:
    """Return `left << 20 | right -> character` for characters written as two parts."""
    return {
        ord(row["parts"][0]) << 20 | ord(row["parts"][1]): ord(row["char"])
        for _, row in read_tsv(TABLES / "split.tsv", ("parts", "char"))
    }


@cache
def phrases() -> tuple[Phrase, ...]:
    """Return the phrase table, its phrases folded like the text they are looked for in."""
    path: Path = TABLES / "phrases.tsv"
    found: dict[str, Phrase] = {}
    for number, row in read_tsv(path, ("written", "read_as", "step", "context")):
        if row["step"] not in STEPS or row["context"] not in {"any", "contact", "abuse", "betting"}:
            raise DataFileError(path, number, f"unknown step or context in {row}")
        written = fold().text(row["written"])
        if written != row["read_as"]:
            found.setdefault(written, Phrase(written, row["read_as"], row["step"], row["context"]))
    return tuple(found.values())

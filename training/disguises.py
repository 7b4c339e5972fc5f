"""What attacks write in place of a character: tables read once from the normaliser's and from `data/`.

The normaliser's tables are read backwards; `data/` holds what the normaliser does not know or must
not undo.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from moderation.datafiles import read_tsv
from moderation.tables import TABLES

Options = Mapping[str, Sequence[str]]
"""What a character, or a word, may be written as."""

DATA = Path(__file__).parent / "data"
_KEYCAP = "\ufe0f\u20e3"


def _common(char: str) -> bool:
    """Return whether a character is of the 3,755 of GB 2312's first level."""
    code = int.from_bytes(char.encode("gb2312", "ignore"), "big")
    return 0xB0A1 <= code <= 0xD7F9


@cache
def sounds() -> dict[str, str]:
    """Return the common characters of each toneless syllable."""
    rows = read_tsv(TABLES / "pinyin.tsv", ("syllable", "characters"))
    return {row["syllable"]: "".join(filter(_common, row["characters"])) for _, row in rows}


@cache
def syllables() -> dict[str, str]:
    """Return the toneless syllable of each common character."""
    return {char: syllable for syllable, chars in sounds().items() for char in chars}


@cache
def spelled() -> Options:
    """Return the syllable of each common character as its one way of being written."""
    return {char: (syllable,) for char, syllable in syllables().items()}


@cache
def homophones() -> Options:
    """Return other common characters of the same syllable."""
    return {
        char: chars.replace(char, "")
        for chars in sounds().values()
        for char in chars
        if len(chars) > 1
    }


@cache
def lookalikes() -> Options:
    """Return characters that look alike and that no table of the normaliser brings back."""
    rows = read_tsv(DATA / "lookalikes.tsv", ("character", "similar"))
    return {row["character"]: row["similar"] for _, row in rows}


@cache
def traditionals() -> Options:
    """Return the usual traditional form of each common simplified character."""
    rows = read_tsv(TABLES / "fold.tsv", ("kind", "replacement", "characters"))
    usual = {
        row["from"]: row["to"] for _, row in read_tsv(DATA / "traditional.tsv", ("from", "to"))
    }
    forms = {
        row["replacement"]: min(row["characters"], key=_big5)
        for _, row in rows
        if row["kind"] == "traditional" and _common(row["replacement"])
    }
    return {simple: form for simple, form in (forms | usual).items() if form != simple}


def _big5(char: str) -> int:
    """Return the Big5 code, which puts common characters first."""
    return int.from_bytes(char.encode("big5", "ignore"), "big") or 1 << 16


@cache
def parts() -> dict[str, str]:
    """Return `character -> parts`; a character that the normaliser can join is written so."""
    files = (DATA / "parts.tsv", TABLES / "split.tsv")
    rows = (row for path in files for _, row in read_tsv(path, ("parts", "char")))
    return {row["char"]: row["parts"] for row in rows}


@cache
def wholes() -> frozenset[str]:
    """Return the pairs of parts that the normaliser joins."""
    return frozenset(row["parts"] for _, row in read_tsv(TABLES / "split.tsv", ("parts", "char")))


@cache
def styles() -> tuple[Options, ...]:
    """Return full-width, circled and keycap forms of letters and digits."""
    digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    wide = {char: (chr(ord(char) + 0xFEE0),) for char in digits + lower + upper}
    rings = dict(zip(digits, "⓪①②③④⑤⑥⑦⑧⑨", strict=True))
    rings |= {char: chr(0x24D0 + i) for i, char in enumerate(lower)}
    rings |= {char: chr(0x24B6 + i) for i, char in enumerate(upper)}
    keycaps = {char: (char + _KEYCAP,) for char in digits}
    return wide, wide, rings, {**wide, **keycaps}


@cache
def emojis() -> tuple[re.Pattern[str], Options, Options]:
    """Return a pattern of all words, the emoji that mean each, and those that sound like it."""
    meant: dict[str, str] = defaultdict(str)
    for _, row in read_tsv(TABLES / "emoji.tsv", ("word", "emoji")):
        meant[row["word"]] += row["emoji"].replace("\ufe0f", "")
    syllable, alike = syllables(), sounds()
    sounding: dict[str, str] = defaultdict(str)
    for word, emoji in meant.items():
        for char in alike.get(syllable.get(word, ""), ""):
            sounding[char] += emoji
    words = sorted({*meant, *sounding}, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, words))), dict(meant), dict(sounding)

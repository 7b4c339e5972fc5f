"""Build the normaliser's generated tables: `python -m training.build_tables`.

Sources, all at build time only:

- OpenCC (Apache-2.0), configuration `t2s`: traditional -> simplified, one character at a time;
- pypinyin (MIT): the commonest reading of each character without tone;
- the Unicode Character Database as shipped with Python (Unicode licence): compatibility forms
  (full-width, circled, styled) and names of enclosed letters.

Hand-written tables (`emoji.tsv`, `split.tsv`, `phrases.tsv`, `confusables.tsv`) stand beside them.
"""

from __future__ import annotations

import argparse
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from moderation.datafiles import DATA

CJK = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00))
# Enclosed and symbol blocks whose Unicode names say which letter or digit they show.
ENCLOSED = (range(0x24B6, 0x2500), range(0x2776, 0x2794), range(0x1F100, 0x1F1AA))
DIGIT_WORDS = ("ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN").split()


def main() -> None:
    """Write `fold.tsv` and `pinyin.tsv`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=DATA / "tables")
    folder = parser.parse_args().output
    _write(folder / "fold.tsv", _FOLD_HEADER, sorted(_fold_rows()))
    _write(folder / "pinyin.tsv", _PINYIN_HEADER, sorted(_pinyin_rows()))


_FOLD_HEADER = """\
# One character -> what it is read as. Columns: kind, replacement, characters.
# Sources: OpenCC t2s (Apache-2.0); Unicode Character Database (Unicode licence).
# Made by `python -m training.build_tables`; do not edit.
"""
_PINYIN_HEADER = """\
# Toneless syllable -> characters most often read so. Source: pypinyin (MIT).
# Made by `python -m training.build_tables`; do not edit.
"""


def _fold_rows() -> Iterator[str]:
    """Yield table lines, characters with one kind and replacement gathered on one line."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, char, replacement in (*_compatibility(), *_enclosed(), *_traditional()):
        groups[kind, replacement].append(char)
    for (kind, replacement), chars in groups.items():
        yield f"{kind}\t{replacement}\t{''.join(dict.fromkeys(chars))}"


def _compatibility() -> Iterator[tuple[str, str, str]]:
    """Yield characters whose NFKC form is other characters, lower case, CJK brackets left out."""
    for code in range(0xA0, 0x1FBFA):
        char = chr(code)
        folded = unicodedata.normalize("NFKC", char).lower()
        if folded == char or char.isspace() or not folded.strip():
            continue
        if any(unicodedata.category(c) in {"Cc", "Zs", "Zl", "Mn"} for c in folded):
            continue
        if unicodedata.normalize("NFKC", char) == char:
            if code < 0x250:
                yield "case", char, folded
            continue
        if 0xAC00 <= code < 0xD7A4 or 0x3130 <= code < 0x3190 or 0xFB1D <= code < 0xFE10:
            continue
        folded = _without_enclosure(folded)
        kind = "width" if 0xFF00 <= code < 0xFFF0 or 0xFE10 <= code < 0xFE70 else "styled"
        if len(folded) <= 4:
            yield kind, char, folded


def _without_enclosure(folded: str) -> str:
    """Return `a` for `(a)` and `1` for `1.`: the bracket belongs to the ornament."""
    if len(folded) > 2 and folded[0] == "(" and folded[-1] == ")":
        return folded[1:-1]
    return folded[:-1] if folded[:-1].isdigit() and folded[-1] == "." else folded


def _enclosed() -> Iterator[tuple[str, str, str]]:
    """Yield circled, squared and regional-indicator letters and circled digits by their names."""
    for code in (code for block in ENCLOSED for code in block):
        char = chr(code)
        if unicodedata.normalize("NFKC", char) != char:
            continue
        words = unicodedata.name(char, "").split()
        if words and words[-1] in DIGIT_WORDS:
            yield "styled", char, str(DIGIT_WORDS.index(words[-1]))
        elif len(words) > 2 and len(words[-1]) == 1 and words[-1].isascii():
            yield "styled", char, words[-1].lower()
    for code in range(0x1F1E6, 0x1F200):
        yield "styled", chr(code), chr(ord("a") + code - 0x1F1E6)


def _traditional() -> Iterator[tuple[str, str, str]]:
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    for char in (chr(code) for block in CJK[:2] for code in block):
        simplified = convert(char)
        if simplified != char and len(simplified) == 1:
            yield "traditional", char, simplified


def _pinyin_rows() -> Iterator[str]:
    from pypinyin import Style, pinyin

    groups: dict[str, list[str]] = defaultdict(list)
    for char in (chr(code) for block in CJK[:2] for code in block):
        reading = pinyin(char, style=Style.NORMAL, errors="ignore", heteronym=False)
        if reading and reading[0][0]:
            syllable = unicodedata.normalize("NFD", reading[0][0])
            groups["".join(c for c in syllable if c.isascii())].append(char)
    for syllable, chars in groups.items():
        yield f"{syllable}\t{''.join(chars)}"


def _write(path: Path, header: str, rows: list[str]) -> None:
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The firm's own terms that are edited on a page: one file in the firm's lexicon folder.

    line ─ put or removed ─ the whole file checked as the lexicon would read it ─ written in one piece

Every replica that sees the folder takes the change within a second, as it does with files edited by hand.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moderation.datafiles import read_tsv
from moderation.lexicon import ALLOWED, Lexicon

FILE = "pages.tsv"
PUT, REMOVE = "term.put", "term.remove"
"""What the audit log calls a change."""
_COLUMNS = ("term", "label", "score", "gloss")


@dataclass(frozen=True, slots=True)
class OwnTerm:
    """A term with its label (or `allow`), its score 0..1 and a remark."""

    term: str
    label: str
    score: str
    gloss: str = ""

    def row(self) -> list[str]:
        """Return the columns of its line."""
        return [self.term, self.label, "" if self.label == ALLOWED else self.score, self.gloss]


def own_terms(folder: Path) -> list[OwnTerm]:
    """Return the terms of the page's file, in order; none where there is no file yet."""
    path = folder / FILE
    if not path.exists():
        return []
    return [OwnTerm(**row) for _, row in read_tsv(path, _COLUMNS)]


def put(folder: Path, term: OwnTerm) -> OwnTerm | None:
    """Add a term or replace the one of the same spelling, which is returned.

    Raises:
        DataFileError: the lexicon could not read the file then; nothing is written.
    """
    terms = own_terms(folder)
    before = next((one for one in terms if one.term == term.term), None)
    _write(folder, [*(one for one in terms if one.term != term.term), term])
    return before


def remove(folder: Path, term: str) -> OwnTerm | None:
    """Remove a term and return it, None where there was none."""
    terms = own_terms(folder)
    before = next((one for one in terms if one.term == term), None)
    if before is not None:
        _write(folder, [one for one in terms if one.term != term])
    return before


def _write(folder: Path, terms: Iterable[OwnTerm]) -> None:
    lines = ["\t".join(cell.replace("\t", " ").strip() for cell in one.row()) for one in terms]
    text = "".join(f"{line}\n" for line in lines)
    with tempfile.TemporaryDirectory() as trial:
        (Path(trial) / FILE).write_text(text, encoding="utf-8")
        Lexicon.load(Path(trial))
    part = folder / f"{FILE}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / FILE)

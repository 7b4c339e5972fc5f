"""Reading the project's data files (TOML, TSV) with errors that name file and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.errors import DataFileError

DATA = Path(__file__).parent / "data"


class TomlFile:
    """A parsed TOML file that can still say on which line a value stands.

    Raises:
        DataFileError: the file cannot be read, is not UTF-8 or is not TOML.
    """

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self.text = read_text(path) if text is None else text
        try:
            self.body: dict[str, Any] = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            line = int(found[1]) if found else len(self.text.splitlines())
            raise DataFileError(path, line, f"not valid TOML: {error}") from error

    def line_of(self, header: str, number: int, token: str = "") -> int:
        """Return the line of `token` inside the `number`-th (from 0) table `[[header]]`, else its header line."""
        lines = self.text.splitlines()
        heads = [i for i, line in enumerate(lines) if line.strip().startswith(f"[[{header}]]")]
        if number >= len(heads):
            return self.top_line_of(token)
        for i in range(heads[number], len(lines)):
            if i > heads[number] and lines[i].startswith("[["):
                break
            if token and _mentions(lines[i], token):
                return i + 1
        return heads[number] + 1

    def top_line_of(self, token: str) -> int:
        """Return the first line that mentions `token`, or 1."""
        lines = self.text.splitlines()
        return next((i + 1 for i, line in enumerate(lines) if token and _mentions(line, token)), 1)

    def error(self, line: int, problem: str) -> DataFileError:
        """Return an error about `line` of this file."""
        return DataFileError(self.path, line, problem)


def _mentions(line: str, token: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(token)}(?![\w-])", line.split("#")[0]) is not None


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        DataFileError: the file is missing or not UTF-8 (with the line of the first bad byte).
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataFileError(path, None, f"cannot be read: {error.strerror}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataFileError(path, line, f"not UTF-8 at byte {error.start}") from error


def read_tsv(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield `(line number, row)` of a tab-separated file; `#` lines are comments, trailing columns may be missing.

    Raises:
        DataFileError: a line has more columns than `columns` or an empty first column.
    """
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) > len(columns) or not cells[0]:
            raise DataFileError(path, number, f"expected columns {', '.join(columns)}")
        cells += [""] * (len(columns) - len(cells))
        yield number, dict(zip(columns, cells, strict=True))

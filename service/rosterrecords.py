"""Bytes of a roster file -> records with the lines on which they stand. Pure.

    bytes ─ decode ─ CSV with a header | JSON, an array or lines of objects ─ records

CSV is read as spreadsheets write it: UTF-8 with or without BOM, UTF-16 or GB18030; comma, semicolon or tab.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 20_000_000
MAX_RECORDS = 200_000
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_BLANK = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Record:
    """Cells by the names that the file gives them; `named_at` is the line on which these names stand."""

    line: int
    named_at: int
    cells: dict[str, Any]


class RecordError(Exception):
    """The file cannot be read from `line` on."""

    def __init__(self, line: int, problem: str) -> None:
        self.line, self.problem = line, problem
        super().__init__(problem)


def records(content: bytes) -> Iterator[Record]:
    """Yield the records of a file; raises `RecordError` where it cannot be read."""
    text = _decoded(content)
    is_json = text.lstrip()[:1] in ("[", "{")
    for count, record in enumerate(_of_json(text) if is_json else _of_csv(text)):
        if count == MAX_RECORDS:
            raise RecordError(record.line, f"at most {MAX_RECORDS} records are read")
        yield record


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise RecordError(1, f"the file has {len(content)} bytes, at most {MAX_BYTES} are read")
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
    raise RecordError(line, "neither UTF-8 nor GB18030")


def _of_csv(text: str) -> Iterator[Record]:
    first = text.partition("\n")[0]
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=max(",;\t", key=first.count), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if twice := [name for name in header if header.count(name) > 1]:
            raise RecordError(1, f"there are two columns {twice[0]!r}")
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if len(cells) > len(header):
                raise RecordError(line, f"has {len(cells)} cells, the header {len(header)}")
            if any(cell.strip() for cell in cells):
                yield Record(line, 1, dict(zip(header, cells, strict=False)))
    except csv.Error as error:
        raise RecordError(max(reader.line_num, 1), f"not CSV: {error}") from error


def _of_json(text: str) -> Iterator[Record]:
    """Yield objects read one by one, so that each has its line; a comma between them is blank."""
    place = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    if text[place] == "[":
        if text[end - 1] != "]":
            raise RecordError(text.count("\n") + 1, "not JSON: the array does not end")
        place, end = place + 1, end - 1
    line, counted = 1, 0
    while (place := _after_blank(text, place)) < end:
        line, counted = line + text.count("\n", counted, place), place
        try:
            cells, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise RecordError(line, f"not JSON: {error}") from error
        if not isinstance(cells, dict):
            raise RecordError(line, "a record must be an object")
        yield Record(line, line, cells)


def _after_blank(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place

"""Roster files: records -> groups, members, people, every mistake with its line and field. Pure.

    record ─ columns and words by `data/roster.toml` ─ checked row │ mistakes

A record that names a member of a group is one of a member, one that names a member alone is HR's of a
person, any other one of a group.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from moderation.errors import did_you_mean
from service.rosterrecords import Record, RecordError, records
from service.rosterrows import GroupRow, MemberRow, PersonRow

VOCABULARY = Path(__file__).parent / "data" / "roster.toml"
GROUPS, MEMBERS, PEOPLE = "groups", "members", "people"
LONGEST_SHOWN = 100
"""Characters of a column's name that a mistake quotes."""
_DAY = "%Y-%m-%d"
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", _DAY)
_OF_PERSON = ("name", "department", "wage")
_STARTS = ("joined", "employed_from")
_ENDS = ("left", "employed_until", "ended_at")
"""Times of which a mere date means the end of the day."""
_FORMS: dict[str, type[GroupRow | MemberRow | PersonRow]] = {
    GROUPS: GroupRow,
    MEMBERS: MemberRow,
    PEOPLE: PersonRow,
}

Row = TypeVar("Row", GroupRow, MemberRow, PersonRow)
OfPerson = TypeVar("OfPerson", MemberRow, PersonRow)


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with a line; `field` is the column as the file names it, empty for the whole line."""

    file: str
    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return (
            f"{where}: {self.field}: {self.problem}" if self.field else f"{where}: {self.problem}"
        )


@dataclass(frozen=True, slots=True)
class Line(Generic[Row]):
    """A row and where it stands."""

    file: str
    line: int
    row: Row


Where = Line[MemberRow] | Line[PersonRow]


@dataclass(slots=True)
class RosterFiles:
    """What files say: the good lines, and the mistakes of the others."""

    groups: list[Line[GroupRow]] = field(default_factory=list)
    members: list[Line[MemberRow]] = field(default_factory=list)
    people: list[Line[PersonRow]] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)


def read(
    files: Iterable[tuple[str, bytes]], policies: Collection[str], zone: tzinfo
) -> RosterFiles:
    """Read files given by name and content; a time without an offset is one of `zone`."""
    found = RosterFiles()
    for name, content in files:
        reader = _Reader(name, policies, zone, found)
        try:
            for record in records(content):
                reader.take(record)
        except RecordError as error:
            found.errors.append(LineError(name, error.line, "", error.problem))
    found.groups = _only_once(found.groups, lambda row: row.group_id, found.errors)
    found.members = _only_once(
        found.members, lambda row: (row.group_id, row.member_id, row.joined), found.errors
    )
    found.people = _only_once(found.people, lambda row: row.member_id, found.errors)
    said: dict[tuple[str, str], tuple[Any, Where]] = {}
    found.people = list(_agreeing(found.people, said, found.errors))
    found.members = list(_agreeing(found.members, said, found.errors))
    return found


class _Reader:
    """Turns the records of one file into rows."""

    def __init__(
        self, name: str, policies: Collection[str], zone: tzinfo, found: RosterFiles
    ) -> None:
        self.name = name
        self.policies = policies
        self.zone = zone
        self.found = found
        self._told: set[LineError] = set()

    def take(self, record: Record) -> None:
        """Put a record to the good lines, or its mistakes to the errors."""
        columns = {_column(MEMBERS, cell) for cell in record.cells}
        names_group = "group_id" in columns
        kind = GROUPS if "member_id" not in columns else MEMBERS if names_group else PEOPLE
        names = self._names(kind, record)
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for column, cell in names.items():
            try:
                values[column] = self._value(column, record.cells[cell])
            except ValueError as error:
                problems[column] = str(error)
        row = self._checked(kind, values, problems)
        for column, problem in problems.items():
            # A column that is missing from a header is one mistake, not one of every line.
            line = record.line if column in names or not column else record.named_at
            self._tell(line, names.get(column, column), problem)
        if isinstance(row, GroupRow):
            self.found.groups.append(Line(self.name, record.line, row))
        elif isinstance(row, MemberRow):
            self.found.members.append(Line(self.name, record.line, row))
        elif row is not None:
            self.found.people.append(Line(self.name, record.line, row))

    def _names(self, kind: str, record: Record) -> dict[str, str]:
        """Return the cells' names by our columns; what is no column is a mistake."""
        names: dict[str, str] = {}
        for cell in record.cells:
            column = _column(kind, cell)
            if column is None:
                nearest = did_you_mean(cell, _spellings(kind))
                self._tell(record.named_at, cell, f"unknown column of {kind}{nearest}")
            elif column in names:
                self._tell(record.named_at, cell, f"means the same as {names[column]!r}")
            else:
                names[column] = cell
        return names

    def _value(self, column: str, cell: Any) -> Any:
        """Return what a cell says, None for an empty one; raises `ValueError`."""
        if column == "departments":
            return _listed(cell)
        if isinstance(cell, (list, dict)):
            raise ValueError("must be text or a number")
        text = "" if cell is None else str(cell).strip()
        if not text:
            return None
        if column in _words():
            return _word(column, text)
        if column in (*_STARTS, *_ENDS):
            return self._time(text, end_of_day=column in _ENDS)
        if column == "policy" and text not in self.policies:
            raise ValueError(f"unknown policy {text!r}{did_you_mean(text, self.policies)}")
        return re.sub(r"[¥￥,，元\s]", "", text) if column == "wage" else text

    def _time(self, text: str, *, end_of_day: bool) -> datetime:
        """Return a time; a mere date is the day's start, for what ends the day's end."""
        plain = re.sub(r"[/.]", "-", text.replace("年", "-").replace("月", "-").replace("日", ""))
        for form in _TIMES:
            try:
                found = datetime.strptime(plain, form).replace(tzinfo=self.zone)
                return found + timedelta(days=1) if end_of_day and form == _DAY else found
            except (ValueError, OverflowError):
                continue
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"no time: {text!r}; write 2026-03-01 or 2026-03-01 09:30") from error
        return found if found.tzinfo else found.replace(tzinfo=self.zone)

    def _checked(
        self, kind: str, values: dict[str, Any], problems: dict[str, str]
    ) -> GroupRow | MemberRow | PersonRow | None:
        """Return the row, or None and add what is wrong to `problems`."""
        given = {column: value for column, value in values.items() if value is not None}
        try:
            row = _FORMS[kind].model_validate(given)
        except ValidationError as error:
            for found in error.errors(include_url=False):
                column = str(found["loc"][0]) if found["loc"] else ""
                problems.setdefault(column, _plain(found))
            return None
        return None if problems else row

    def _tell(self, line: int, column: str, problem: str) -> None:
        shown = column[:LONGEST_SHOWN].encode("utf-8", "replace").decode()
        error = LineError(self.name, line, shown, problem)
        if error not in self._told:
            self._told.add(error)
            self.found.errors.append(error)


def _listed(cell: Any) -> list[str] | None:
    """Return the names of a list, in a table divided by semicolons; None for an empty one."""
    parts = cell if isinstance(cell, list) else re.split("[;；]", str(cell or ""))
    if isinstance(cell, dict) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of names, in a table divided by semicolons")
    return [part.strip() for part in parts if part.strip()] or None


def _plain(found: ErrorDetails) -> str:
    return (
        "is missing" if found["type"] == "missing" else found["msg"].removeprefix("Value error, ")
    )


def _only_once(
    lines: list[Line[Row]], key: Callable[[Row], object], errors: list[LineError]
) -> list[Line[Row]]:
    """Return the first line of each key; another one is a mistake."""
    first: dict[object, Line[Row]] = {}
    for line in lines:
        known = first.setdefault(key(line.row), line)
        if known is not line:
            problem = f"the same as {known.file}:{known.line}"
            errors.append(LineError(line.file, line.line, "", problem))
    return list(first.values())


def _agreeing(
    lines: Iterable[Line[OfPerson]],
    said: dict[tuple[str, str], tuple[Any, Where]],
    errors: list[LineError],
) -> Iterator[Line[OfPerson]]:
    """Yield lines that say of a person what was `said` before, who may be in many groups."""
    for line in lines:
        differs = False
        for name in _OF_PERSON:
            value = getattr(line.row, name)
            if value is None:
                continue
            known, where = said.setdefault((line.row.member_id, name), (value, line))
            if known != value:
                problem = f"{line.row.member_id!r} has another {name} in {where.file}:{where.line}"
                errors.append(LineError(line.file, line.line, name, problem))
                differs = True
        if not differs:
            yield line


@cache
def _vocabulary() -> dict[str, Any]:
    return tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))


@cache
def _columns(kind: str) -> dict[str, str]:
    return _by_spelling(_vocabulary()[kind])


@cache
def _words() -> dict[str, dict[str, str]]:
    return {column: _by_spelling(words) for column, words in _vocabulary()["words"].items()}


def _by_spelling(names: dict[str, list[str]]) -> dict[str, str]:
    return {_folded(word): name for name, words in names.items() for word in (name, *words)}


def _spellings(kind: str) -> list[str]:
    return [word for name, words in _vocabulary()[kind].items() for word in (name, *words)]


def _column(kind: str, cell: str) -> str | None:
    return _columns(kind).get(_folded(cell))


def _word(column: str, text: str) -> str:
    found = _words()[column].get(_folded(text))
    if found is None:
        known = [
            w for name, words in _vocabulary()["words"][column].items() for w in (name, *words)
        ]
        raise ValueError(f"unknown {column} {text!r}{did_you_mean(text, known)}")
    return found


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return re.sub(r"[\s_]", "", unicodedata.normalize("NFKC", text)).casefold()

"""Tables for analysts: what each column holds, written as CSV or Parquet.

    rows of a table ─ checked against its columns ─ file.part ─ file

pandas opens either in one line: `pandas.read_csv(path)`, `pandas.read_parquet(path)`. Nobody is named
in them: private parts of texts are dotted, people are pseudonyms.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

AT_ONCE = 10_000
"""Rows in a group of a Parquet file."""

Row = Mapping[str, Any]


class Kind(StrEnum):
    """What a column holds; labels are words with a space between, times have their offset."""

    TEXT = "text"
    LABELS = "labels"
    TIME = "time"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what it holds, what it means."""

    name: str
    kind: Kind
    about: str


_CASE = (
    Column("case_id", Kind.TEXT, "the case"),
    Column("opened_at", Kind.TIME, "when the message came in"),
)
_JUDGED = (
    Column("model", Kind.TEXT, "version of the model that judged it"),
    Column("policy", Kind.TEXT, "policy that it was ruled under"),
    Column("group_kind", Kind.TEXT, "work, customer or interest"),
)
_STATE = Column("state", Kind.TEXT, "open, claimed, confirmed, relabelled or rejected")

TABLES: dict[str, tuple[Column, ...]] = {
    "cases": (
        *_CASE,
        Column("origin", Kind.TEXT, "flag, sample, report or text: how the case came to be"),
        Column("sent_at", Kind.TIME, "when the message was sent"),
        Column("group_id", Kind.TEXT, "the group"),
        Column("sender", Kind.TEXT, "a pseudonym of the sender, the same in every export"),
        Column("sender_role", Kind.TEXT, "staff or customer"),
        Column("text", Kind.TEXT, "the message without personal data; empty once erased"),
        Column("action", Kind.TEXT, "pass, review or block: what the bot was told"),
        Column("found", Kind.LABELS, "labels found"),
        Column("certainty", Kind.NUMBER, "highest score of them, 0 to 1"),
        *_JUDGED,
        Column("lexicon", Kind.TEXT, "version of the terms in force"),
        _STATE,
        Column("labels", Kind.LABELS, "labels of the verdict"),
        Column("amount", Kind.MONEY, "fine set by the reviewer, CNY"),
        Column("decided_at", Kind.TIME, "when the verdict fell"),
        Column("decided_by", Kind.TEXT, "a pseudonym of the reviewer"),
        Column("appeal", Kind.TEXT, "open, upheld or overturned; empty without an appeal"),
        Column("recalled", Kind.FLAG, "whether the sender recalled the message"),
    ),
    "feedback": (
        Column("at", Kind.TIME, "when the verdict fell"),
        Column("case_id", Kind.TEXT, "the case"),
        Column("text", Kind.TEXT, "the message without personal data"),
        Column("labels", Kind.LABELS, "right labels; empty for a clean message"),
        Column("group", Kind.TEXT, "work, customer or interest"),
        Column("source", Kind.TEXT, "where the line comes from"),
        Column("note", Kind.TEXT, "words about the verdict, with commas between"),
        Column("weight", Kind.NUMBER, "what it counts in training; less when disputed"),
        Column("reviewer", Kind.TEXT, "a pseudonym of the reviewer"),
    ),
    "scores": (
        *_CASE,
        *_JUDGED,
        Column("label", Kind.TEXT, "a label found"),
        Column("category", Kind.TEXT, "its category"),
        Column("source", Kind.TEXT, "model, lexicon, pattern or conversation: who found it"),
        Column("score", Kind.NUMBER, "its score, 0 to 1"),
        _STATE,
        Column("right", Kind.FLAG, "whether the verdict has the label; empty without a verdict"),
    ),
}
"""Each table with its columns; in `scores` a row is a finding."""


def write(path: Path, table: str, rows: Iterable[Row]) -> int:
    """Write a table, Parquet if the file is called so, else CSV; return the number of rows.

    The file has its name only once it is whole.
    """
    writing = _parquet if path.suffix == ".parquet" else _csv
    part = path.with_name(path.name + ".part")
    count = 0
    try:
        with writing(part, TABLES[table]) as put:
            rest = iter(rows)
            while some := list(islice(rest, AT_ONCE)):
                put(some)
                count += len(some)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


Put = Callable[[list[Row]], None]


@contextmanager
def _csv(path: Path, columns: tuple[Column, ...]) -> Iterator[Put]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        yield lambda rows: writer.writerows(
            [_cell(row[column.name]) for column in columns] for row in rows
        )


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else str(value)


@contextmanager
def _parquet(path: Path, columns: tuple[Column, ...]) -> Iterator[Put]:
    import pyarrow
    from pyarrow import parquet

    kinds = {
        Kind.TEXT: pyarrow.string(),
        Kind.LABELS: pyarrow.string(),
        Kind.TIME: pyarrow.timestamp("ms", tz="UTC"),
        Kind.NUMBER: pyarrow.float64(),
        Kind.MONEY: pyarrow.decimal128(14, 2),
        Kind.FLAG: pyarrow.bool_(),
    }
    schema = pyarrow.schema(
        [pyarrow.field(one.name, kinds[one.kind], metadata={"about": one.about}) for one in columns]
    )
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda rows: writer.write_table(
            pyarrow.Table.from_pylist(
                [{one.name: _value(row[one.name]) for one in columns} for row in rows], schema
            )
        )


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value.quantize(Decimal("0.01"))
    return " ".join(value) if isinstance(value, tuple) else value

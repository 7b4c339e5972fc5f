"""Public corpora, read from a folder: `load_corpus("cold", Path("/data/cold"))`.

    folder ─ rows of a table ─ first fitting rule of `data/sources.toml` ─ samples

The corpora are no part of the project: whoever trains brings them (`--corpus NAME=DIR`), and the
model's card names them with their licences.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from moderation.datafiles import TomlFile, read_text
from moderation.errors import (
    DataFileError,
    MessageError,
    ModerationError,
    UnknownNameError,
    did_you_mean,
)
from moderation.taxonomy import taxonomy
from moderation.types import GroupKind, check_text
from training.corpus import Sample

PREFIX = "corpus:"
"""How the `source` of every sample of a public corpus begins."""

SOURCES = Path(__file__).parent / "data" / "sources.toml"


@dataclass(frozen=True, slots=True)
class Rule:
    """What rows of a label value become when their text meets the conditions."""

    value: str
    labels: tuple[str, ...]
    weight: float
    min_length: int
    must: re.Pattern[str]
    must_not: re.Pattern[str] | None

    def fits(self, value: str, text: str) -> bool:
        """Return whether a row takes this rule."""
        return (
            value == self.value
            and len(text) >= self.min_length
            and self.must.search(text) is not None
            and not (self.must_not and self.must_not.search(text))
        )


@dataclass(frozen=True, slots=True)
class Corpus:
    """A public corpus: where it comes from, how its tables look and what its labels mean to us."""

    name: str
    title: str
    origin: str
    commit: str
    licence: str
    citation: str
    remark: str
    group: str
    delimiter: str
    text: str
    label: str
    files: dict[str, str]
    rules: tuple[Rule, ...]
    skip: tuple[str, ...]

    def known_values(self) -> set[str]:
        """Return every label value that a row may have."""
        return {rule.value for rule in self.rules} | set(self.skip)


def parse_corpus(option: str) -> tuple[str, Path]:
    """Return name and folder of a `NAME=DIR` option.

    Raises:
        ModerationError: it is not of that form.
        UnknownNameError: no such corpus; offers the nearest.
        DataFileError: no such folder.
    """
    name, equals, folder = option.partition("=")
    if not equals or not folder:
        raise ModerationError(f"--corpus needs NAME=DIR, such as cold=/data/cold, not {option!r}")
    _corpus(name)
    return name, _folder(Path(folder).expanduser())


def load_corpus(name: str, folder: Path, split: str | None = None) -> list[Sample]:
    """Read a corpus, or one split of it; what has no splits is all `train`.

    Raises:
        UnknownNameError: no such corpus or split; offers the nearest.
        DataFileError: the folder, a file or a column is missing, or a row is not as expected.
    """
    corpus = _corpus(name)
    if split is not None and split not in corpus.files:
        raise UnknownNameError(f"split of {name}", split, corpus.files)
    _folder(folder)
    wanted = corpus.files if split is None else {split: corpus.files[split]}
    return [
        sample for part, file in wanted.items() for sample in _samples(corpus, folder / file, part)
    ]


def licences(names: Iterable[str]) -> list[dict[str, str]]:
    """Return name, title, licence, origin, commit and citation of corpora, for a model's card."""
    keys = ("name", "title", "licence", "origin", "commit", "citation")
    return [{key: getattr(_corpus(name), key) for key in keys} for name in names]


@cache
def corpora() -> dict[str, Corpus]:
    """Return the known corpora by name.

    Raises:
        DataFileError: `data/sources.toml` is wrong; names the line.
    """
    return read_sources(SOURCES)


def read_sources(path: Path) -> dict[str, Corpus]:
    """Read a table of corpora.

    Raises:
        DataFileError: a key is missing or unknown, a label is none of ours, or a pattern is none.
    """
    file = TomlFile(path)
    out = {}
    for number, body in enumerate(file.body.get("corpus", [])):
        try:
            corpus = _read_corpus(body)
        except (KeyError, TypeError, ValueError, re.error, UnknownNameError) as error:
            problem = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise file.error(file.line_of("corpus", number), problem) from error
        out[corpus.name] = corpus
    return out


def _read_corpus(body: dict[str, Any]) -> Corpus:
    rules = tuple(_read_rule(dict(rule)) for rule in body["rules"])
    skip = tuple(body.get("skip", ()))
    fields = {key: value for key, value in body.items() if key not in ("rules", "skip")}
    fields["group"] = GroupKind(body["group"]).value
    return Corpus(**fields, rules=rules, skip=skip)


def _read_rule(body: dict[str, Any]) -> Rule:
    must_not = body.pop("must_not", None)
    return Rule(
        value=body.pop("value"),
        labels=tuple(taxonomy()[label].id for label in body.pop("labels")),
        weight=float(body.pop("weight", 1.0)),
        min_length=int(body.pop("min_length", 1)),
        must=re.compile(body.pop("must", "")),
        must_not=None if must_not is None else re.compile(must_not),
        **body,
    )


def _corpus(name: str) -> Corpus:
    if name not in corpora():
        raise UnknownNameError("corpus", name, corpora())
    return corpora()[name]


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataFileError(folder, None, "is no folder")
    return folder


def _samples(corpus: Corpus, path: Path, split: str) -> Iterator[Sample]:
    for number, value, text in _rows(corpus, path):
        rule = next((rule for rule in corpus.rules if rule.fits(value, text)), None)
        if rule is None:
            continue
        try:
            check_text(text)
        except MessageError as error:
            raise DataFileError(path, number, str(error)) from error
        yield Sample(
            text=text,
            labels=rule.labels,
            group=corpus.group,
            source=f"{PREFIX}{corpus.name}/{value}/{split}",
            split=split,
            weight=rule.weight,
            place=f"{path.name}:{number}",
        )


def _rows(corpus: Corpus, path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line number, label value and text of the rows of a table with a header."""
    table = io.StringIO(read_text(path), newline="")
    reader = csv.reader(
        table,
        delimiter=corpus.delimiter,
        quoting=csv.QUOTE_NONE if corpus.delimiter == "\t" else csv.QUOTE_MINIMAL,
    )
    header = next(reader, [])
    for column in (corpus.label, corpus.text):
        if column not in header:
            problem = f"has no column {column!r}{did_you_mean(column, header)}"
            raise DataFileError(path, 1, problem)
    label, text = header.index(corpus.label), header.index(corpus.text)
    known = corpus.known_values()
    for row in reader:
        if len(row) != len(header):
            problem = f"has {len(row)} columns, the header has {len(header)}"
            raise DataFileError(path, reader.line_num, problem)
        if row[label] not in known:
            problem = f"unknown label {row[label]!r}{did_you_mean(row[label], known)}"
            raise DataFileError(path, reader.line_num, problem)
        yield reader.line_num, row[label], row[text].strip()

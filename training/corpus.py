"""Labelled messages: the data set's lines, read and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.datafiles import read_text
from moderation.errors import DataFileError, MessageError, ModerationError, UnknownNameError
from moderation.taxonomy import taxonomy
from moderation.types import GroupKind, check_text

DATASETS = Path(__file__).parent.parent / "datasets"
FEEDBACK = "feedback"
"""Domain of what came of reviewed cases."""
HARD = "hard"
TEST = "test"
SPLITS = ("train", "dev", TEST)
"""What `split` may say; a sample of `TEST` is judged and never learnt from."""
EVASIONS = (
    "homophone",
    "lookalike",
    "split",
    "separator",
    "emoji",
    "traditional",
    "initials",
    "fullwidth",
    "slang",
    "veiled",
    "mixed",
)
"""What `note` may say: `hard` marks a hard negative, the others how a violation hides."""

_KEYS = {"text", "labels", "group", "source", "split", "note"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A labelled message.

    `domain` is the first part of `source`: an industry or an outside place. `unit` names what is
    held out together: a data file, written in one circle of industries and voices, or the message
    alone.
    """

    text: str
    labels: tuple[str, ...]
    group: str
    source: str
    notes: tuple[str, ...] = ()
    split: str | None = None
    weight: float = 1.0
    place: str = ""
    unit: str = ""

    @property
    def domain(self) -> str:
        """Return the industry, or the corpus, that the message comes from."""
        return self.source.split("/")[0]

    @property
    def is_feedback(self) -> bool:
        """Return whether this is a reviewed case: there mostly because a model flagged it."""
        return self.domain == FEEDBACK

    @property
    def is_clean(self) -> bool:
        """Return whether the message breaks nothing."""
        return not self.labels

    @property
    def is_hard(self) -> bool:
        """Return whether this is a clean message that looks like a violation."""
        return HARD in self.notes

    @property
    def evasions(self) -> tuple[str, ...]:
        """Return the ways in which a violation hides."""
        return tuple(note for note in self.notes if note in EVASIONS)


def load_samples(paths: Iterable[Path] = ()) -> list[Sample]:
    """Read data files; none given means the project's own.

    Raises:
        DataFileError: a line is not the contract's object; names file, line and the nearest valid word.
    """
    files = list(paths) or sorted(DATASETS.glob("*.jsonl"))
    return [sample for path in files for sample in _read_file(path)]


def of_split(samples: Iterable[Sample], split: str) -> list[Sample]:
    """Return the samples of a split.

    Raises:
        UnknownNameError: no such split.
        ModerationError: no sample is of it.
    """
    wanted = _split(split)
    found = [sample for sample in samples if sample.split == wanted]
    if not found:
        raise ModerationError(f"no message is of the split {split!r}")
    return found


def load_added(path: Path, weight: float) -> list[Sample]:
    """Read a firm's own messages; each may be held out alone, for their like is what is to be judged.

    Raises:
        DataFileError: as `load_samples`.
    """
    return [replace(s, weight=weight, unit=f"{path}:{s.place}") for s in _read_file(path)]


def label_matrix(samples: Iterable[Sample]) -> NDArray[np.int8]:
    """Return 0/1 per sample and label, int8 `[samples, labels]`."""
    columns = {name: number for number, name in enumerate(taxonomy().ids)}
    rows = list(samples)
    out = np.zeros((len(rows), len(columns)), dtype=np.int8)
    for number, sample in enumerate(rows):
        out[number, [columns[label] for label in sample.labels]] = 1
    return out


def _read_file(path: Path) -> Iterator[Sample]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            try:
                yield _read_line(line, path.name, number)
            except (ValueError, TypeError, MessageError, UnknownNameError) as error:
                raise DataFileError(path, number, str(error)) from error


def _read_line(line: str, file: str, number: int) -> Sample:
    body: dict[str, Any] = json.loads(line)
    if not isinstance(body, dict):
        raise TypeError("a line must be a JSON object")
    unknown = body.keys() - _KEYS
    if unknown:
        raise UnknownNameError("key", min(unknown), _KEYS)
    labels = body.get("labels")
    if not isinstance(labels, list) or not isinstance(body.get("text"), str):
        raise TypeError("needs a text and a list of labels")
    return Sample(
        text=check_text(body["text"]),
        labels=tuple(taxonomy()[label].id for label in labels),
        group=GroupKind(body.get("group", "work")).value,
        source=str(body.get("source", "own")),
        notes=_notes(body.get("note", "")),
        split=_split(body.get("split")),
        place=f"{file}:{number}",
        unit=file,
    )


def _split(name: str | None) -> str | None:
    if name is not None and name not in SPLITS:
        raise UnknownNameError("split", name, SPLITS)
    return name


def _notes(text: str) -> tuple[str, ...]:
    """Return the comma-separated words of a note; a free remark of others is kept as one."""
    return tuple(word.strip() for word in text.split(",") if word.strip())

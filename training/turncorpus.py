"""Labelled turns: the lines of `datasets/turns`, read and checked.

A turn is a `Sample` whose only label is its kind, so that what groups, folds and checks messages
serves turns as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.datafiles import read_text
from moderation.errors import DataFileError, MessageError, UnknownNameError
from moderation.turns import KINDS
from moderation.types import GroupKind, check_text
from training.corpus import DATASETS, SPLITS, TEST, Sample

TURNS = DATASETS / "turns"
_KEYS = {"text", "kind", "group", "source", "split"}


def load_turns(paths: Iterable[Path] = ()) -> list[Sample]:
    """Read files of turns; none given means the project's own.

    Raises:
        DataFileError: a line is not the contract's object; names file, line and the nearest valid word.
    """
    files = list(paths) or sorted(TURNS.glob("*.jsonl"))
    return [sample for path in files for sample in _read_file(path)]


def divided(samples: Iterable[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return what may be learnt from, and the split `test`."""
    rows = list(samples)
    learnt = [sample for sample in rows if sample.split != TEST]
    return learnt, [sample for sample in rows if sample.split == TEST]


def kind_matrix(samples: Iterable[Sample]) -> NDArray[np.int8]:
    """Return 0/1 per sample and kind, int8 `[samples, kinds]`."""
    numbers = [KINDS.index(sample.labels[0]) for sample in samples]
    return np.eye(len(KINDS), dtype=np.int8)[numbers]


def _read_file(path: Path) -> Iterator[Sample]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            try:
                yield _read_line(line, path, number)
            except (ValueError, TypeError, MessageError, UnknownNameError) as error:
                raise DataFileError(path, number, str(error)) from error


def _read_line(line: str, path: Path, number: int) -> Sample:
    body: dict[str, Any] = json.loads(line)
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        raise TypeError("a line must be a JSON object with a text")
    for name, value, known in (
        *(("key", key, _KEYS) for key in sorted(body)),
        ("kind", body.get("kind"), KINDS),
        ("split", body.get("split"), (None, *SPLITS)),
    ):
        if value not in known:
            raise UnknownNameError(name, str(value), [one for one in known if one])
    return Sample(
        text=check_text(body["text"]),
        labels=(body["kind"],),
        group=GroupKind(body.get("group", "work")).value,
        source=str(body.get("source", "own")),
        split=body.get("split"),
        place=f"turns/{path.name}:{number}",
        unit=path.name,
    )

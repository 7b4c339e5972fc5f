"""Errors of the library: one root, and each error says what it is about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ModerationError(Exception):
    """Root of every error this library raises on purpose."""


class MessageError(ModerationError):
    """A message cannot be judged; `field` names the offending field."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class DataFileError(ModerationError):
    """A data file (taxonomy, policy, lexicon, table, data set) is wrong at `line`."""

    def __init__(self, path: object, line: int | None, problem: str) -> None:
        self.path = str(path)
        self.line = line
        self.problem = problem
        super().__init__(f"{self.path}{'' if line is None else f':{line}'}: {problem}")


class UnknownNameError(ModerationError):
    """A name (policy, label, model) does not exist; the message offers the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        super().__init__(f"unknown {kind} {name!r}{did_you_mean(name, known)}")


class ModelError(ModerationError):
    """A model folder is missing a file, damaged, tampered with or of another format."""

    def __init__(self, path: object, problem: str) -> None:
        self.path = str(path)
        self.problem = problem
        super().__init__(f"model {self.path}: {problem}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the nearest known name, else the list of known names."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(names)}"

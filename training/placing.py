"""A model's folder appears whole or not at all, whatever ends the work that writes it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTS = ".part"
"""Where folders are written until they are whole: a level deeper than versions are looked for."""


@contextmanager
def part(parent: Path) -> Iterator[Path]:
    """Give a folder to write into, on the same disk; what was not placed is gone afterwards."""
    parts = parent / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=parts) as name:
            yield Path(name) / "model"
    finally:
        with suppress(OSError):  # another work writes there too
            parts.rmdir()


def place(folder: Path, target: Path) -> None:
    """Give a finished folder its name; a version trained once more has the same weights."""
    if not target.exists():
        folder.rename(target)
        return
    for path in folder.iterdir():
        path.replace(target / path.name)

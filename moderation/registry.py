"""Model folders at hand: versions, and the aliases that name one of them.

    own folder (versions, aliases)  before  shipped folder (versions, aliases)

A firm's retrained versions and its own aliases stand in its own folder; an alias there hides the
shipped one. `champion` judges, `challenger` is scored beside it. Setting an alias is one atomic
rename, so a service that looks sees the old name or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from moderation.artifacts import MODELS, load_model
from moderation.errors import ModelError, UnknownNameError

CHAMPION, CHALLENGER = "champion", "challenger"
ALIASES = (CHAMPION, CHALLENGER)
_PREVIOUS = "previous"
"""What an alias named before, for a way back: `champion.previous`."""


class Registry:
    """Finds and names versions in folders, the first of which is written to."""

    def __init__(self, *folders: Path) -> None:
        self.folders: Sequence[Path] = folders or (shipped(),)

    def versions(self) -> Iterator[Path]:
        """Yield every model folder, each version once, oldest name first."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            for path in sorted(folder.glob("*/model.json")):
                found.setdefault(path.parent.name, path.parent)
        yield from (found[name] for name in sorted(found))

    def alias(self, name: str) -> str | None:
        """Return the version that an alias names, None where there is no such alias."""
        for folder in self.folders:
            path = folder / name
            if path.is_file():
                return path.read_text(encoding="utf-8").strip() or None
        return None

    def resolve(self, name: str | Path | None = None) -> Path:
        """Return the folder of a model given as folder, version or alias; None is the champion.

        Raises:
            ModelError: an alias that names no model folder.
            UnknownNameError: neither a version nor an alias.
        """
        if name is not None and Path(name).is_dir():
            return Path(name)
        wanted = CHAMPION if name is None else str(name)
        if (folder := self._version(wanted)) is not None:
            return folder
        target = self.alias(wanted)
        if target is None:
            known = [path.name for path in self.versions()]
            raise UnknownNameError("model", wanted, [*known, *filter(self.alias, ALIASES)])
        folder = self._version(target)
        if folder is None:
            path = self.folders[0] / wanted
            raise ModelError(path, f"alias names {target!r}, which is no model folder")
        return folder

    def name(self, alias: str, version: str | None) -> None:
        """Let an alias name a version from now on, or nothing; what it named before is remembered.

        Raises:
            ModelError: the version cannot be loaded by this program.
            UnknownNameError: no such version.
        """
        before = self.alias(alias)
        own = self.folders[0]
        own.mkdir(parents=True, exist_ok=True)
        if version is not None:
            load_model(self.resolve(version))
        _write(own / f"{alias}.{_PREVIOUS}", before or "")
        _write(own / alias, version or "")

    def previous(self, alias: str) -> str | None:
        """Return what an alias named before its last change."""
        return self.alias(f"{alias}.{_PREVIOUS}")

    def signature(self, alias: str) -> tuple[tuple[int, int], ...]:
        """Return what changes when the alias does: a look at files, nothing is read."""
        out = []
        for folder in self.folders:
            try:
                stat = (folder / alias).stat()
            except FileNotFoundError:
                continue
            out.append((stat.st_mtime_ns, stat.st_ino))
        return tuple(out)

    def _version(self, name: str) -> Path | None:
        for folder in self.folders:
            if name and (folder / name / "model.json").is_file():
                return folder / name
        return None


def shipped() -> Path:
    """Return the folder of the models that come with the program, or the one set in its place."""
    return Path(os.environ.get("MODERATION_MODELS", MODELS))


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(f"{text}\n", encoding="utf-8")
    part.replace(path)

"""The labels: six categories, nineteen labels, loaded from `data/taxonomy.toml` and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from moderation.datafiles import DATA, TomlFile
from moderation.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Label:
    """A label, its category and its Chinese names."""

    id: str
    name: str
    about: str
    category: str
    category_name: str


class Taxonomy:
    """All labels in file order; `taxonomy["porn"].category` is `"harmful"`."""

    def __init__(self, labels: list[Label]) -> None:
        self._labels = {label.id: label for label in labels}

    def __getitem__(self, name: str) -> Label:
        """Return a label; raises `UnknownNameError` with the nearest id."""
        try:
            return self._labels[name]
        except KeyError as error:
            raise UnknownNameError("label", name, self._labels) from error

    def __contains__(self, name: object) -> bool:
        return name in self._labels

    def __iter__(self) -> Iterator[Label]:
        return iter(self._labels.values())

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the label ids in file order."""
        return tuple(self._labels)

    @property
    def categories(self) -> tuple[str, ...]:
        """Return the category ids in file order."""
        return tuple(dict.fromkeys(label.category for label in self))


def load_taxonomy(path: Path) -> Taxonomy:
    """Read a taxonomy file.

    Raises:
        DataFileError: a field is missing or an id stands twice.
    """
    file = TomlFile(path)
    labels: list[Label] = []
    for number, category in enumerate(file.body.get("category", [])):
        for entry in category.get("label", []):
            missing = {"id", "name", "about"} - entry.keys()
            if missing or not {"id", "name"} <= category.keys():
                line = file.line_of("category", number, str(entry.get("id", "")))
                raise file.error(line, f"label or category lacks {sorted(missing) or 'id or name'}")
            label = Label(**entry, category=category["id"], category_name=category["name"])
            if label.id in {known.id for known in labels}:
                raise file.error(file.top_line_of(label.id), f"label {label.id!r} stands twice")
            labels.append(label)
    return Taxonomy(labels)


@cache
def taxonomy() -> Taxonomy:
    """Return the product's taxonomy, read once."""
    return load_taxonomy(DATA / "taxonomy.toml")

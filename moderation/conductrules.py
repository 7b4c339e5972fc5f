"""The rules of conduct that the product can check, loaded from `data/conduct.toml` and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from moderation.datafiles import DATA, TomlFile
from moderation.errors import did_you_mean
from moderation.policy import LIABLE


@dataclass(frozen=True, slots=True)
class ConductKind:
    """A rule by its id and Chinese name; `parties` are those for whom it can find the person.

    `takes` are the keys that a policy's row may have besides those of every row, `needs` those it
    must have; `formats` are the names allowed where the row states none.
    """

    id: str
    name: str
    about: str
    parties: tuple[str, ...]
    takes: frozenset[str]
    needs: frozenset[str] = frozenset()
    formats: tuple[str, ...] = ()


def load_conduct(path: Path) -> Mapping[str, ConductKind]:
    """Read the rules of a file by id, in its order.

    Raises:
        DataFileError: a rule lacks a key, has an unknown party or stands twice.
    """
    file = TomlFile(path)
    found: dict[str, ConductKind] = {}
    for number, entry in enumerate(file.body.get("rule", [])):
        line = file.line_of("rule", number)
        if missing := {"id", "name", "about", "parties", "takes"} - entry.keys():
            raise file.error(line, f"rule lacks {sorted(missing)}")
        if entry["id"] in found:
            raise file.error(line, f"rule {entry['id']!r} stands twice")
        for party in entry["parties"]:
            if party not in LIABLE:
                raise file.error(line, f"unknown party {party!r}{did_you_mean(party, LIABLE)}")
        found[entry["id"]] = ConductKind(
            id=entry["id"],
            name=entry["name"],
            about=entry["about"],
            parties=tuple(entry["parties"]),
            takes=frozenset(entry["takes"]),
            needs=frozenset(entry.get("needs", [])),
            formats=tuple(entry.get("formats", [])),
        )
    return MappingProxyType(found)


@cache
def conduct_rules() -> Mapping[str, ConductKind]:
    """Return the product's rules by id, read once."""
    return load_conduct(DATA / "conduct.toml")

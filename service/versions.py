"""Versions of the model: what is known of each, and which one judges.

    compare.json (written by retraining) ─ verdict of the gate ─ promote ─ alias `champion` ─ audit log

Needs no training package. The alias changes inside the writing transaction that notes it, so that two
people cannot promote at once; running services see the new name within a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from moderation.artifacts import load_model
from moderation.errors import ModelError, ModerationError, UnknownNameError
from moderation.registry import ALIASES, CHALLENGER, CHAMPION, Registry
from service.storage import audit

COMPARISON = "compare.json"
PROMOTE, ROLLBACK, CHALLENGE = "model.promote", "model.rollback", "model.challenge"


class PromotionError(ModerationError):
    """A version must not become champion now."""


@dataclass(frozen=True, slots=True)
class Version:
    """A model folder as people look at it; `problem` says why this program cannot load it."""

    name: str
    folder: Path
    aliases: tuple[str, ...]
    about: Mapping[str, Any]
    comparison: Mapping[str, Any] | None
    problem: str | None = None

    @property
    def passed(self) -> bool | None:
        """Return what the gate said, None if it was not asked."""
        return None if self.comparison is None else bool(self.comparison["verdict"]["passed"])

    def figure(self, *keys: str) -> float | None:
        """Return one of its metrics, None where it was not measured."""
        found: Any = self.about.get("metrics", {})
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return None if found is None else float(found)


def listed(registry: Registry) -> list[Version]:
    """Return every version, newest name first."""
    return [_version(registry, folder) for folder in registry.versions()][::-1]


def version(registry: Registry, name: str) -> Version:
    """Return a version by its name or alias; raises `UnknownNameError`."""
    folders = {folder.name: folder for folder in registry.versions()}
    wanted = registry.alias(name) if name in ALIASES else name
    if wanted not in folders:
        raise UnknownNameError("model", name, folders)
    return _version(registry, folders[wanted])


def promote(
    connection: Any,
    at: datetime,
    registry: Registry,
    name: str,
    by: str,
    reason: str | None = None,
) -> Version:
    """Make a version the champion; with a reason also one that the gate has not let through.

    Raises:
        UnknownNameError: no such version.
        PromotionError: it cannot be loaded, or the gate has not let it through and no reason is given.
    """
    found = version(registry, name)
    before = registry.alias(CHAMPION)
    if found.problem is not None:
        raise PromotionError(f"{found.name} cannot be loaded: {found.problem}")
    if found.name == before:
        raise PromotionError(f"{found.name} is champion already")
    refusal = _refusal(found, before)
    if refusal is not None and not reason:
        raise PromotionError(refusal)
    detail = {"before": before, "forced": refusal is not None, "reason": reason}
    audit.append(connection, at, [audit.Change(by, PROMOTE, found.name, detail)])
    registry.name(CHAMPION, found.name)
    if registry.alias(CHALLENGER) == found.name:
        registry.name(CHALLENGER, None)
    return version(registry, found.name)


def rollback(connection: Any, at: datetime, registry: Registry, by: str) -> Version:
    """Make the champion before this one champion again; once more undoes that.

    Raises:
        PromotionError: there was none, or it is gone or cannot be loaded.
    """
    before, name = registry.alias(CHAMPION), registry.previous(CHAMPION)
    if not name:
        raise PromotionError("there was no champion before this one")
    try:
        found = version(registry, name)
    except ModerationError as error:
        raise PromotionError(f"the champion before this one is gone: {error}") from error
    if found.problem is not None:
        raise PromotionError(f"{name} cannot be loaded: {found.problem}")
    audit.append(connection, at, [audit.Change(by, ROLLBACK, name, {"before": before})])
    registry.name(CHAMPION, name)
    return version(registry, name)


def challenge(
    connection: Any, at: datetime, registry: Registry, name: str | None, by: str
) -> Version | None:
    """Let a version judge beside the champion without acting, or with None no version.

    Raises:
        UnknownNameError: no such version.
        ModelError: it cannot be loaded.
    """
    found = None if name is None else version(registry, name)
    target = None if found is None else found.name
    detail = {"before": registry.alias(CHALLENGER)}
    audit.append(connection, at, [audit.Change(by, CHALLENGE, target or "none", detail)])
    registry.name(CHALLENGER, target)
    return found


def _refusal(found: Version, champion: str | None) -> str | None:
    """Return why the stored verdict does not let a version through."""
    if found.comparison is None:
        return f"{found.name} was never compared with a champion"
    if (other := found.comparison["champion"]) != champion:
        return f"{found.name} was compared with {other}, not with the champion {champion}"
    if not found.passed:
        told = "; ".join(map(explain, found.comparison["verdict"]["reasons"]))
        return f"the gate refuses {found.name}: {told}"
    return None


def explain(reason: Mapping[str, Any]) -> str:
    """Return a reason of the gate in one phrase."""
    what = reason["label"] or reason["rule"]
    return (
        f"{what} on {reason['board']} from {reason['old']:.3f} to {reason['new']:.3f} "
        f"(tolerance {reason['tolerance']:g})"
    )


def _version(registry: Registry, folder: Path) -> Version:
    name = folder.name
    aliases = tuple(alias for alias in ALIASES if registry.alias(alias) == name)
    try:
        about = load_model(folder).about
        compared = comparison(folder)
    except ModelError as error:
        return Version(name, folder, aliases, {}, None, error.problem)
    return Version(name, folder, aliases, about, compared)


def comparison(folder: Path) -> dict[str, Any] | None:
    """Return how a version compares with a champion, None if it never was; raises `ModelError`."""
    path = folder / COMPARISON
    if not path.is_file():
        return None
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        body.setdefault("batch", None)  # an older version asked nothing of the verdicts themselves
        if body["verdict"]["passed"] != (not body["verdict"]["reasons"]):
            raise ValueError("the verdict contradicts its reasons")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(path, f"{COMPARISON} is damaged: {error}") from error
    return body

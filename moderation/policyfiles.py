"""Policy files: TOML -> `Policy`, every mistake named with file, line and the nearest valid word."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from moderation.conductfiles import ConductReader
from moderation.datafiles import DATA, TomlFile
from moderation.errors import DataFileError, UnknownNameError, did_you_mean
from moderation.policy import LIABLE, FloodRule, Policy, Rule
from moderation.policychecks import EntryChecks
from moderation.taxonomy import taxonomy
from moderation.types import GroupKind

SHIPPED = DATA / "policies"
DEFAULT_POLICY = "suzhou-2017"

_TOP = {
    *("id", "title", "date", "groups", "cumulative", "window_days"),
    *("flooding", "defaults", "article", "conduct"),
}
_TERMS = {"penalty", "ladder", "liable", "duty"}
_ARTICLE = {"article", "ban", "labels", "summary", "exempt"} | _TERMS
_GROUPS = tuple(kind.value for kind in GroupKind)


class PolicyBook:
    """All policies at hand: the shipped ones and those of the company's own folder.

    A company file with the id of a shipped policy takes its place.
    """

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._policies = {policy.id: policy for policy in policies}

    @classmethod
    def load(cls, *folders: Path) -> PolicyBook:
        """Read every `*.toml` of the shipped folder, then of `folders` in order."""
        files = [file for folder in (SHIPPED, *folders) for file in _policy_files(folder)]
        return cls(load_policy(file) for file in files)

    def __getitem__(self, policy_id: str) -> Policy:
        """Return a policy; raises `UnknownNameError` with the nearest id."""
        try:
            return self._policies[policy_id]
        except KeyError as error:
            raise UnknownNameError("policy", policy_id, self._policies) from error

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._policies.values())

    def __len__(self) -> int:
        return len(self._policies)


def load_policy(path: Path) -> Policy:
    """Read and check one policy file.

    Raises:
        DataFileError: anything in it is wrong; names the line and, for a name, the nearest valid one.
    """
    return _Reader(TomlFile(path)).policy()


def parse_policy(text: str, origin: Path) -> Policy:
    """Read and check the text of a policy; `origin` stands in its errors. Raises as `load_policy`."""
    return _Reader(TomlFile(origin, text)).policy()


def _policy_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataFileError(folder, None, "policy folder does not exist")
    return sorted(folder.glob("*.toml"))


class _Reader(EntryChecks):
    """Reads one file."""

    def policy(self) -> Policy:
        body = self.file.body
        self.known_keys(body, _TOP)
        policy_id = self.text(body, "id")
        title = self.text(body, "title")
        self.known_keys(body.get("defaults", {}), _TERMS)
        groups = self.names(body, "groups", _GROUPS, "group kind", _GROUPS)
        day, cumulative = self.day(body.get("date")), self.flag(body, "cumulative")
        window_days = self.count(body, "window_days") if "window_days" in body else None
        flooding = self._flooding(body.get("flooding", {}))
        digest = hashlib.sha256(self.file.text.encode()).hexdigest()[:12]
        rules = tuple(self.each("article", self._rule))
        if not rules:
            raise self.file.error(1, "has no [[article]]")
        return Policy(
            id=policy_id,
            version=f"{policy_id}@sha256:{digest}",
            title=title,
            date=day,
            groups=tuple(GroupKind(name) for name in groups),
            rules=rules,
            conduct=tuple(ConductReader(self.file).rules()),
            cumulative=cumulative,
            window_days=window_days,
            flooding=flooding,
            text=self.file.text,
        )

    def _flooding(self, entry: dict[str, Any]) -> FloodRule:
        self.known_keys(entry, {field.name for field in fields(FloodRule)})
        rule = FloodRule(**{key: self.count(entry, key) for key in entry})
        for key in entry.keys() - {"copied_length"}:
            most = FloodRule.LONGEST if key == "seconds" else FloodRule.MOST
            if entry[key] > most:
                raise self.error(key, f"{key} may be {most} at most, not {entry[key]}")
        return rule

    def _rule(self, entry: dict[str, Any]) -> Rule:
        self.known_keys(entry, _ARTICLE)
        terms = self._terms(entry)
        labels = self.names(entry, "labels", taxonomy().ids, "label")
        if not labels:
            raise self.error("labels", "an article needs at least one label")
        if "ladder" in terms and "penalty" in terms:
            raise self.error("ladder", "give either a penalty or a ladder, not both")
        steps = terms.get("ladder", [terms.get("penalty", {"kind": "none"})])
        if not isinstance(steps, list) or not steps:
            raise self.error("ladder", "ladder must be a list of at least one step")
        return Rule(
            article=self.text(entry, "article"),
            ban=self.optional_text(entry, "ban"),
            labels=labels,
            summary=self.text(entry, "summary"),
            ladder=tuple(self.step(step) for step in steps),
            liable=self.names(terms, "liable", LIABLE, "liable party", ("sender",)),
            duty=self.names(terms, "duty", LIABLE, "liable party"),
            exempt=self._exempt(entry, labels),
        )

    def _terms(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return the entry's terms over the file's defaults; its own penalty replaces a default ladder."""
        defaults = dict(self.file.body.get("defaults", {}))
        own = {key: entry[key] for key in _TERMS if key in entry}
        if own.keys() & {"penalty", "ladder"}:
            defaults = {k: v for k, v in defaults.items() if k not in {"penalty", "ladder"}}
        return defaults | own

    def _exempt(
        self, entry: dict[str, Any], labels: tuple[str, ...]
    ) -> dict[str, frozenset[GroupKind]]:
        exempt: dict[str, frozenset[GroupKind]] = {}
        for item in self.tables(entry, "exempt"):
            self.known_keys(item, {"label", "groups"})
            label = self.text(item, "label")
            if label not in labels:
                problem = f"exempts label {label!r} it does not cover{did_you_mean(label, labels)}"
                raise self.error("exempt", problem)
            kinds = self.names(item, "groups", _GROUPS, "group kind")
            exempt[label] = frozenset(GroupKind(kind) for kind in kinds)
        return exempt

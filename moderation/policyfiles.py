"""Policy files: TOML -> `Policy`, every mistake named with file, line and the nearest valid word."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from moderation.conductrules import conduct_rules
from moderation.datafiles import DATA, TomlFile
from moderation.errors import DataFileError, UnknownNameError, did_you_mean
from moderation.policy import (
    ASKERS,
    CLOCKS,
    KINDS_BY_WEIGHT,
    LIABLE,
    UNITS,
    ConductRule,
    FloodRule,
    Policy,
    Rule,
    Span,
    Step,
)
from moderation.taxonomy import taxonomy
from moderation.types import Amount, GroupKind

SHIPPED = DATA / "policies"
DEFAULT_POLICY = "suzhou-2017"

_TOP = {
    *("id", "title", "date", "groups", "cumulative", "window_days"),
    *("flooding", "defaults", "article", "conduct"),
}
_TERMS = {"penalty", "ladder", "liable", "duty"}
_ARTICLE = {"article", "ban", "labels", "summary", "exempt"} | _TERMS
_CONDUCT = {"article", "ban", "rule", "summary", "penalties"}
_SPAN = re.compile(r"(\d+) +([a-z ]+)")
_UNITS = {unit.replace("_", " "): unit for unit in UNITS}
_FIELD = re.compile(r"\{([^{}]*)\}")
_FIELDS = ("company", "name", "department", "text")
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


class _Reader:
    """Reads one file; holds it so that every check can name its line."""

    def __init__(self, file: TomlFile) -> None:
        self.file = file
        self.header = ""
        self.number = 0

    def policy(self) -> Policy:
        body = self.file.body
        self._known_keys(body, _TOP)
        policy_id = self._text(body, "id")
        title = self._text(body, "title")
        self._known_keys(body.get("defaults", {}), _TERMS)
        groups = self._names(body, "groups", _GROUPS, "group kind", _GROUPS)
        day, cumulative = self._date(body.get("date")), self._flag(body, "cumulative")
        window_days = self._count(body, "window_days") if "window_days" in body else None
        flooding = self._flooding(body.get("flooding", {}))
        digest = hashlib.sha256(self.file.text.encode()).hexdigest()[:12]
        rules = tuple(self._each("article", self._rule))
        if not rules:
            raise self.file.error(1, "has no [[article]]")
        return Policy(
            id=policy_id,
            version=f"{policy_id}@sha256:{digest}",
            title=title,
            date=day,
            groups=tuple(GroupKind(name) for name in groups),
            rules=rules,
            conduct=tuple(self._each("conduct", self._conduct)),
            cumulative=cumulative,
            window_days=window_days,
            flooding=flooding,
            text=self.file.text,
        )

    def _flooding(self, entry: dict[str, Any]) -> FloodRule:
        self._known_keys(entry, {field.name for field in fields(FloodRule)})
        rule = FloodRule(**{key: self._count(entry, key) for key in entry})
        for key in entry.keys() - {"copied_length"}:
            most = FloodRule.LONGEST if key == "seconds" else FloodRule.MOST
            if entry[key] > most:
                raise self._error(key, f"{key} may be {most} at most, not {entry[key]}")
        return rule

    def _each(self, header: str, read: Any) -> Iterator[Any]:
        entries = self.file.body.get(header, [])
        if not isinstance(entries, list):
            raise self._error(header, f"{header} must be written [[{header}]]")
        for self.number, entry in enumerate(entries):
            self.header = header
            yield read(entry)

    def _rule(self, entry: dict[str, Any]) -> Rule:
        self._known_keys(entry, _ARTICLE)
        terms = self._terms(entry)
        labels = self._names(entry, "labels", taxonomy().ids, "label")
        if not labels:
            raise self._error("labels", "an article needs at least one label")
        if "ladder" in terms and "penalty" in terms:
            raise self._error("ladder", "give either a penalty or a ladder, not both")
        steps = terms.get("ladder", [terms.get("penalty", {"kind": "none"})])
        if not isinstance(steps, list) or not steps:
            raise self._error("ladder", "ladder must be a list of at least one step")
        return Rule(
            article=self._text(entry, "article"),
            ban=self._optional_text(entry, "ban"),
            labels=labels,
            summary=self._text(entry, "summary"),
            ladder=tuple(self._step(step) for step in steps),
            liable=self._names(terms, "liable", LIABLE, "liable party", ("sender",)),
            duty=self._names(terms, "duty", LIABLE, "liable party"),
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
        for item in self._tables(entry, "exempt"):
            self._known_keys(item, {"label", "groups"})
            label = self._text(item, "label")
            if label not in labels:
                problem = f"exempts label {label!r} it does not cover{did_you_mean(label, labels)}"
                raise self._error("exempt", problem)
            kinds = self._names(item, "groups", _GROUPS, "group kind")
            exempt[label] = frozenset(GroupKind(kind) for kind in kinds)
        return exempt

    def _conduct(self, entry: dict[str, Any]) -> ConductRule:
        rule = conduct_rules().get(self._text(entry, "rule"))
        if rule is None:
            nearest = did_you_mean(entry["rule"], conduct_rules())
            raise self._error(entry["rule"], f"unknown conduct rule {entry['rule']!r}{nearest}")
        self._known_keys(entry, _CONDUCT | rule.takes)
        if missing := sorted(rule.needs - entry.keys()):
            raise self._error("rule", f"{rule.id} needs {missing[0]!r}")
        penalties = tuple(
            (
                self._step({k: v for k, v in item.items() if k != "liable"}),
                self._names(item, "liable", rule.parties, f"party of {rule.id}"),
            )
            for item in self._tables(entry, "penalties")
        )
        if not penalties or not all(liable for _, liable in penalties):
            raise self._error(
                "penalties", "penalties must be at least one, each with who is liable"
            )
        return ConductRule(
            article=self._text(entry, "article"),
            ban=self._optional_text(entry, "ban"),
            rule=rule.id,
            summary=self._text(entry, "summary"),
            penalties=penalties,
            within=self._span(entry, "within"),
            clock=self._one_of(entry, "clock", CLOCKS),
            asked_by=self._names(entry, "asked_by", ASKERS, "asker", ASKERS),
            format=self._formats(entry, rule.formats),
            remind=self._span(entry, "remind"),
            cure=self._span(entry, "cure"),
        )

    def _span(self, entry: dict[str, Any], key: str) -> Span | None:
        if key not in entry:
            return None
        value = self._text(entry, key)
        found = _SPAN.fullmatch(value)
        if found is None:
            raise self._error(value, f'{key} must be written like "2 working days": {value!r}')
        unit = found[2] if found[2].endswith("s") else f"{found[2]}s"
        if unit not in _UNITS:
            problem = f"unknown unit {found[2]!r}{did_you_mean(found[2], _UNITS)}"
            raise self._error(value, problem)
        if not 1 <= int(found[1]) <= Span.MOST:
            raise self._error(value, f"{key} must be 1 to {Span.MOST} {unit}, not {found[1]}")
        return Span(int(found[1]), _UNITS[unit])

    def _one_of(self, entry: dict[str, Any], key: str, known: tuple[str, ...]) -> str:
        """Return the word under `key`, the first of `known` where there is none."""
        value = self._optional_text(entry, key) or known[0]
        if value not in known:
            raise self._error(value, f"unknown {key} {value!r}{did_you_mean(value, known)}")
        return value

    def _formats(self, entry: dict[str, Any], default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the name patterns of a rule: one text or a list of them."""
        value = entry.get("format", list(default))
        formats = value if isinstance(value, list) else [value]
        if "format" in entry and not (formats and all(isinstance(f, str) and f for f in formats)):
            raise self._error("format", "format must be a text or a list of texts")
        for text in formats:
            for field in _FIELD.findall(text):
                if field not in _FIELDS:
                    problem = f"unknown field {field!r}{did_you_mean(field, _FIELDS)}"
                    raise self._error("format", problem)
            if "{" in _FIELD.sub("", text) or "}" in _FIELD.sub("", text):
                raise self._error("format", f"a bracket {{ }} of format is not closed: {text!r}")
        return tuple(formats)

    def _tables(self, entry: dict[str, Any], key: str) -> list[dict[str, Any]]:
        items = entry.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self._error(key, f"{key} must be a list of tables like [{{ ... }}]")
        return items

    def _step(self, step: Any) -> Step:
        if not isinstance(step, dict):
            raise self._error(
                "ladder", f"a penalty must be a table like {{ kind = ... }}: {step!r}"
            )
        self._known_keys(step, {"kind", "min", "max"})
        kind = self._text(step, "kind")
        if kind not in KINDS_BY_WEIGHT:
            nearest = did_you_mean(kind, KINDS_BY_WEIGHT)
            raise self._error(kind, f"unknown penalty kind {kind!r}{nearest}")
        if kind != "fine" and step.keys() & {"min", "max"}:
            raise self._error(kind, f"a {kind} has no amount; only a fine has min and max")
        return Step(kind, self._amount(step))

    def _amount(self, step: dict[str, Any]) -> Amount | None:
        if "min" not in step and "max" not in step:
            return None
        if "min" not in step:
            raise self._error("max", "max needs a min")
        minimum = self._money(step, "min")
        maximum = self._money(step, "max") if "max" in step else None
        if maximum is not None and maximum < minimum:
            raise self._error(str(step["max"]), f"max {maximum} is below min {minimum}")
        return Amount(minimum, maximum)

    def _money(self, step: dict[str, Any], key: str) -> Decimal:
        value = step[key]
        try:
            amount = Decimal(value) if isinstance(value, str) else Decimal("NaN")
            whole_fen = amount == amount.quantize(Decimal("0.01"))
        except InvalidOperation:
            amount, whole_fen = Decimal("NaN"), False
        if not amount.is_finite() or amount < 0 or not whole_fen:
            problem = f'amount must be a string of yuan with two decimals like "20.00": {value!r}'
            raise self._error(value if isinstance(value, str) else key, problem)
        return amount

    def _known_keys(self, entry: Any, known: set[str]) -> None:
        if not isinstance(entry, dict):
            raise self._error("", f"expected a table, found {entry!r}")
        for key in entry.keys() - known:
            raise self._error(key, f"unknown key {key!r}{did_you_mean(key, known)}")

    def _names(
        self,
        entry: dict[str, Any],
        key: str,
        known: Iterable[str],
        kind: str,
        default: Iterable[str] = (),
    ) -> tuple[str, ...]:
        names = entry.get(key, list(default))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._error(key, f"{key} must be a list of strings")
        for name in names:
            if name not in known:
                raise self._error(name, f"unknown {kind} {name!r}{did_you_mean(name, known)}")
        return tuple(names)

    def _text(self, entry: dict[str, Any], key: str) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, f"{key} must be a text" if key in entry else f"lacks {key!r}")
        return value

    def _optional_text(self, entry: dict[str, Any], key: str) -> str | None:
        return self._text(entry, key) if key in entry else None

    def _flag(self, entry: dict[str, Any], key: str) -> bool:
        value = entry.get(key, False)
        if not isinstance(value, bool):
            raise self._error(key, f"{key} must be true or false")
        return value

    def _count(self, entry: dict[str, Any], key: str) -> int:
        value = entry[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._error(key, f"{key} must be a whole number of 1 or more: {value!r}")
        return value

    def _date(self, value: Any) -> date | None:
        if value is None or isinstance(value, date):
            return value
        raise self._error("date", f"date must be a date like 2026-01-31: {value!r}")

    def _error(self, token: str, problem: str) -> DataFileError:
        if self.header:
            return self.file.error(self.file.line_of(self.header, self.number, token), problem)
        return self.file.error(self.file.top_line_of(token), problem)

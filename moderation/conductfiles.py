"""The `[[conduct]]` rows of a policy file -> `ConductRule`, each with the keys and parties its rule takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moderation.conductrules import conduct_rules
from moderation.errors import did_you_mean
from moderation.policy import ASKERS, CLOCKS, UNITS, ConductRule, Span
from moderation.policychecks import EntryChecks

_KEYS = {"article", "ban", "rule", "summary", "penalties"}
_SPAN = re.compile(r"(\d+) +([a-z ]+)")
_UNITS = {unit.replace("_", " "): unit for unit in UNITS}
_FIELD = re.compile(r"\{([^{}]*)\}")
_FIELDS = ("company", "name", "department", "text")


class ConductReader(EntryChecks):
    """Reads the rows of one file."""

    def rules(self) -> Iterator[ConductRule]:
        """Yield the rows in order; raises `DataFileError` at the first mistake."""
        yield from self.each("conduct", self._conduct)

    def _conduct(self, entry: dict[str, Any]) -> ConductRule:
        rule = conduct_rules().get(self.text(entry, "rule"))
        if rule is None:
            nearest = did_you_mean(entry["rule"], conduct_rules())
            raise self.error(entry["rule"], f"unknown conduct rule {entry['rule']!r}{nearest}")
        self.known_keys(entry, _KEYS | rule.takes)
        if missing := sorted(rule.needs - entry.keys()):
            raise self.error("rule", f"{rule.id} needs {missing[0]!r}")
        penalties = tuple(
            (
                self.step({k: v for k, v in item.items() if k != "liable"}),
                self.names(item, "liable", rule.parties, f"party of {rule.id}"),
            )
            for item in self.tables(entry, "penalties")
        )
        if not penalties or not all(liable for _, liable in penalties):
            raise self.error("penalties", "penalties must be at least one, each with who is liable")
        return ConductRule(
            article=self.text(entry, "article"),
            ban=self.optional_text(entry, "ban"),
            rule=rule.id,
            summary=self.text(entry, "summary"),
            penalties=penalties,
            within=self._span(entry, "within"),
            clock=self._one_of(entry, "clock", CLOCKS),
            asked_by=self.names(entry, "asked_by", ASKERS, "asker", ASKERS),
            format=self._formats(entry, rule.formats),
            remind=self._span(entry, "remind"),
            cure=self._span(entry, "cure"),
        )

    def _span(self, entry: dict[str, Any], key: str) -> Span | None:
        if key not in entry:
            return None
        value = self.text(entry, key)
        found = _SPAN.fullmatch(value)
        if found is None:
            raise self.error(value, f'{key} must be written like "2 working days": {value!r}')
        unit = found[2] if found[2].endswith("s") else f"{found[2]}s"
        if unit not in _UNITS:
            problem = f"unknown unit {found[2]!r}{did_you_mean(found[2], _UNITS)}"
            raise self.error(value, problem)
        if not 1 <= int(found[1]) <= Span.MOST:
            raise self.error(value, f"{key} must be 1 to {Span.MOST} {unit}, not {found[1]}")
        return Span(int(found[1]), _UNITS[unit])

    def _one_of(self, entry: dict[str, Any], key: str, known: tuple[str, ...]) -> str:
        """Return the word under `key`, the first of `known` where there is none."""
        value = self.optional_text(entry, key) or known[0]
        if value not in known:
            raise self.error(value, f"unknown {key} {value!r}{did_you_mean(value, known)}")
        return value

    def _formats(self, entry: dict[str, Any], default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the name patterns of a rule: one text or a list of them."""
        value = entry.get("format", list(default))
        formats = value if isinstance(value, list) else [value]
        if "format" in entry and not (formats and all(isinstance(f, str) and f for f in formats)):
            raise self.error("format", "format must be a text or a list of texts")
        for text in formats:
            for field in _FIELD.findall(text):
                if field not in _FIELDS:
                    problem = f"unknown field {field!r}{did_you_mean(field, _FIELDS)}"
                    raise self.error("format", problem)
            if "{" in _FIELD.sub("", text) or "}" in _FIELD.sub("", text):
                raise self.error("format", f"a bracket {{ }} of format is not closed: {text!r}")
        return tuple(formats)

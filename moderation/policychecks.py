"""What every entry of a policy file is checked for: its keys, words, texts, numbers and penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from moderation.datafiles import TomlFile
from moderation.errors import DataFileError, did_you_mean
from moderation.policy import KINDS_BY_WEIGHT, Step
from moderation.types import Amount

Read = TypeVar("Read")


class EntryChecks:
    """Checks the entries of one file; holds it, and which entry it is at, so that it can name the line."""

    def __init__(self, file: TomlFile) -> None:
        self.file = file
        self.header = ""
        self.number = 0

    def each(self, header: str, read: Callable[[dict[str, Any]], Read]) -> Iterator[Read]:
        """Yield what `read` makes of each `[[header]]`."""
        entries = self.file.body.get(header, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self.error(header, f"{header} must be written [[{header}]]")
        for self.number, entry in enumerate(entries):
            self.header = header
            yield read(entry)

    def tables(self, entry: dict[str, Any], key: str) -> list[dict[str, Any]]:
        """Return a list of tables, none where the key is absent."""
        items = entry.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self.error(key, f"{key} must be a list of tables like [{{ ... }}]")
        return items

    def step(self, step: Any) -> Step:
        """Return a penalty as it stands in a ladder or alone."""
        if not isinstance(step, dict):
            raise self.error("ladder", f"a penalty must be a table like {{ kind = ... }}: {step!r}")
        self.known_keys(step, {"kind", "min", "max"})
        kind = self.text(step, "kind")
        if kind not in KINDS_BY_WEIGHT:
            nearest = did_you_mean(kind, KINDS_BY_WEIGHT)
            raise self.error(kind, f"unknown penalty kind {kind!r}{nearest}")
        if kind != "fine" and step.keys() & {"min", "max"}:
            raise self.error(kind, f"a {kind} has no amount; only a fine has min and max")
        return Step(kind, self._amount(step))

    def _amount(self, step: dict[str, Any]) -> Amount | None:
        if "min" not in step and "max" not in step:
            return None
        if "min" not in step:
            raise self.error("max", "max needs a min")
        minimum = self._money(step, "min")
        maximum = self._money(step, "max") if "max" in step else None
        if maximum is not None and maximum < minimum:
            raise self.error(str(step["max"]), f"max {maximum} is below min {minimum}")
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
            raise self.error(value if isinstance(value, str) else key, problem)
        return amount

    def known_keys(self, entry: Any, known: AbstractSet[str]) -> None:
        """Refuse what is no table, or has other keys than those known."""
        if not isinstance(entry, dict):
            raise self.error("", f"expected a table, found {entry!r}")
        for key in entry.keys() - known:
            raise self.error(key, f"unknown key {key!r}{did_you_mean(key, known)}")

    def names(
        self,
        entry: dict[str, Any],
        key: str,
        known: Iterable[str],
        kind: str,
        default: Iterable[str] = (),
    ) -> tuple[str, ...]:
        """Return a list of words of `kind`, each of which must be known."""
        names = entry.get(key, list(default))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self.error(key, f"{key} must be a list of strings")
        for name in names:
            if name not in known:
                raise self.error(name, f"unknown {kind} {name!r}{did_you_mean(name, known)}")
        return tuple(names)

    def text(self, entry: dict[str, Any], key: str) -> str:
        """Return a text that must be there and not blank."""
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"{key} must be a text" if key in entry else f"lacks {key!r}")
        return value

    def optional_text(self, entry: dict[str, Any], key: str) -> str | None:
        """Return a text, None where the key is absent."""
        return self.text(entry, key) if key in entry else None

    def flag(self, entry: dict[str, Any], key: str, default: bool = False) -> bool:
        """Return true or false."""
        value = entry.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"{key} must be true or false")
        return value

    def count(self, entry: dict[str, Any], key: str) -> int:
        """Return a whole number of 1 or more."""
        value = entry[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(key, f"{key} must be a whole number of 1 or more: {value!r}")
        return value

    def day(self, value: Any) -> date | None:
        """Return a date, None where there is none."""
        if value is None or isinstance(value, date):
            return value
        raise self.error("date", f"date must be a date like 2026-01-31: {value!r}")

    def error(self, token: str, problem: str) -> DataFileError:
        """Return an error about the line of the entry at hand that mentions `token`, else its first line."""
        if self.header:
            return self.file.error(self.file.line_of(self.header, self.number, token), problem)
        return self.file.error(self.file.top_line_of(token), problem)

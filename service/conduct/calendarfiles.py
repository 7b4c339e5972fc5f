"""Working time of a firm and its groups, from settings and the firm's own calendar file (TOML).

    hours = "08:30-12:00,13:30-17:30"       # of all groups; the setting work_hours where absent
    weekdays = ["mon", "tue", "wed", "thu", "fri"]
    holidays = true                         # public holidays are off, days in their stead are worked
    years = [2027]                          # of which this file lists all holidays itself
    days_off = [2026-12-31, { from = 2027-02-05, to = 2027-02-13 }]
    days_worked = [2027-02-20]

    [[group]]                               # the same keys but years; what is absent is as above
    ids = ["g-hotline"]
    hours = "00:00-24:00"
    weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

A day listed comes before public holidays, these before weekdays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from moderation.datafiles import TomlFile
from moderation.errors import did_you_mean
from moderation.policychecks import EntryChecks
from service.conduct.calendarchina import PublicDays
from service.conduct.worktime import DAY, Hours, WorkTime, WorkTimes

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = 366
"""Days that one range may have."""
_GROUP = {"hours", "weekdays", "holidays", "days_off", "days_worked"}


@dataclass(frozen=True, slots=True)
class FirmCalendar:
    """Which days are worked; `weekdays` are 0 (Monday) to 6, `listed` are the firm's own days.

    `public` has the holidays, None where they are worked; `years` are those it is not asked about.
    """

    public: PublicDays | None
    weekdays: frozenset[int] = frozenset(range(5))
    listed: Mapping[date, bool] = field(default_factory=dict)
    years: frozenset[int] = frozenset()

    def works(self, day: date) -> bool:
        """Return whether a day is a working day."""
        if day in self.listed:
            return self.listed[day]
        said = self.public.works(day) if self.public and day.year not in self.years else None
        return day.weekday() in self.weekdays if said is None else said

    @property
    def unknown_years(self) -> frozenset[int]:
        """Return the years asked about whose public holidays are not known."""
        return self.public.unknown_years if self.public else frozenset()


def load_worktimes(zone: ZoneInfo, hours: str, path: Path | None = None) -> WorkTimes:
    """Return the working times of a firm and of the groups that have their own.

    Raises:
        DataFileError: something in the file is wrong; names the line and the nearest valid word.
        ValueError: `hours` are not written as `Hours.parse` reads them.
    """
    public = PublicDays()
    firm = WorkTime(zone, Hours.parse(hours), FirmCalendar(public))
    return WorkTimes(firm) if path is None else _Reader(TomlFile(path), firm, public).worktimes()


class _Reader(EntryChecks):
    """Reads one file."""

    def __init__(self, file: TomlFile, given: WorkTime, public: PublicDays) -> None:
        super().__init__(file)
        self.given = given
        self.public = public

    def worktimes(self) -> WorkTimes:
        body = self.file.body
        self.known_keys(body, _GROUP | {"years", "group"})
        years = self._list(body, "years", int) if "years" in body else []
        calendar = self._calendar(body, FirmCalendar(self.public, years=frozenset(years)))
        firm = replace(self.given, hours=self._hours(body, self.given.hours), calendar=calendar)
        return WorkTimes(firm, dict(self._groups(firm, calendar)))

    def _groups(self, firm: WorkTime, calendar: FirmCalendar) -> Iterator[tuple[str, WorkTime]]:
        seen: set[str] = set()
        for entry in self.each("group", lambda entry: entry):
            self.known_keys(entry, _GROUP | {"ids"})
            hours, own = self._hours(entry, firm.hours), self._calendar(entry, calendar)
            for group_id in self._list(entry, "ids", str):
                if group_id in seen:
                    raise self.error(group_id, f"group {group_id!r} stands twice")
                seen.add(group_id)
                yield group_id, replace(firm, hours=hours, calendar=own)

    def _calendar(self, entry: dict[str, Any], base: FirmCalendar) -> FirmCalendar:
        """Return `base` with what an entry says."""
        return replace(
            base,
            public=self.public if self.flag(entry, "holidays", base.public is not None) else None,
            weekdays=self._weekdays(entry) if "weekdays" in entry else base.weekdays,
            listed={**base.listed, **self._listed(entry)},
        )

    def _listed(self, entry: dict[str, Any]) -> dict[date, bool]:
        off = set(self._days(entry, "days_off"))
        worked = set(self._days(entry, "days_worked"))
        for day in sorted(off & worked):
            raise self.error(str(day), f"{day} stands in both days_off and days_worked")
        return dict.fromkeys(off, False) | dict.fromkeys(worked, True)

    def _days(self, entry: dict[str, Any], key: str) -> Iterator[date]:
        items = entry.get(key, [])
        if not isinstance(items, list):
            raise self.error(key, f"{key} must be a list of days like 2027-02-05")
        for item in items:
            if isinstance(item, dict):
                yield from self._range(item, key)
            else:
                yield self._day(item, key)

    def _range(self, item: dict[str, Any], key: str) -> Iterator[date]:
        if item.keys() != {"from", "to"}:
            raise self.error(key, f"a range of {key} must be like {{ from = day, to = day }}")
        first, last = self._day(item["from"], key), self._day(item["to"], key)
        length = (last - first).days + 1
        if not 1 <= length <= LONGEST:
            problem = f"from {first} to {last} is no range of 1 to {LONGEST} days"
            raise self.error(str(first), problem)
        yield from (first + number * DAY for number in range(length))

    def _day(self, value: Any, key: str) -> date:
        if not isinstance(value, date) or isinstance(value, datetime):
            token = value.isoformat() if isinstance(value, datetime) else str(value)
            raise self.error(token, f"{key} needs days like 2027-02-05, not {token!r}")
        return value

    def _weekdays(self, entry: dict[str, Any]) -> frozenset[int]:
        names = self._list(entry, "weekdays", str)
        for name in names:
            if name not in WEEKDAYS:
                raise self.error(name, f"unknown weekday {name!r}{did_you_mean(name, WEEKDAYS)}")
        return frozenset(map(WEEKDAYS.index, names))

    def _hours(self, entry: dict[str, Any], base: Hours) -> Hours:
        value = entry.get("hours", str(base))
        try:
            return Hours.parse(value if isinstance(value, str) else repr(value))
        except ValueError as error:
            raise self.error("hours", str(error)) from error

    def _list(self, entry: dict[str, Any], key: str, kind: type) -> list[Any]:
        """Return a list of values of one type, at least one."""
        items = entry.get(key)
        if not isinstance(items, list) or not items or {type(item) for item in items} != {kind}:
            what = "whole numbers" if kind is int else "texts"
            raise self.error(key, f"{key} must be a list of {what}, at least one")
        return items

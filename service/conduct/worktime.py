"""Work hours and working days: when a time limit ends. Pure; which days are worked a `Calendar` says.

days ─ those worked ─ their hours in the firm's zone ─ stretches of work in UTC ─ counted forward or back
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from moderation.policy import Span

DAY = timedelta(days=1)
Stretch = tuple[datetime, datetime]
"""Begin and end of uninterrupted work, in UTC."""
_HOURS = re.compile(r"(\d\d):(\d\d) ?[-\u2013] ?(\d\d):(\d\d)")


class Calendar(Protocol):
    """Says which days are worked; without end some day is."""

    def works(self, day: date) -> bool:
        """Return whether a day is a working day."""
        ...

    @property
    def unknown_years(self) -> frozenset[int]:
        """Return the years asked about whose public holidays are not known."""
        ...


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a working day: `(begin, end)` in minutes after midnight, ascending and apart.

    0 <= begin < end <= 1440. Work past midnight is two stretches, `00:00-06:00,22:00-24:00`.
    """

    stretches: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Raise `ValueError` if there is no stretch, or they are out of order or overlap."""
        marks = [mark for stretch in self.stretches for mark in stretch]
        ascending = all(a < b for a, b in self.stretches) and marks == sorted(marks)
        if not marks or not ascending or marks[0] < 0 or marks[-1] > 24 * 60:
            raise ValueError("work hours must ascend within 00:00-24:00 and not overlap")

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read hours like `08:30-12:00,13:30-17:30`; raises `ValueError` saying what is wrong."""
        stretches = []
        for part in text.split(","):
            found = _HOURS.fullmatch(part.strip())
            if found is None or int(found[2]) > 59 or int(found[4]) > 59:
                raise ValueError(f"work hours must be like 08:30-12:00,13:30-17:30, not {text!r}")
            begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
            stretches.append((begin_hour * 60 + begin_minute, end_hour * 60 + end_minute))
        return cls(tuple(stretches))

    def __str__(self) -> str:
        return ",".join(f"{_clock(begin)}-{_clock(end)}" for begin, end in self.stretches)


@dataclass(frozen=True, slots=True)
class WorkTime:
    """The working time of a firm or of one group. Times given must be aware, those returned are UTC.

    A stretch of work includes its begin and not its end, and is as long as it really lasts: where
    clocks are put forward in it, it is an hour shorter.
    """

    zone: ZoneInfo
    hours: Hours
    calendar: Calendar
    _days: dict[date, list[Stretch]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """The stretches of days asked about: a group's check asks about the same few a hundred times."""

    def is_working(self, at: datetime) -> bool:
        """Return whether `at` lies within work hours of a working day."""
        return any(begin <= at < end for begin, end in self._around(at))

    def deadline(self, start: datetime, span: Span, clock: str = "working") -> datetime:
        """Return when a span that begins at `start` is over.

        Working days, on either clock: at the end of the last work hours of the n-th working day after
        the day of `start` in the firm's zone; the day of `start` never counts. Minutes and hours:
        on the clock `always` by simple addition; on `working` at the first moment by which so much
        working time has passed, which may be the very end of a stretch of work.
        """
        if span.unit == "working_days":
            day = self.working_days_after(self._day(start), span.amount)
            return self._moment(day, self.hours.stretches[-1][1])
        left = _length(span)
        if clock == "always":
            return start.astimezone(UTC) + left
        for begin, end in self._stretches_from(self._day(start)):
            begin = max(begin, start)
            if end > begin and left <= end - begin:
                return begin.astimezone(UTC) + left
            left -= max(end - begin, timedelta(0))
        raise AssertionError("a calendar has no end")

    def before(self, due: datetime, span: Span, clock: str = "working") -> datetime:
        """Return when there is still a span until `due`: the time for a reminder.

        Working days: the begin of work on the n-th working day before the day of `due`. Minutes and
        hours on the working clock: the last moment after which so much working time is left.
        """
        if span.unit == "working_days":
            last = self._day(due - timedelta(microseconds=1))  # work may end at midnight
            day = self._worked(last, -1, span.amount)
            return self._moment(day, self.hours.stretches[0][0])
        left = _length(span)
        if clock == "always":
            return due.astimezone(UTC) - left
        for begin, end in self._stretches_back(self._day(due)):
            end = min(end, due)
            if end > begin and left <= end - begin:
                return end.astimezone(UTC) - left
            left -= max(end - begin, timedelta(0))
        raise AssertionError("a calendar has no beginning")

    def working_days_after(self, day: date, count: int) -> date:
        """Return the `count`-th (from 1) working day after `day`."""
        return self._worked(day, 1, count)

    def _worked(self, day: date, step: int, count: int) -> date:
        """Return the `count`-th working day after (`step` 1) or before (-1) a day."""
        while count:
            day += step * DAY
            count -= self.calendar.works(day)
        return day

    def _around(self, at: datetime) -> Iterator[Stretch]:
        """Yield the stretches of work of the day of `at`, and of the day before, which may reach into it."""
        day = self._day(at)
        yield from self._stretches(day - DAY)
        yield from self._stretches(day)

    def _stretches_from(self, day: date) -> Iterator[Stretch]:
        day -= DAY
        while True:
            yield from self._stretches(day)
            day += DAY

    def _stretches_back(self, day: date) -> Iterator[Stretch]:
        day += DAY
        while True:
            yield from reversed(self._stretches(day))
            day -= DAY

    def _stretches(self, day: date) -> list[Stretch]:
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = self._made(day)
        return known

    def _made(self, day: date) -> list[Stretch]:
        """Return the stretches of work of a day in UTC, ascending and apart; none on a day off.

        Local times that clocks put forward leave out would run into those after them: a stretch
        begins when the one before is over and ends with its day.
        """
        if not self.calendar.works(day):
            return []
        found: list[Stretch] = []
        over, midnight = self._moment(day, 0), self._moment(day + DAY, 0)
        for opening, closing in self.hours.stretches:
            begin = max(over, self._moment(day, opening))
            end = min(midnight, self._moment(day, closing))
            if begin < end:
                found.append((begin, end))
                over = end
        return found

    def _moment(self, day: date, minute: int) -> datetime:
        """Return a local time, in minutes after midnight, in UTC."""
        whole, rest = divmod(minute, 24 * 60)
        local = datetime.combine(day + whole * DAY, time(rest // 60, rest % 60), self.zone)
        return local.astimezone(UTC)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class WorkTimes:
    """The working time of a firm, and of those of its groups that have their own."""

    firm: WorkTime
    groups: Mapping[str, WorkTime] = field(default_factory=dict)

    def of(self, group_id: str) -> WorkTime:
        """Return the working time of a group."""
        return self.groups.get(group_id, self.firm)

    @property
    def unknown_years(self) -> list[int]:
        """Return the years asked about whose public holidays are not known, so that people can be told."""
        times = (self.firm, *self.groups.values())
        return sorted({year for one in times for year in one.calendar.unknown_years})


def _length(span: Span) -> timedelta:
    return timedelta(**{span.unit: span.amount})


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

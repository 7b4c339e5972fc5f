"""When a time limit ends: to the minute, over nights, weekends, holidays and changes of the clock."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation.errors import DataFileError
from moderation.policy import CLOCKS, UNITS, Span
from service.conduct.calendarchina import PublicDays
from service.conduct.calendarfiles import FirmCalendar, load_worktimes
from service.conduct.worktime import Hours, WorkTime
from service.settings import Settings

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS = "08:30-12:00,13:30-17:30"
FIRM = load_worktimes(SHANGHAI, HOURS).firm
ODD_ZONES = ("Asia/Shanghai", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "UTC")
"""Among them clocks put forward at two and at midnight, and a day left out altogether."""


@dataclass(frozen=True)
class Weekdays:
    """A calendar without holidays."""

    worked: frozenset[int]
    unknown_years: frozenset[int] = frozenset()

    def works(self, day: date) -> bool:
        return day.weekday() in self.worked


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """Return a time like `10-12 08:30` of 2026."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=zone)


def span(text: str) -> Span:
    amount, _, unit = text.partition(" ")
    return Span(int(amount), unit)


@pytest.mark.parametrize(
    ("start", "limit", "due"),
    [
        # 2026-10-12 is a Monday.
        ("10-12 09:00", "30 minutes", "10-12 09:30"),
        ("10-12 11:45", "30 minutes", "10-12 13:45"),
        ("10-12 11:30", "30 minutes", "10-12 12:00"),
        ("10-12 12:00", "30 minutes", "10-12 14:00"),
        ("10-12 12:30", "30 minutes", "10-12 14:00"),
        ("10-12 17:20", "30 minutes", "10-13 08:50"),
        ("10-12 23:00", "30 minutes", "10-13 09:00"),
        ("10-16 17:20", "30 minutes", "10-19 08:50"),
        ("10-17 10:00", "30 minutes", "10-19 09:00"),
        ("10-12 08:30", "8 hours", "10-13 09:00"),
        ("10-12 09:00", "1 working_days", "10-13 17:30"),
        ("10-12 23:59", "1 working_days", "10-13 17:30"),
        ("10-12 00:00", "2 working_days", "10-14 17:30"),
        ("10-15 09:00", "2 working_days", "10-19 17:30"),
        ("10-17 09:00", "1 working_days", "10-19 17:30"),
        # The National Day holiday of 2026, and the Saturday after it, which is worked in its stead.
        ("09-30 17:20", "30 minutes", "10-08 08:50"),
        ("09-30 09:00", "3 working_days", "10-10 17:30"),
        ("10-09 17:20", "30 minutes", "10-10 08:50"),
        ("10-10 09:00", "1 working_days", "10-12 17:30"),
    ],
)
def test_deadline(start, limit, due):
    assert FIRM.deadline(local(start), span(limit)) == local(due)


@pytest.mark.parametrize(
    ("due", "limit", "reminded"),
    [
        ("10-12 09:30", "10 minutes", "10-12 09:20"),
        ("10-12 13:35", "10 minutes", "10-12 11:55"),
        ("10-12 08:35", "10 minutes", "10-10 17:25"),
        ("10-12 13:30", "10 minutes", "10-12 11:50"),
        ("10-14 17:30", "1 working_days", "10-13 08:30"),
        ("10-09 17:30", "2 working_days", "09-30 08:30"),
    ],
)
def test_reminder(due, limit, reminded):
    assert FIRM.before(local(due), span(limit)) == local(reminded)


def test_day_and_night_on_the_other_clock():
    start = local("10-02 23:50")
    assert FIRM.deadline(start, span("30 minutes"), "always") == local("10-03 00:20")
    assert FIRM.before(start, span("2 hours"), "always") == local("10-02 21:50")
    assert FIRM.deadline(start, span("1 working_days"), "always") == local("10-08 17:30")


@pytest.mark.parametrize(
    ("at", "working"),
    [
        ("10-12 08:29", False),
        ("10-12 08:30", True),
        ("10-12 12:00", False),
        ("10-12 17:29", True),
        ("10-12 17:30", False),
        ("10-01 10:00", False),
        ("10-10 10:00", True),
        ("10-11 10:00", False),
    ],
)
def test_is_working(at, working):
    assert FIRM.is_working(local(at)) is working


def test_an_hour_left_out_is_not_counted():
    zone = ZoneInfo("America/New_York")
    nights = WorkTime(zone, Hours.parse("00:00-08:00"), Weekdays(frozenset(range(7))))
    start = local("03-08 01:00", zone)
    assert nights.deadline(start, span("2 hours")) == local("03-08 04:00", zone)
    assert nights.deadline(start, span("7 hours")) == local("03-09 01:00", zone)


def test_work_past_midnight_is_two_stretches():
    nights = WorkTime(
        SHANGHAI, Hours.parse("00:00-06:00,22:00-24:00"), Weekdays(frozenset(range(7)))
    )
    assert nights.deadline(local("10-12 23:30"), span("1 hours")) == local("10-13 00:30")
    assert nights.is_working(local("10-12 23:59"))


hours = st.sets(st.integers(0, 24 * 60), min_size=2, max_size=6).map(
    lambda marks: Hours(tuple(zip(sorted(marks)[0::2], sorted(marks)[1::2], strict=False)))
)
worktimes = st.builds(
    WorkTime,
    st.sampled_from(ODD_ZONES).map(ZoneInfo),
    hours,
    st.builds(Weekdays, st.frozensets(st.integers(0, 6), min_size=1)),
)
moments = st.one_of(
    st.datetimes(datetime(2007, 1, 1), datetime(2012, 12, 31)),
    *(
        st.datetimes(datetime(*day), datetime(*day) + timedelta(days=4))
        for day in [(2011, 3, 11), (2011, 10, 14), (2011, 11, 4), (2012, 2, 24), (2011, 12, 28)]
    ),
).map(lambda at: at.replace(tzinfo=UTC))
"""Half of them about when the clocks of those zones were changed."""
spans = st.one_of(
    st.builds(Span, st.integers(1, 600), st.just("minutes")),
    st.builds(Span, st.integers(1, 40), st.sampled_from(UNITS)),
)


@given(worktimes, moments, spans, st.sampled_from(CLOCKS))
def test_a_limit_ends_after_it_begins_and_in_utc(worktime, start, limit, clock):
    due = worktime.deadline(start, limit, clock)
    assert due > start
    assert due.tzinfo is UTC


@given(worktimes, moments, spans)
def test_a_limit_ends_in_work_hours_or_with_them(worktime, start, limit):
    due = worktime.deadline(start, limit)
    instant = timedelta(microseconds=1)
    if limit.unit == "working_days":
        day = due.astimezone(worktime.zone) - instant
        assert worktime.calendar.works(day.date())
    else:
        assert worktime.is_working(due - instant)


@given(worktimes, moments, moments, spans, st.sampled_from(CLOCKS))
def test_who_begins_later_never_ends_sooner(worktime, one, other, limit, clock):
    first, second = sorted([one, other])
    assert worktime.deadline(first, limit, clock) <= worktime.deadline(second, limit, clock)


@given(worktimes, moments, spans, st.integers(1, 50), st.sampled_from(CLOCKS))
def test_more_time_never_ends_sooner(worktime, start, limit, more, clock):
    longer = Span(limit.amount + more, limit.unit)
    assert worktime.deadline(start, limit, clock) <= worktime.deadline(start, longer, clock)


@given(worktimes, moments, st.integers(1, 300), st.integers(1, 300))
def test_time_in_two_parts_is_the_same_time(worktime, start, one, other):
    halfway = worktime.deadline(start, Span(one, "minutes"))
    whole = worktime.deadline(start, Span(one + other, "minutes"))
    assert worktime.deadline(halfway, Span(other, "minutes")) == whole


@given(worktimes, moments, spans, st.sampled_from(CLOCKS))
@example(FIRM, local("12-31 10:00"), Span(3, "hours"), "working")
def test_from_a_reminder_there_is_as_much_time_left(worktime, start, limit, clock):
    due = worktime.deadline(start, limit, clock)
    assert worktime.deadline(worktime.before(due, limit, clock), limit, clock) == due


@pytest.mark.parametrize("text", ["08:30-12:00, 13:30–17:30", "00:00-24:00", "08:30 - 12:00"])
def test_hours_are_read_and_written_back(text):
    read = Hours.parse(text)
    assert Hours.parse(str(read)) == read


@pytest.mark.parametrize(
    "text",
    ["", "9-17", "09:00", "12:00-09:00", "09:00-12:00,11:00-13:00", "09:00-24:01", "09:60-10:00"],
)
def test_hours_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError, match="work hours must"):
        Hours.parse(text)
    with pytest.raises(ValueError, match="work hours must"):
        Settings(work_hours=text)


@pytest.mark.parametrize(("amount", "unit"), [(0, "minutes"), (1, "weeks"), (10_001, "hours")])
def test_spans_that_make_no_sense_are_refused(amount, unit):
    with pytest.raises(ValueError, match="not a span"):
        Span(amount, unit)


def test_public_days():
    days = PublicDays()
    assert days.works(date(2026, 10, 1)) is False
    assert days.works(date(2026, 10, 10)) is True
    assert days.works(date(2026, 10, 12)) is None
    assert days.works(date(2026, 10, 17)) is None
    assert days.unknown_years == frozenset()


def test_a_year_without_holidays_is_told_once_and_never_silent(caplog):
    times = load_worktimes(SHANGHAI, HOURS)
    start = datetime(2098, 12, 31, 9, tzinfo=SHANGHAI)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            due = times.firm.deadline(start, Span(2, "working_days"))
    assert due == datetime(2099, 1, 2, 17, 30, tzinfo=SHANGHAI)
    assert times.unknown_years == [2099]
    assert [record.args for record in caplog.records] == [(2099,)]


OWN = """\
hours = "09:00-12:00,13:00-18:00"
years = [2099]
days_off = [2026-12-30, { from = 2099-01-01, to = 2099-01-03 }]
days_worked = [2026-10-04]

[[group]]
ids = ["g-line", "g-night"]
hours = "00:00-24:00"
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
holidays = false
days_off = [2026-10-04]

[[group]]
ids = ["g-shop"]
weekdays = ["tue", "wed", "thu", "fri", "sat"]
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        path = tmp_path / "days.toml"
        path.write_text(text, "utf-8")
        return path

    return _write


def test_the_firms_own_days_come_first(write):
    times = Settings(work_calendar=write(OWN)).worktimes
    works = times.firm.calendar.works
    assert str(times.firm.hours) == "09:00-12:00,13:00-18:00"
    assert works(date(2026, 10, 4))
    assert not works(date(2026, 10, 5))
    assert not works(date(2026, 12, 30))
    assert times.of("g-other") is times.firm


def test_a_year_the_firm_lists_itself_is_not_unknown(write, caplog):
    times = load_worktimes(SHANGHAI, HOURS, write(OWN))
    works = times.firm.calendar.works
    assert [works(date(2099, 1, day)) for day in range(1, 7)] == [False] * 4 + [True] * 2
    assert times.unknown_years == []
    assert not caplog.records


def test_groups_have_days_and_hours_of_their_own(write):
    times = load_worktimes(SHANGHAI, HOURS, write(OWN))
    line, shop = times.of("g-night"), times.of("g-shop")
    assert line.is_working(local("10-03 23:30"))
    assert not line.is_working(local("10-04 10:00"))
    assert not line.is_working(local("12-30 10:00"))
    assert shop.is_working(local("10-17 09:30"))
    assert not shop.is_working(local("10-19 09:30"))
    assert not shop.is_working(local("10-01 09:30"))
    assert shop.hours == times.firm.hours


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("years", "year", 2, "did you mean 'years'?"),
        ("[2099]", "2099", 2, "list of whole numbers"),
        ("[2099]", '["2099"]', 2, "list of whole numbers"),
        ("09:00-12:00,", "12:00-09:00,", 1, "work hours must"),
        ('"09:00-12:00,13:00-18:00"', "9", 1, "work hours must"),
        ("2026-12-30,", "2026-12-30T10:00:00,", 3, "days_off needs days"),
        ("2026-12-30,", '"tomorrow",', 3, "days_off needs days"),
        ("to = 2099-01-03", "to = 2098-01-03", 3, "no range of 1 to 366 days"),
        ("to = 2099-01-03", "until = 2099-01-03", 3, "must be like { from = day, to = day }"),
        ("days_worked = [2026-10-04]", "days_worked = [2026-12-30]", 3, "stands in both"),
        ("days_worked = [2026-10-04]", "days_worked = 5", 4, "list of days"),
        ('["g-line", "g-night"]', '"g-line"', 7, "list of texts"),
        ('["g-line", "g-night"]', "[]", 7, "list of texts"),
        ('"mon", ', '"moon", ', 9, "did you mean 'mon'?"),
        ("holidays = false", 'holidays = "no"', 10, "true or false"),
        ('"g-shop"', '"g-line"', 14, "'g-line' stands twice"),
        ('hours = "00:00-24:00"', "hours = 24", 8, "work hours must"),
        ("holidays = false", "holidays = ", 10, "not valid TOML"),
    ],
)
def test_mistakes_of_the_calendar_are_named(write, old, new, line, problem):
    assert OWN.count(old) == 1
    path = write(OWN.replace(old, new))
    with pytest.raises(DataFileError) as caught:
        load_worktimes(SHANGHAI, HOURS, path)
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert problem in caught.value.problem


def test_a_group_must_be_a_list_of_tables(write):
    with pytest.raises(DataFileError, match=r"\[\[group\]\]"):
        load_worktimes(SHANGHAI, HOURS, write("[group]\nids = ['g']\n"))


def test_a_calendar_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataFileError, match="nowhere"):
        load_worktimes(SHANGHAI, HOURS, tmp_path / "nowhere.toml")


def test_a_firm_may_work_on_holidays():
    assert FirmCalendar(None).works(date(2026, 10, 1))

"""Duties in the database: found by the rules, reminded of, met, or breached and then a case, each once.

    group ─ facts ─ duties found ─ against those known: new, met, breached, gone ─ reminders, cases ─ next look

A duty has an id made of what it is about, and a group is checked by whoever writes: two services that
check the same group, or one that was killed in between, end in the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from moderation.policy import ConductRule
from service.cases import State, Step, Verb
from service.conduct import answering, rules
from service.conduct.model import Duty, Facts
from service.storage import actions, casebook, checks, turns
from service.storage.casebook import Casebook
from service.storage.conductcases import open_case
from service.storage.groupfacts import FactBook
from service.storage.schema import duties

CONDUCT = "conduct"
"""Actor of what follows from a duty by itself."""
SETTLING = timedelta(days=1)
"""What began longer before the first look at a group than this began with that look: its time was not ours."""
INSTANT = timedelta(milliseconds=1)
"""The shortest time that the database tells apart."""
EVER, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class DutyState(StrEnum):
    """Where a duty stands."""

    OPEN = "open"
    MET = "met"
    BREACHED = "breached"
    GONE = "gone"
    """What it rested on is there no more: a question recalled, a roster put right."""


_LIVING = select(duties).where(
    duties.c.group_id == bindparam("wanted"),
    or_(
        duties.c.state == DutyState.OPEN.value,
        and_(
            duties.c.state == DutyState.BREACHED.value,
            or_(duties.c.rule.not_in(rules.HEARD), duties.c.since > bindparam("quiet")),
        ),
    ),
)


@dataclass(slots=True)
class Checked:
    """What checks came to: how many groups, duties found open, and what became of others."""

    groups: int = 0
    opened: int = 0
    met: int = 0
    breached: int = 0
    gone: int = 0
    reminded: int = 0
    closed: int = 0
    case_ids: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Dutybook:
    """Checks groups. What comes in later than `lateness` after it was sent may not be counted."""

    facts: FactBook
    casebook: Casebook
    lateness: timedelta
    _watched: dict[str, tuple[int, datetime]] = field(default_factory=dict, init=False, repr=False)
    """Until when nothing is to be found in the roster of a group, as long as it is of this edition."""

    def forget(self) -> None:
        """Drop what is kept in memory: a transaction was not kept, so what it found is to be found again."""
        self._watched.clear()

    def check_due(self, connection: Connection, at: datetime, limit: int, done: Checked) -> int:
        """Check up to `limit` groups whose time has come; return how many there were.

        After an error the caller must call `forget`.
        """
        found = checks.due(connection, at, limit)
        for row in found:
            self.check(connection, row, at, done)
        return len(found)

    def check(self, connection: Connection, row: Any, at: datetime, done: Checked) -> None:
        """Look at the duties of a group and let all that follows from them follow."""
        done.groups += 1
        facts = self.facts.load(connection, row, at)
        if facts is None:
            checks.looked(connection, row.group_id, NEVER, row.quiet_since)
            return
        look = _Look(self, connection, facts, at, done, row.since, row.quiet_since or EVER)
        next_at = min(look.listen(), self._watch(look, row))
        checks.looked(connection, row.group_id, next_at, look.quiet(row.quiet_since))

    def _watch(self, look: _Look, row: Any) -> datetime:
        """Look at the roster of a group if it may have something new; return when it may again."""
        edition, until = self._watched.get(row.group_id, (-1, NEVER))
        if edition != row.edition or look.at >= until:
            until = look.watch()
            self._watched[row.group_id] = (row.edition, until)
        return until


@dataclass(slots=True)
class _Look:
    """One look at one group."""

    book: Dutybook
    connection: Connection
    facts: Facts
    at: datetime
    done: Checked
    watched: datetime
    quiet_since: datetime
    open_since: datetime = NEVER
    """When the first of the duties that what is said may still change began."""

    def listen(self) -> datetime:
        """Bring the duties about what is said up to date; return when they are to be looked at again."""
        return self._follow_all(_heard, NEVER)

    def watch(self) -> datetime:
        """Bring the duties about who is in the group up to date; return when they are to be looked at again."""
        if not rules.watches(self.facts.policy):
            return NEVER
        return self._follow_all(lambda rule: not _heard(rule), _tomorrow(self.facts, self.at))

    def _follow_all(self, which: Callable[[ConductRule], bool], latest: datetime) -> datetime:
        known = _known(self.connection, self.facts.group_id, self.quiet_since)
        known = {one.duty_id: one for one in known.values() if which(one)}
        next_at = latest
        for rule, found in rules.duties(self.facts, self.at, which):
            duty = _clamped(found, rule, self.facts, self.watched)
            if _heard(rule) and duty.since <= self.quiet_since:
                continue  # decided; what was said to it may be there no more
            next_at = min(next_at, self._follow(rule, duty, known.pop(duty.duty_id, None)))
        for old in known.values():
            self._gone(old)
        return next_at

    def quiet(self, old: datetime | None) -> datetime | None:
        """Return up to when all turns are decided; drop what was said in them."""
        quiet = answering.quiet_since(self.facts, self.at, self.book.lateness)
        if quiet is None:
            return old
        quiet = min(quiet, self.open_since - INSTANT)
        if old is not None and quiet <= old:
            return old
        turns.settle(self.connection, self.facts.group_id, quiet)
        return quiet

    def _follow(self, rule: ConductRule, duty: Duty, old: Any | None) -> datetime:
        """Bring one duty up to date; return when it is to be looked at again."""
        if old is None:
            if duty.met_in_time:
                return NEVER
            old = self._again(duty) or self._new(duty)
        state = self._state(duty, old)
        values: dict[str, Any] = {}
        if (old.state, old.met_at, old.due) != (state.value, duty.met_at, duty.due):
            values = {"state": state.value, "met_at": duty.met_at, "due": duty.due}
        if state is DutyState.BREACHED and old.case_id is None:
            values["case_id"] = self._case(duty)
        next_at = NEVER
        if state is DutyState.OPEN:
            self._stays_open(rule, duty)
            next_at, reminded = self._remind(rule, duty, old)
            values |= {"reminded_at": self.at} if reminded else {}
        elif state is DutyState.BREACHED and self.at <= self._cure_end(rule, duty):
            self._stays_open(rule, duty)
        if values:
            _update(self.connection, duty.duty_id, values)
            self._settle(rule, duty, values.get("case_id", old.case_id))
        if state is DutyState.MET and old.state == DutyState.OPEN.value:
            self.done.met += 1
        return next_at

    def _stays_open(self, rule: ConductRule, duty: Duty) -> None:
        if _heard(rule):
            self.open_since = min(self.open_since, duty.since)

    def _state(self, duty: Duty, old: Any) -> DutyState:
        if duty.met_in_time:
            return DutyState.MET
        if duty.due + self.book.lateness < self.at or old.state == DutyState.BREACHED.value:
            return DutyState.BREACHED
        return DutyState.OPEN

    def _new(self, duty: Duty) -> Any:
        self.done.opened += 1
        return _insert(self.connection, self.facts, duty)

    def _again(self, duty: Duty) -> Any | None:
        """Return a duty that was met or gone before."""
        query = select(duties).where(duties.c.duty_id == duty.duty_id)
        return self.connection.execute(query).first()

    def _case(self, duty: Duty) -> str:
        snapshots = self.book.casebook.snapshots
        case_id = open_case(self.connection, self.at, snapshots, self.facts, duty)
        self.done.breached += 1
        self.done.case_ids.append(case_id)
        return case_id

    def _remind(self, rule: ConductRule, duty: Duty, old: Any) -> tuple[datetime, bool]:
        """Remind whoever has a duty shortly before its end; return when to look again, and whether it was now."""
        final = duty.due + self.book.lateness + INSTANT
        if rule.remind is None or old.reminded_at is not None or self.at > duty.due:
            return final, False
        moment = self.facts.worktime.before(duty.due, rule.remind, rule.clock)
        if self.at < moment:
            return min(moment, final), False
        if duty.person is not None:
            actions.remind_of_duty(self.connection, self.at, duty, self.facts.worktime.zone)
            self.done.reminded += 1
        return final, True

    def _settle(self, rule: ConductRule, duty: Duty, case_id: str | None) -> None:
        """Close the case of what was met after all, or put right in the time that the policy still gives."""
        if case_id is None or duty.met_at is None:
            return
        if duty.met_in_time:
            self._close(case_id, "迟到的消息表明已按时完成")
        elif duty.met_at <= self._cure_end(rule, duty):
            self._close(case_id, "已在补正期限内改正")

    def _cure_end(self, rule: ConductRule, duty: Duty) -> datetime:
        """Return until when a breach may still be put right."""
        if rule.cure is None:
            return EVER
        return self.facts.worktime.deadline(duty.due, rule.cure, rule.clock)

    def _gone(self, old: Any) -> None:
        _update(self.connection, old.duty_id, {"state": DutyState.GONE.value})
        self.done.gone += 1
        if old.case_id is not None:
            self._close(old.case_id, "所依据的事实已不存在")

    def _close(self, case_id: str, why: str) -> None:
        """Reject a case that nobody has taken up; one that a person has in hand is his."""
        if casebook.case_row(self.connection, case_id).state != State.OPEN.value:
            return
        for verb, text in ((Verb.CLAIM, ""), (Verb.COMMENT, why), (Verb.REJECT, "")):
            self.book.casebook.step(
                self.connection, case_id, Step(verb, CONDUCT, self.at, text=text)
            )
        self.done.closed += 1


def _heard(rule: Any) -> bool:
    """Return whether a rule, or the rule of a duty, is about what is said."""
    return rule.rule in rules.HEARD


def _clamped(duty: Duty, rule: ConductRule, facts: Facts, watched: datetime) -> Duty:
    """Return a duty that began long before the group was watched as one that began then."""
    if duty.since >= watched - SETTLING:
        return duty
    due = max(duty.due, facts.deadline(rule, watched))
    return replace(duty, since=watched, due=due)


def _tomorrow(facts: Facts, at: datetime) -> datetime:
    """Return the next midnight of the firm: somebody's employment may begin or end with a day."""
    day = at.astimezone(facts.worktime.zone).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=facts.worktime.zone).astimezone(UTC)


def _known(connection: Connection, group_id: str, quiet: datetime) -> dict[str, Any]:
    """Return the duties of a group that may still change, by id; what was said up to `quiet` is decided."""
    rows = connection.execute(_LIVING, {"wanted": group_id, "quiet": quiet})
    return {row.duty_id: row for row in rows}


def _insert(connection: Connection, facts: Facts, duty: Duty) -> Any:
    values = {
        "duty_id": duty.duty_id,
        "rule": duty.rule,
        "article": duty.article,
        "policy_id": facts.policy.id,
        "group_id": duty.group_id,
        "party": duty.party,
        "person": duty.person,
        "subject": duty.subject,
        "since": duty.since,
        "due": duty.due,
        "met_at": duty.met_at,
        "reminded_at": None,
        "state": DutyState.OPEN.value,
        "case_id": None,
        "detail": {"about": duty.about},
    }
    connection.execute(insert(duties), [values])
    return SimpleNamespace(**values)


def _update(connection: Connection, duty_id: str, values: dict[str, Any]) -> None:
    connection.execute(update(duties).where(duties.c.duty_id == duty_id).values(values))

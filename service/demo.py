"""An invented firm and a week of its messages, for `moderation demo` and the benchmark of the pages.

    roster ─ users ─ messages and what was done about them, each at its time ─ ledger, notices, log ─ duties

Everything goes the way it goes in a firm; only the clock is turned back. What a step cannot do, because
the model of today finds something else in a text, is left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from moderation.datafiles import read_tsv
from moderation.errors import ModerationError
from service import ownterms, rosterfiles
from service.asked import Asked
from service.cases import Appeal, Step, Verb
from service.eventforms import EventIn
from service.rights import Role
from service.settings import Settings
from service.signin import HASHER
from service.storage import accounts, actions, audit, casequery, intake, noticebook, rosterbook
from service.storage import events as happenings
from service.storage.dutybook import Checked

FOLDER = Path(__file__).parent / "data" / "demo"
PASSWORD = "demo-password"  # noqa: S105 - of invented users on this machine alone
FIRM, COMPANY = "示例科技有限公司", "示例科技"
WEEK = 7
GROUPS_AT_ONCE = 100
BOT = "bot"
REVIEWERS, APPROVER, ANALYST = ("zhu", "lu"), "shang", "shen"
TERMS = (
    ownterms.OwnTerm("同事价", "commercial_ad", "0.8", "内部推销常用"),
    ownterms.OwnTerm("反诈宣传", "allow", "", "行政部的提醒"),
)
MINUTES = {
    **dict.fromkeys(("claim", "confirm", "relabel", "reject"), 30),
    **{"recall": 4, "undo": 3, "comment": 6, "opinion": 240, "appeal": 300},
    **{"uphold": 900, "overturn": 900, "approve": 150, "publish": 30, "withdraw": 120},
}
"""How long after the step before it each step is done, give or take half of it."""
VERDICTS = ("confirm", "relabel", "reject")
OPENS, CLOSES = time(8, 40), time(18, 0)
_OWN = re.compile(r"\b[gu]-\w+|\w\w+部|车间")
"""Ids of groups and members, and departments, of which each copy of the firm has its own."""
_WHEN = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in."""

    name: str
    member_id: str
    roles: tuple[Role, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message; `number` is its line."""

    at: datetime
    number: int
    copy: int
    group_id: str
    sender_id: str
    text: str

    @property
    def message_id(self) -> str:
        """Return the id that the chat gave it."""
        return f"m-{self.number}-{self.copy}"


@dataclass(frozen=True, slots=True)
class Done:
    """A step about a message: a verb and what is said with it."""

    at: datetime
    about: Said
    verb: str
    word: str


Event = Said | Done


def users() -> list[User]:
    """Return who can sign in."""
    body = tomllib.loads((FOLDER / "users.toml").read_text(encoding="utf-8"))
    return [User(**one | {"roles": tuple(map(Role, one["roles"]))}) for one in body["user"]]


def settings(folder: Path, port: int = 0) -> Settings:
    """Return settings that touch nothing but a folder, whatever the environment says."""
    return Settings(
        host="127.0.0.1",
        port=port,
        data_dir=folder,
        database=None,
        policies_dir=None,
        lexicons_dir=None,
        api_key=None,
        secret=None,
        webhook=None,
        webhook_secret=None,
        firm=FIRM,
        company=COMPANY,
        work_calendar=None,
        opinion_rate=0.2,
    )


def fill(state: Any, now: datetime, days: int = WEEK, times: int = 1) -> None:
    """Fill the empty database of an application: the week spread over `days`, everything `times` over."""
    start = now - timedelta(days=days + 1)
    zone = state.settings.zone
    _roster(state, start, times, lambda when: _time(when, now, zone, days))
    with state.database.write() as connection:
        _accounts(connection, start)
        _happen(state, connection, now, days, times)
        _Play(state, connection).play(events(now, zone, days, times))
        _terms(connection, now, state.settings.lexicons)
        while state.dutybook.check_due(connection, now, GROUPS_AT_ONCE, Checked()):
            pass


def events(now: datetime, zone: tzinfo, days: int = WEEK, times: int = 1) -> list[Event]:
    """Return all that was said and done before `now`, in order."""
    found: list[Event] = []
    columns = ("when", "group", "by", "text", "then")
    for number, row in read_tsv(FOLDER / "week.tsv", columns):
        at = _time(row["when"], now, zone, days)
        for copy in range(times):
            ids = (_copied(row["group"], copy), _copied(row["by"], copy))
            said = Said(at, number, copy, *ids, row["text"])
            found += [said, *_steps(said, row["then"], zone, hurried=row["when"].startswith("-"))]
    return sorted((one for one in found if one.at <= now), key=lambda one: one.at)


def _time(when: str, now: datetime, zone: tzinfo, days: int) -> datetime:
    """Return the time of `3 09:12`, the third day of the week, or of `-35`, minutes before `now`."""
    if when.startswith("-"):
        return now + timedelta(minutes=int(when))
    day, clock = when.split()
    back = (WEEK + 1 - int(day)) * days // WEEK
    on: date = now.astimezone(zone).date() - timedelta(days=back)
    return datetime.combine(on, time.fromisoformat(clock), zone).astimezone(UTC)


def _steps(said: Said, then: str, zone: tzinfo, hurried: bool) -> Iterator[Done]:
    at = said.at
    for step in (then or "reject").split("|"):
        verb, _, word = step.partition(" ")
        if verb == "leave":
            return
        share = 0.5 + said.number * 37 % 100 / 100
        at += timedelta(minutes=MINUTES[verb] * share)
        if not hurried and verb != "recall":
            at = _in_office(at, zone)
        yield Done(at, said, verb, word)


def _in_office(at: datetime, zone: tzinfo) -> datetime:
    """Return a time, moved to the next morning after the office has closed."""
    local = at.astimezone(zone)
    if OPENS <= local.time() <= CLOSES:
        return at
    on = local.date() + timedelta(days=local.time() > CLOSES)
    minutes = timedelta(minutes=local.minute)
    return (datetime.combine(on, OPENS, zone) + minutes).astimezone(UTC)


class _Play:
    """Lets the week happen in one transaction."""

    def __init__(self, state: Any, connection: Any) -> None:
        self.connection = connection
        self.moderator = state.moderator
        self.intake: intake.Intake = state.recorder.intake
        self.casebook = state.desk.casebook
        self.zone = state.settings.zone
        self._cases: dict[str, str] = {}

    def play(self, happened: Iterable[Event]) -> None:
        """Record what was said and do what was done; in the morning the bot carries out what waits."""
        today: date | None = None
        for (kind, at), run in groupby(happened, key=lambda one: (type(one), one.at)):
            if today != at.date():
                today = at.date()
                self._carry_out(at)
            if kind is Said:
                self._record(at, [one for one in run if isinstance(one, Said)])
            else:
                for one in run:
                    with suppress(ModerationError), self.connection.begin_nested():
                        self._do(one)

    def _record(self, at: datetime, said: Sequence[Said]) -> None:
        asked = [
            Asked(one.text, one.message_id, one.group_id, sender_id=one.sender_id, sent_at=at)
            for one in said
        ]
        decisions = self.moderator.moderate([one.message() for one in asked])
        items = list(zip(asked, decisions, strict=True))
        answers = self.intake.record(self.connection, items, at, self.moderator.lexicon)
        for one, answer in zip(said, answers, strict=True):
            assert isinstance(answer, dict)
            if answer["case_id"] is not None:
                self._cases[one.message_id] = answer["case_id"]

    def _do(self, done: Any) -> None:
        case_id = self._cases.get(done.about.message_id)
        if case_id is None:
            return
        if done.verb == "recall":
            said = done.about
            key = self.intake.key
            intake.recall(self.connection, key, said.group_id, said.message_id, done.at)
        elif done.verb in ("approve", "publish", "withdraw"):
            self._notice(case_id, done)
        else:
            for step in _case_steps(done):
                self.casebook.step(self.connection, case_id, step)

    def _notice(self, case_id: str, done: Done) -> None:
        _, found = casequery.steps_and_notices(self.connection, case_id)
        if not found:
            return
        given = (self.connection, done.at, found[-1].id, APPROVER)
        match done.verb:
            case "approve":
                noticebook.approve(*given)
            case "publish":
                noticebook.publish(*given, self.zone)
            case _:
                noticebook.withdraw(*given, done.word)

    def _carry_out(self, at: datetime) -> None:
        for row in actions.listed(self.connection, actions.PENDING, limit=100_000):
            actions.acknowledge(self.connection, at, row.id, BOT)


def _case_steps(done: Done) -> list[Step]:
    """Return the steps that a verb stands for: a verdict is given on a case that was claimed."""
    first, second = REVIEWERS if done.about.number % 2 else REVIEWERS[::-1]
    at, word = done.at, done.word
    match done.verb:
        case "confirm" | "relabel":
            labels, _, amount = word.partition(" ") if done.verb == "relabel" else ("", "", word)
            given = tuple(labels.split(",")) if labels else ()
            steps = [Step(Verb(done.verb), first, at, given, Decimal(amount) if amount else None)]
        case "opinion":
            steps = [Step(Verb.OPINION, second, at, tuple(word.split(",")))]
        case "appeal":
            steps = [Step(Verb.APPEAL, BOT, at, text=word)]
        case "overturn" | "uphold":
            outcome = Appeal.OVERTURNED if done.verb == "overturn" else Appeal.UPHELD
            steps = [Step(Verb.DECIDE_APPEAL, APPROVER, at, text=word, outcome=outcome)]
        case _:
            steps = [Step(Verb(done.verb), first, at, text=word)]
    claims = [Step(Verb.CLAIM, first, at)] if done.verb in VERDICTS else []
    return claims + steps


def _roster(state: Any, at: datetime, times: int, moment: Callable[[str], datetime]) -> None:
    """Bring the roster in; `{3 18:00}` in a file is a time of the week."""
    policies = [policy.id for policy in state.moderator.policies]
    for copy in range(times):
        files = [
            (name, _copied(_dated((FOLDER / name).read_text("utf-8"), moment), copy).encode())
            for name in ("groups.csv", "members.csv", "people.csv")
        ]
        found = rosterfiles.read(files, policies, state.settings.zone)
        rosterbook.bring_in(state.database, at, "admin", found, at)


def _dated(text: str, moment: Callable[[str], datetime]) -> str:
    return _WHEN.sub(lambda when: moment(when[1]).isoformat(), text)


def _copied(text: str, copy: int) -> str:
    """Return a text with ids and departments of its own; the first copy keeps them as they stand."""
    return _OWN.sub(rf"\g<0>-{copy}", text) if copy else text


def _happen(state: Any, connection: Any, now: datetime, days: int, times: int) -> None:
    """Let the bot tell what happened besides messages."""
    columns = ("when", "group", "kind", "member", "by", "nickname")
    told = []
    for number, row in read_tsv(FOLDER / "events.tsv", columns):
        at = _time(row["when"], now, state.settings.zone, days)
        for copy in range(times if at <= now else 0):
            said = {
                "event_id": f"e-{number}-{copy}",
                "kind": row["kind"],
                "group_id": _copied(row["group"], copy),
                "at": at,
                "member_id": _copied(row["member"], copy),
                "by": _copied(row["by"], copy) or None,
                "nickname": row["nickname"] or None,
            }
            told.append(EventIn.model_validate(said))
    happenings.record(connection, now, BOT, told, state.recorder.intake.key)


def _accounts(connection: Any, at: datetime) -> None:
    password = HASHER.hash(PASSWORD)
    for user in users():
        accounts.put_user(
            connection,
            at,
            "admin",
            user.name,
            password=password,
            roles=user.roles,
            member_id=user.member_id,
        )
    accounts.add_key(connection, at, "admin", "wecom-bot", [Role.BOT], accounts.new_key())


def _terms(connection: Any, at: datetime, folder: Path) -> None:
    for term in TERMS:
        ownterms.put(folder, term)
        detail = {"before": None, "after": term.row()}
        audit.append(connection, at, [audit.Change(ANALYST, ownterms.PUT, term.term, detail)])

"""A scene: who is in a group, what happens and is said there when, and what the rules must make of it.

Scenes are TOML files under `tests/cases/conduct`; times are of the firm, a day of 2026 and a clock. What
stands at the top of a file (group, people, members, a policy's text) holds in each of its scenes, which may
add to it. Everything goes the way it goes in the service: messages are judged and heard, events folded,
duties checked. Several services may share the work on one database, and each may be started again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from moderation import Moderator
from moderation.lexiconwatch import LexiconWatch
from moderation.policy import Policy
from moderation.policyfiles import PolicyBook, parse_policy
from moderation.turns import TurnModel
from service.asked import Asked
from service.conduct.calendarfiles import load_worktimes
from service.eventdesk import take
from service.rosterrows import GroupIn, MemberIn, PersonIn
from service.storage import checks, rosterbook
from service.storage.casebook import Casebook
from service.storage.database import Database
from service.storage.dutybook import Checked, Dutybook
from service.storage.groupfacts import FactBook
from service.storage.intake import Intake, recall
from service.storage.rulings import Rulings
from service.storage.schema import cases
from service.storage.snapshots import Snapshots
from service.storage.turns import Ears

FOLDER = Path(__file__).parent / "cases" / "conduct"
ZONE = ZoneInfo("Asia/Shanghai")
KEY = b"k" * 32
SHIPPED = PolicyBook.load()
HOURS = "09:00-12:00,13:00-18:00"
COMPANY = "远山环保"
LATENESS = timedelta(minutes=5)
HIRED = datetime(2020, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    """Return a time of the firm: `11-23 10:00`, seconds may follow; a year may stand before it."""
    day, _, clock = text.partition(" ")
    day = day if day.count("-") == 2 else f"2026-{day}"
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).astimezone(UTC)


KINDS = ("employment", "event", "message", "recall", "restart", "check")
"""What may happen, in this order where the times are the same."""
SHARED = ("group", "people", "members")
EXPECTED = ("rule", "article", "party", "person", "kind", "amount", "state")
MOMENTS = ("employed_from", "employed_until", "joined", "left", "ended_at")
NOT_SAID = ("at", "arrives", "member_id")


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene as its file has it."""

    name: str
    body: dict[str, Any]

    @property
    def happenings(self) -> list[tuple[datetime, str, dict[str, Any]]]:
        """Return what happens, in the order in which it comes in: `arrives`, else `at`."""
        found = [
            (moment(one.get("arrives", one["at"])), kind, one)
            for kind in KINDS
            for one in self.body.get(kind, [])
        ]
        return sorted(found, key=lambda one: one[0])

    @property
    def expected(self) -> list[dict[str, Any]]:
        """Return the cases that there must be at the end."""
        given = [{"amount": "", "state": "open"} | one for one in self.body.get("expect", [])]
        return in_order({name: one[name] for name in EXPECTED} for one in given)


def scenes() -> list[Scene]:
    """Return every scene of the folder; a file has several under `[[scene]]`."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        file = tomllib.loads(path.read_text(encoding="utf-8"))
        for own in file.pop("scene"):
            shared = {name: file.get(name, {}) | own.get(name, {}) for name in SHARED}
            found.append(Scene(f"{path.stem}: {own['name']}", file | own | shared))
    return found


def in_order(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return cases in an order of their own."""
    return sorted(found, key=lambda one: [str(value) for value in one.values()])


class Service:
    """The parts of a service that play, over a database that others may use too."""

    def __init__(self, policies: PolicyBook, model: TurnModel) -> None:
        self.intake = Intake(policies, "suzhou-2017", KEY, ears=Ears(model))
        facts = FactBook(Rulings(policies, "suzhou-2017"), load_worktimes(ZONE, HOURS), COMPANY)
        self.dutybook = Dutybook(facts, Casebook(Snapshots(policies)), LATENESS)


class Stage:
    """A database on which scenes are played by `services` in turn.

    `attentive` services look at what is due after everything that happens, as they do when they run.
    """

    def __init__(
        self,
        database: Database,
        model: TurnModel,
        moderator: Moderator,
        services: int = 1,
        *,
        attentive: bool = False,
    ) -> None:
        self.database = database
        self.model = model
        self.moderator = moderator
        self.count = services
        self.attentive = attentive
        self.lexicons = LexiconWatch()

    def play(self, scene: Scene) -> Checked:
        """Let a scene happen; return what its checks came to."""
        self.policies = PolicyBook([*SHIPPED, *_own_policy(scene)])
        self._restart()
        self.enrol(scene.body)
        return self.go_on(scene)

    def go_on(self, scene: Scene) -> Checked:
        """Let more happen to those who are known already."""
        done = Checked()
        for at, kind, one in scene.happenings:
            if kind == "restart":
                self._restart()
            elif kind != "check":
                getattr(self, f"_{kind}")(at, one)
            if kind == "check" or self.attentive:
                self.check(at, done)
        return done

    def enrol(self, body: dict[str, Any]) -> None:
        """Let group and people be known, from the beginning of the scene on."""
        at = moment(body["begins"])
        group = {"name": "群", "kind": "work"} | _with_moments(body["group"])
        group_id = group.pop("group_id", "g")
        with self.database.write() as connection:
            rosterbook.put_group(connection, at, "test", group_id, GroupIn(**group), at)
            for member_id, said in body.get("people", {}).items():
                person = PersonIn(**{"employed_from": HIRED} | _with_moments(said))
                rosterbook.put_person(connection, at, "test", member_id, person)
            for member_id, said in body.get("members", {}).items():
                member = MemberIn(**_with_moments(said))
                rosterbook.put_member(connection, at, "test", (group_id, member_id), member, at)
            checks.wake_every(connection, at)

    def check(self, at: datetime, done: Checked) -> None:
        """Check all that is due."""
        while True:
            with self.database.write() as connection:
                if not next(self.services).dutybook.check_due(connection, at, 3, done):
                    return

    def cases(self) -> list[dict[str, Any]]:
        """Return the cases there are, as a scene writes them down."""
        with self.database.read() as connection:
            rows = connection.execute(select(cases).where(cases.c.origin == "conduct")).all()
        return in_order(_written(row) for row in rows)

    def _restart(self) -> None:
        """Start all services again: what they had in memory is gone."""
        fresh = [Service(self.policies, self.model) for _ in range(self.count)]
        self.services = cycle(fresh)

    def _message(self, at: datetime, said: dict[str, Any]) -> None:
        asked = Asked(
            text=said["text"],
            message_id=said.get("id") or f"m-{said['at']}-{said['by']}",
            group_id=said.get("group_id", "g"),
            sender_id=said["by"],
            sent_at=moment(said["at"]),
            reply_to=said.get("reply_to"),
        )
        decision = self.moderator.moderate([asked.message()])[0]
        with self.database.write() as connection:
            intake = next(self.services).intake
            intake.record(connection, [(asked, decision)], at, self.lexicons)

    def _recall(self, at: datetime, said: dict[str, Any]) -> None:
        with self.database.write() as connection:
            recall(connection, KEY, said.get("group_id", "g"), said["id"], at)

    def _event(self, at: datetime, said: dict[str, Any]) -> None:
        given = {name: value for name, value in said.items() if name != "arrives"}
        event_id = f"e-{said['at']}-{said['kind']}-{said.get('member_id', '')}"
        item = {"group_id": "g", "event_id": event_id} | given
        item["at"] = moment(said["at"]).isoformat()
        (result,) = take(self.database, at, "bot", [item], self.policies, KEY)
        assert result.error is None, result.error

    def _employment(self, at: datetime, said: dict[str, Any]) -> None:
        """HR changes what it knows of somebody; times are written as everywhere in a scene."""
        given = {name: value for name, value in said.items() if name not in NOT_SAID}
        with self.database.write() as connection:
            person = PersonIn(**_with_moments(given))
            rosterbook.put_person(connection, at, "test", said["member_id"], person)


def _own_policy(scene: Scene) -> list[Policy]:
    """Return the policy that a scene brings along, if it does."""
    text = scene.body.get("policy")
    return [parse_policy(text, FOLDER / scene.name)] if text else []


def _with_moments(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a roster says with its times read."""
    return {name: moment(value) if name in MOMENTS else value for name, value in said.items()}


def _written(row: Any) -> dict[str, Any]:
    penalty = row.decision["penalty"]
    amount = penalty["amount"] if penalty else None
    return {
        "rule": row.found[0],
        "article": row.decision["articles"][0]["article"],
        "party": row.party,
        "person": row.sender_id,
        "kind": penalty["kind"] if penalty else "none",
        "amount": "" if amount is None else f"{amount['min']}..{amount['max'] or ''}",
        "state": row.state,
    }

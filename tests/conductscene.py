"""A scene: who is in a group, what happens and is said there when, and what the rules must make of it.

Scenes are TOML files under `tests/cases/conduct`; times are of the firm, a day of 2026 and a clock.
Everything goes the way it goes in the service: messages are judged and heard, events folded, duties checked.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from moderation import Moderator
from moderation.lexiconwatch import LexiconWatch
from moderation.policyfiles import PolicyBook
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
from service.storage.intake import Intake
from service.storage.rulings import Rulings
from service.storage.schema import cases
from service.storage.snapshots import Snapshots
from service.storage.turns import Ears

FOLDER = Path(__file__).parent / "cases" / "conduct"
ZONE = ZoneInfo("Asia/Shanghai")
KEY = b"k" * 32
HOURS = "09:00-12:00,13:00-18:00"
COMPANY = "远山环保"
LATENESS = timedelta(minutes=5)
HIRED = datetime(2020, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    """Return a time of the firm: `11-23 10:00`, seconds may follow; a year may stand before it."""
    day, _, clock = text.partition(" ")
    day = day if day.count("-") == 2 else f"2026-{day}"
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).astimezone(UTC)


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
            for kind in ("message", "event", "employment", "check")
            for one in self.body.get(kind, [])
        ]
        return sorted(found, key=lambda one: one[0])


def scenes() -> list[Scene]:
    """Return every scene of the folder; a file has several under `[[scene]]`."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        for body in tomllib.loads(path.read_text(encoding="utf-8"))["scene"]:
            found.append(Scene(f"{path.stem}: {body['name']}", body))
    return found


class Stage:
    """The service's parts over one database, at times that a scene sets."""

    def __init__(self, database: Database, model: TurnModel, moderator: Moderator) -> None:
        self.database = database
        self.moderator = moderator
        policies = PolicyBook.load()
        self.policies = policies
        self.intake = Intake(policies, "suzhou-2017", KEY, ears=Ears(model))
        self.casebook = Casebook(Snapshots(policies))
        facts = FactBook(Rulings(policies, "suzhou-2017"), load_worktimes(ZONE, HOURS), COMPANY)
        self.dutybook = Dutybook(facts, self.casebook, LATENESS)
        self.lexicons = LexiconWatch()

    def play(self, scene: Scene) -> Checked:
        """Let a scene happen; return what its checks came to."""
        self.enrol(scene.body)
        done = Checked()
        for at, kind, one in scene.happenings:
            if kind == "check":
                self.check(at, done)
            else:
                getattr(self, f"_{kind}")(at, one)
        return done

    def enrol(self, body: dict[str, Any]) -> None:
        """Let group and people be known, from the beginning of the scene on."""
        at = moment(body["begins"])
        group = {"name": "群", "kind": "work"} | body["group"]
        group_id = group.pop("group_id", "g")
        with self.database.write() as connection:
            rosterbook.put_group(connection, at, "test", group_id, GroupIn(**group), at)
            for member_id, said in body.get("people", {}).items():
                person = {"employed_from": HIRED} | said
                rosterbook.put_person(connection, at, "test", member_id, PersonIn(**person))
            for member_id, said in body.get("members", {}).items():
                member = MemberIn(**said)
                rosterbook.put_member(connection, at, "test", (group_id, member_id), member, at)
            checks.wake_every(connection, at)

    def check(self, at: datetime, done: Checked) -> None:
        """Check all that is due."""
        while True:
            with self.database.write() as connection:
                if not self.dutybook.check_due(connection, at, 3, done):
                    return

    def cases(self) -> list[dict[str, Any]]:
        """Return the cases there are, as a scene writes them down."""
        with self.database.read() as connection:
            rows = connection.execute(select(cases).where(cases.c.origin == "conduct")).all()
        found = [_written(row) for row in rows]
        return sorted(found, key=lambda one: [str(value) for value in one.values()])

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
            self.intake.record(connection, [(asked, decision)], at, self.lexicons)

    def _event(self, at: datetime, said: dict[str, Any]) -> None:
        given = {name: value for name, value in said.items() if name != "arrives"}
        item = {"group_id": "g", "event_id": f"e-{said['at']}-{said['kind']}"} | given
        item["at"] = moment(said["at"]).isoformat()
        (result,) = take(self.database, at, "bot", [item], self.policies, KEY)
        assert result.error is None, result.error

    def _employment(self, at: datetime, said: dict[str, Any]) -> None:
        """HR changes what it knows of somebody; times are written as everywhere in a scene."""
        given = {
            name: moment(value) if name.startswith("employed") else value
            for name, value in said.items()
            if name not in ("at", "arrives", "member_id")
        }
        with self.database.write() as connection:
            member_id = said["member_id"]
            rosterbook.put_person(connection, at, "test", member_id, PersonIn(**given))


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

"""Cases as they come to be confirmed: message, finding, verdict, notice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from moderation.lexiconwatch import LexiconWatch
from moderation.policyfiles import PolicyBook
from moderation.taxonomy import taxonomy
from moderation.types import Action, Decision, Evidence, Finding, Ruling
from service.asked import Asked
from service.cases import Appeal, Step, Verb
from service.noticeview import NoticeView
from service.storage import noticebook, noticequery
from service.storage.casebook import Casebook
from service.storage.database import Database
from service.storage.intake import Intake
from service.storage.snapshots import Snapshots

ZONE = ZoneInfo("Asia/Shanghai")
LEXICONS = LexiconWatch()
START = datetime(2026, 11, 3, 1, 5, tzinfo=UTC)
REVIEWER, APPROVER, OTHER = "li.na", "zhao.min", "sun.yi"


class Office:
    """A firm at work on one database; its clock goes a minute with everything that is done."""

    def __init__(self, database: Database) -> None:
        self.database = database
        policies = PolicyBook.load()
        self.snapshots = Snapshots(policies)
        self.casebook = Casebook(self.snapshots)
        self.intake = Intake(policies, "suzhou-2017", b"k" * 32)
        self.clock = START
        self._numbers = count(1)

    def now(self) -> datetime:
        self.clock += timedelta(minutes=1)
        return self.clock

    def flag(
        self, label: str = "illicit_ad", *, text: str = "代开发票", hidden: str = "", **given: Any
    ) -> str:
        """Let a message be flagged; return its case."""
        asked = Asked(
            **{
                "text": text,
                "message_id": f"m-{next(self._numbers)}",
                "group_id": "g-1",
                "sender_id": "u-1",
                "policy": "suzhou-2017",
                "sent_at": self.now(),
            }
            | given
        )
        with self.database.write() as connection:
            answers = self.intake.record(
                connection, [(asked, found(label, text, hidden))], self.clock, LEXICONS
            )
        assert isinstance(answers[0], dict)
        return str(answers[0]["case_id"])

    def step(self, case_id: str, verb: Verb, by: str = REVIEWER, **given: Any) -> None:
        with self.database.write() as connection:
            self.casebook.step(connection, case_id, Step(verb, by, self.now(), **given))

    def confirm(self, case_id: str, amount: str | None = None) -> None:
        self.step(case_id, Verb.CLAIM)
        typed = None if amount is None else Decimal(amount)
        self.step(case_id, Verb.CONFIRM, amount=typed)

    def overturn(self, case_id: str) -> None:
        self.step(case_id, Verb.APPEAL, by="u-1", text="是同事开的玩笑")
        self.step(case_id, Verb.DECIDE_APPEAL, by=OTHER, outcome=Appeal.OVERTURNED)

    def confirmed(self, label: str = "illicit_ad", amount: str | None = None, **given: Any) -> int:
        """Return the draft of a message flagged and confirmed."""
        case_id = self.flag(label, **given)
        self.confirm(case_id, amount)
        return self.notices(case_id)[0].id

    def published(self, label: str = "illicit_ad", amount: str | None = None, **given: Any) -> int:
        notice_id = self.confirmed(label, amount, **given)
        self.approve(notice_id)
        self.publish(notice_id)
        return notice_id

    def approve(self, notice_id: int, by: str = APPROVER) -> None:
        with self.database.write() as connection:
            noticebook.approve(connection, self.now(), notice_id, by)

    def publish(self, notice_id: int) -> str:
        with self.database.write() as connection:
            return noticebook.publish(connection, self.now(), notice_id, APPROVER, ZONE)

    def withdraw(self, notice_id: int, reason: str = "申诉成立") -> None:
        with self.database.write() as connection:
            noticebook.withdraw(connection, self.now(), notice_id, APPROVER, reason)

    def notice(self, notice_id: int) -> NoticeView:
        with self.database.read() as connection:
            return noticequery.one(connection, self.snapshots, notice_id)

    def notices(self, case_id: str | None = None, **wanted: Any) -> list[NoticeView]:
        """Return notices, newest first."""
        with self.database.read() as connection:
            views = noticequery.listed(
                connection, self.snapshots, noticequery.Wanted(**wanted), limit=1000
            )
        return [view for view in views if case_id in (None, view.case_id)]


def found(label: str, text: str, hidden: str = "") -> Decision:
    """Return a decision that a detector found a label; `hidden` is a private piece of the text."""
    evidence: tuple[Evidence, ...] = ()
    if hidden:
        start = text.index(hidden)
        evidence = (Evidence(start, start + len(hidden), hidden, hidden, "号码"),)
    return Decision(
        request_id="r",
        message_id=None,
        action=Action.REVIEW,
        model="test",
        findings=tuple(_findings(label, evidence)),
        ruling=Ruling("suzhou-2017"),
        lexicon=LEXICONS.current().version,
    )


def _findings(label: str, evidence: tuple[Evidence, ...]) -> Iterator[Finding]:
    category = taxonomy()[label].category
    source = "pattern" if evidence else "model"
    yield Finding(label, category, 0.9, source, Action.REVIEW, evidence)

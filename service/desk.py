"""The reviewers' desk: what people do to cases and see of them, in one place for HTTP, commands and pages.

verb ─ step ─ one writing transaction ─ pure rules, ledger, notices ─ the case after it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from moderation.errors import ModerationError
from moderation.taxonomy import taxonomy
from service import caseview, ledger
from service.cases import Appeal, Step, Verb
from service.caseschemas import (
    CaseListOut,
    CaseListRequest,
    CaseOut,
    CaseState,
    CaseText,
    EntryOut,
    RecordOut,
)
from service.rights import Right
from service.storage import audit, casebook, casequery, intake, roster
from service.storage.casebook import Casebook, ErasedError, UnknownCaseError
from service.storage.casequery import Filter
from service.storage.database import Database
from service.storage.roster import Place

RIGHTS: dict[Verb, Right] = {
    Verb.CLAIM: Right.REVIEW,
    Verb.RELEASE: Right.REVIEW,
    Verb.CONFIRM: Right.REVIEW,
    Verb.RELABEL: Right.REVIEW,
    Verb.REJECT: Right.REVIEW,
    Verb.AMOUNT: Right.REVIEW,
    Verb.UNDO: Right.REVIEW,
    Verb.OPINION: Right.REVIEW,
    Verb.COMMENT: Right.SEE_CASES,
    Verb.APPEAL: Right.APPEAL,
    Verb.DECIDE_APPEAL: Right.DECIDE_APPEAL,
    Verb.REOPEN: Right.REOPEN,
}
"""The right that each step needs."""


class CursorError(ModerationError):
    """A cursor that no page has given."""


class Desk:
    """Does steps and shows cases; each call is one transaction and waits for the database."""

    def __init__(
        self,
        database: Database,
        casebook: Casebook,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = database
        self.casebook = casebook
        self.now = now

    def act(
        self,
        case_id: str,
        by: str,
        *verbs: Verb,
        labels: Sequence[str] = (),
        amount: Decimal | None = None,
        text: str = "",
        outcome: Appeal | None = None,
    ) -> CaseState:
        """Do one thing after the other to a case, all or none; what is given goes with the last.

        Raises:
            UnknownCaseError: no such case.
            RuleError: the rules do not allow it now.
            UnknownNameError: a label does not exist.
            AmountError: a sum outside what the policy states.
        """
        with self.database.write() as connection:
            at = self.now()
            for verb in verbs[:-1]:
                self.casebook.step(connection, case_id, Step(verb, by, at))
            last = Step(verbs[-1], by, at, tuple(labels), amount, text, outcome)
            self.casebook.step(connection, case_id, last)
            row = casebook.case_row(connection, case_id)
            return caseview.state(row, casequery.standing_of(connection, row))

    def preview(self, case_id: str, labels: Sequence[str]) -> EntryOut:
        """Return the entry that a case would have, confirmed now with these labels or those found.

        Raises:
            UnknownCaseError: no such case.
            UnknownNameError: a label does not exist.
        """
        wanted = [taxonomy()[label].id for label in labels]
        with self.database.read() as connection:
            row = casebook.case_row(connection, case_id)
            place = roster.place_at(connection, row.group_id, row.sender_id, row.sent_at)
            known = casequery.ledger_of(connection, row)
            return self._foreseen(connection, row, place, wanted or row.found, known)

    def listed(self, asked: CaseListRequest) -> CaseListOut:
        """Return a page of cases; raises `CursorError`."""
        with self.database.read() as connection:
            return self._page(connection, asked)

    def queue(self, asked: CaseListRequest) -> tuple[CaseListOut, list[Place]]:
        """Return a page of cases, each with its group and sender; raises `CursorError`."""
        with self.database.read() as connection:
            found = self._page(connection, asked)
            where = [(case.group_id, case.sender_id, case.sent_at) for case in found.cases]
            return found, roster.places_at(connection, where)

    def waiting(self) -> int:
        """Return how many cases wait for a verdict."""
        with self.database.read() as connection:
            return casequery.waiting(connection)

    def _page(self, connection: Any, asked: CaseListRequest) -> CaseListOut:
        wanted = _filter(asked)
        try:
            rows = casequery.listed(connection, wanted, asked.order, asked.limit + 1, asked.cursor)
        except UnknownCaseError as error:
            raise CursorError("no page has given this cursor") from error
        counts = casequery.counts(connection, wanted)
        return caseview.page(rows, asked.limit, counts)

    def look(self, case_id: str) -> CaseOut:
        """Return all that is known of a case; raises `UnknownCaseError`."""
        with self.database.read() as connection:
            return caseview.whole(casequery.whole(connection, case_id))

    def examine(self, case_id: str) -> tuple[CaseOut, EntryOut, Place]:
        """Return a case, its entry or the one it would have, its group and sender; raises `UnknownCaseError`."""
        with self.database.read() as connection:
            found = casequery.whole(connection, case_id)
            shown = caseview.whole(found)
            row = found.row
            entry = shown.entry or self._foreseen(
                connection, row, found.place, row.labels or row.found, found.record
            )
        return shown, entry, found.place

    def reveal(self, case_id: str, by: str) -> CaseText:
        """Return the text of a case with nothing hidden and note who has read it.

        Raises:
            UnknownCaseError: no such case.
            ErasedError: its text was erased.
        """
        with self.database.write() as connection:
            row = casebook.case_row(connection, case_id)
            if row.text is None:
                raise ErasedError(f"the text of case {case_id!r} was erased")
            change = audit.Change(by, "case.reveal", case_id, {})
            audit.append(connection, self.now(), [change])
            return CaseText(case_id=case_id, text=row.text)

    def recall(self, key: bytes, group_id: str | None, message_id: str) -> str | None:
        """Mark a message as recalled, by the key of the fingerprints; return its case.

        Raises:
            UnknownMessageError: no message with this id has come in.
        """
        with self.database.write() as connection:
            return intake.recall(connection, key, group_id, message_id, self.now())

    def record(self, member_id: str, limit: int) -> RecordOut:
        """Return the last confirmed breaches of a person."""
        with self.database.read() as connection:
            return caseview.record(member_id, casequery.record_of(connection, member_id, limit))

    def agreement(self) -> dict[str, Any]:
        """Return how far second opinions agree with the verdicts."""
        with self.database.read() as connection:
            return casebook.agreement(connection)

    def _foreseen(
        self,
        connection: Any,
        row: Any,
        place: Place,
        labels: Sequence[str],
        known: Sequence[Any],
    ) -> EntryOut:
        entry = self.casebook.preview(connection, row, labels, known)
        due = ledger.amount_due(entry.penalty, None)
        ruling = entry.ruling.to_dict()
        return caseview.entry(casequery.standing(row, place, ruling, entry.occurrences, due))


def _filter(asked: CaseListRequest) -> Filter:
    return Filter(
        states=tuple(asked.state),
        label=asked.label,
        group_id=asked.group_id,
        policy_id=asked.policy,
        action=asked.action,
        sender_id=asked.sender_id,
        since=asked.since,
        until=asked.until,
        recalled=asked.recalled,
        appeal_open=asked.appeal_open,
        opinion_wanted=asked.opinion_wanted,
        sampled=asked.sampled,
    )

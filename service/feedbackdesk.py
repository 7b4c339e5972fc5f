"""Where people and bots say that something was judged wrongly.

    item ─ its case, opened if there is none ─ a bot's report | a reviewer's verdict ─ answer

Each item is one transaction. A bot's word changes no verdict: the case waits for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moderation import Moderator
from moderation.conversation import keyed
from moderation.errors import ModerationError
from moderation.taxonomy import taxonomy
from service.asked import Asked
from service.cases import Case, Origin, Step, Verb
from service.feedbackforms import Became, FeedbackItem
from service.rights import Principal, Right
from service.storage import casebook, feedback
from service.storage.casebook import Casebook
from service.storage.columns import from_ms
from service.storage.database import Database
from service.storage.feedback import Report
from service.storage.fingerprints import message_key
from service.storage.intake import Intake, UnknownMessageError

VERDICTS = {
    Verb.CONFIRM: Became.CONFIRMED,
    Verb.RELABEL: Became.RELABELLED,
    Verb.REJECT: Became.REJECTED,
    Verb.OPINION: Became.OPINION,
}


class TextWantedError(ModerationError):
    """A message that passed: its text is not kept, so it must come with the feedback."""


class OtherTextError(ModerationError):
    """The message is another one than the text or sender that came along."""


class FeedbackDesk:
    """Takes feedback; each call is one transaction and waits for the database."""

    def __init__(
        self,
        database: Database,
        casebook: Casebook,
        intake: Intake,
        moderator: Moderator,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = database
        self.casebook = casebook
        self.intake = intake
        self.moderator = moderator
        self.now = now

    def take(self, item: FeedbackItem, who: Principal) -> tuple[str, Became]:
        """Return the case of an item and what became of it.

        Raises:
            UnknownNameError: a label does not exist.
            UnknownCaseError: no such case.
            UnknownMessageError: no message with this id has come in.
            TextWantedError: the message passed and its text is not there.
            OtherTextError: text or sender are not those of the message.
            RuleError: the rules do not allow the verdict now.
        """
        given = {taxonomy()[label].id for label in item.labels}
        labels = tuple(label for label in taxonomy().ids if label in given)
        with self.database.write() as connection:
            at = self.now()
            number = None if item.text is None else keyed(self.intake.key, "text", item.text)
            case_id = self._case_of(connection, item, number, at)
            reviewed = who.may(Right.REVIEW)
            became = Became.REPORTED
            if reviewed:
                became = self._judge(connection, case_id, who.name, at, labels, item.comment)
            else:
                feedback.mark(connection, case_id)
            alone = number if item.message_id is None else None
            said = Report(case_id, who.name, at, labels, item.comment, reviewed, alone)
            feedback.put(connection, said)
        return case_id, became

    def _case_of(
        self, connection: Any, item: FeedbackItem, number: int | None, at: datetime
    ) -> str:
        """Return the case that an item is about; open one where there is none."""
        if item.case_id is not None:
            return str(casebook.case_row(connection, item.case_id).case_id)
        if item.message_id is not None:
            return self._case_of_message(connection, item, number, at)
        assert item.text is not None
        assert number is not None
        known = feedback.case_of_text(connection, number)
        return known or self._open(connection, Asked(item.text), at, Origin.TEXT)

    def _case_of_message(
        self, connection: Any, item: FeedbackItem, number: int | None, at: datetime
    ) -> str:
        key = message_key(self.intake.key, item.group_id, item.message_id)
        row = feedback.seen_message(connection, key)
        if row is None:
            raise UnknownMessageError(f"no message {item.message_id!r} in this group")
        if number not in (None, row.exact):
            raise OtherTextError(f"message {item.message_id!r} has another text")
        sender = item.sender_id
        if sender is not None and keyed(self.intake.key, "sender", sender) != row.sender_key:
            raise OtherTextError(f"message {item.message_id!r} is another sender's")
        if row.case_id is not None:
            return str(row.case_id)
        if item.text is None:
            raise TextWantedError("the message passed and its text was not kept: send it along")
        asked = Asked(
            text=item.text,
            message_id=item.message_id,
            group_id=item.group_id,
            sender_id=sender,
            sent_at=from_ms(row.at),
        )
        case_id = self._open(connection, asked, at, Origin.REPORT)
        feedback.link_message(connection, row.id, case_id)
        return case_id

    def _open(self, connection: Any, asked: Asked, at: datetime, origin: Origin) -> str:
        decision = self.moderator.moderate([asked.message()])[0]
        watch = self.moderator.lexicon
        return self.intake.report(connection, asked, decision, at, watch, origin)

    def _judge(
        self,
        connection: Any,
        case_id: str,
        by: str,
        at: datetime,
        labels: tuple[str, ...],
        comment: str,
    ) -> Became:
        """Carry out a reviewer's verdict by the same steps as at the desk."""
        case = casebook.to_case(connection, casebook.case_row(connection, case_id))
        if case.is_closed and case.decided_by == by and set(case.labels) == set(labels):
            return Became.UNCHANGED
        verbs = _verbs(case, by, labels)
        for verb in verbs[:-1]:
            self.casebook.step(connection, case_id, Step(verb, by, at))
        given = labels if verbs[-1] in (Verb.RELABEL, Verb.OPINION) else ()
        self.casebook.step(connection, case_id, Step(verbs[-1], by, at, given, text=comment))
        return VERDICTS[verbs[-1]]


def _verbs(case: Case, by: str, labels: tuple[str, ...]) -> tuple[Verb, ...]:
    """Return the steps from where a case stands to a verdict on these labels."""
    verdict = Verb.RELABEL
    if not labels:
        verdict = Verb.REJECT
    elif set(labels) == set(case.found):
        verdict = Verb.CONFIRM
    if case.is_closed and case.decided_by == by:
        return Verb.UNDO, verdict
    if case.is_breach:
        return (Verb.OPINION,)
    return Verb.CLAIM, verdict

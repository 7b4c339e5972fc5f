"""The way of a case from flag to verdict. Pure: a case and what is done to it -> the case after it.

    open ─ claim ─ claimed ─ confirm | relabel | reject ─ confirmed | relabelled | rejected
      ^──────────── release        ^─────────── undo ───────────┤
      ^──────────────────────────────────────────── reopen ─────┤
                                      appeal ─ upheld | overturned (-> rejected)

Storage keeps the steps of a case as they were done; `apply` is the only thing that changes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from moderation.errors import ModerationError
from moderation.taxonomy import taxonomy

CLAIM_TIME = timedelta(minutes=30)
"""A claim with no verdict after this time may be taken over."""


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    CONFIRMED = "confirmed"
    RELABELLED = "relabelled"
    REJECTED = "rejected"


BREACHES = (State.CONFIRMED, State.RELABELLED)
"""States that count in the ledger."""
CLOSED = (*BREACHES, State.REJECTED)


class Origin(StrEnum):
    """How a case came to be."""

    FLAG = "flag"
    """The message was flagged."""
    SAMPLE = "sample"
    """The message passed and was drawn at random; nobody sees it outside the sample unless it was a breach."""
    REPORT = "report"
    """The message passed, and somebody says that it was wrong to let it."""
    CONDUCT = "conduct"
    """A duty under a rule of conduct was not met in time; it is about no message's words."""
    TEXT = "text"
    """A text that somebody sent in by itself: nobody is known to have written it, nobody pays for it."""


class Appeal(StrEnum):
    """Where a sender's appeal stands."""

    OPEN = "open"
    UPHELD = "upheld"
    OVERTURNED = "overturned"


class Verb(StrEnum):
    """What can be done to a case."""

    CLAIM = "claim"
    RELEASE = "release"
    CONFIRM = "confirm"
    RELABEL = "relabel"
    REJECT = "reject"
    AMOUNT = "amount"
    UNDO = "undo"
    COMMENT = "comment"
    OPINION = "opinion"
    APPEAL = "appeal"
    DECIDE_APPEAL = "decide_appeal"
    REOPEN = "reopen"


OPEN_TO_SENDER = (Verb.RELEASE, Verb.COMMENT, Verb.APPEAL)
"""What somebody may do to a case about a message of his own."""


class Order(StrEnum):
    """In which order cases are listed."""

    QUEUE = "queue"
    """The gravest first, then the least certain, then the oldest."""
    NEWEST = "newest"


class RuleError(ModerationError):
    """A step that the rules do not allow now; `problem` says why."""

    def __init__(self, verb: Verb, problem: str) -> None:
        self.verb = verb
        self.problem = problem
        super().__init__(f"cannot {verb.value}: {problem}")


@dataclass(frozen=True, slots=True)
class Step:
    """Something done to a case by somebody; which of the last four fields it needs depends on the verb."""

    verb: Verb
    by: str
    at: datetime
    labels: tuple[str, ...] = ()
    amount: Decimal | None = None
    text: str = ""
    outcome: Appeal | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what the history keeps besides verb, actor and time."""
        body: dict[str, Any] = {}
        if self.labels:
            body["labels"] = list(self.labels)
        if self.amount is not None:
            body["amount"] = f"{self.amount:.2f}"
        if self.text:
            body["text"] = self.text
        if self.outcome is not None:
            body["outcome"] = self.outcome.value
        return body


@dataclass(frozen=True, slots=True)
class Case:
    """The state of review of a case. `found` is what the machine found; `labels` what a person decided.

    `sender` is the user name of the one who wrote the message, where that is known: nobody judges
    himself. `settled` says that a notice on it is approved or published, `conduct` that it is about a duty
    that was not met: what was found is then not a matter of labels.
    """

    found: tuple[str, ...]
    state: State = State.OPEN
    reviewer: str | None = None
    claimed_at: datetime | None = None
    labels: tuple[str, ...] = ()
    amount: Decimal | None = None
    decided_by: str | None = None
    appeal: Appeal | None = None
    opinion_by: str | None = None
    sender: str | None = None
    settled: bool = False
    conduct: bool = False

    @property
    def is_breach(self) -> bool:
        """Return whether the case counts in the ledger."""
        return self.state in BREACHES

    @property
    def is_closed(self) -> bool:
        """Return whether a verdict stands."""
        return self.state in CLOSED


def apply(case: Case, step: Step) -> Case:
    """Return the case after a step.

    Raises:
        RuleError: the rules do not allow it.
    """
    if case.sender == step.by and step.verb not in OPEN_TO_SENDER:
        raise RuleError(step.verb, "nobody judges a message of his own")
    return _RULES[step.verb](case, step)


def fold(case: Case, steps: Iterable[Step]) -> Case:
    """Return a fresh case after all its steps."""
    for step in steps:
        case = apply(case, step)
    return case


def _claim(case: Case, step: Step) -> Case:
    if case.is_closed:
        raise RuleError(step.verb, f"the case is {case.state.value}")
    held = case.state is State.CLAIMED and case.reviewer != step.by
    if held and case.claimed_at is not None and step.at - case.claimed_at < CLAIM_TIME:
        raise RuleError(step.verb, f"{case.reviewer} is on it")
    return replace(case, state=State.CLAIMED, reviewer=step.by, claimed_at=step.at)


def _release(case: Case, step: Step) -> Case:
    _must_hold(case, step)
    return replace(case, state=State.OPEN, reviewer=None, claimed_at=None)


def _confirm(case: Case, step: Step) -> Case:
    _must_hold(case, step)
    if not case.found:
        raise RuleError(step.verb, "nothing was found; relabel or reject it")
    return _closed(case, step, State.CONFIRMED, case.found)


def _relabel(case: Case, step: Step) -> Case:
    _must_hold(case, step)
    if case.conduct:
        raise RuleError(step.verb, "a breach of a conduct rule is confirmed or rejected")
    labels = _known(step)
    if set(labels) == set(case.found):
        raise RuleError(step.verb, "these are the labels found; confirm it")
    return _closed(case, step, State.RELABELLED, labels)


def _reject(case: Case, step: Step) -> Case:
    _must_hold(case, step)
    return _closed(case, step, State.REJECTED, ())


def _closed(case: Case, step: Step, state: State, labels: tuple[str, ...]) -> Case:
    return replace(
        case, state=state, labels=labels, amount=step.amount, decided_by=step.by, opinion_by=None
    )


def _amount(case: Case, step: Step) -> Case:
    _must_be_breach(case, step)
    if case.settled:
        raise RuleError(step.verb, "its notice is approved")
    return replace(case, amount=step.amount)


def _undo(case: Case, step: Step) -> Case:
    if not case.is_closed:
        raise RuleError(step.verb, "there is no verdict")
    if case.decided_by != step.by:
        raise RuleError(step.verb, f"the verdict is {case.decided_by}'s")
    if case.settled:
        raise RuleError(step.verb, "its notice is approved")
    if case.appeal is not None:
        raise RuleError(step.verb, "the sender has appealed")
    return replace(_without_verdict(case), state=State.CLAIMED, claimed_at=step.at)


def _comment(case: Case, step: Step) -> Case:
    if not step.text.strip():
        raise RuleError(step.verb, "the comment is empty")
    return case


def _opinion(case: Case, step: Step) -> Case:
    _must_be_breach(case, step)
    if case.decided_by == step.by:
        raise RuleError(step.verb, "a second opinion is another person's")
    if case.opinion_by is not None:
        raise RuleError(step.verb, f"{case.opinion_by} has given it")
    if step.labels and step.labels != case.found:
        _known(step)
    return replace(case, opinion_by=step.by)


def _appeal(case: Case, step: Step) -> Case:
    _must_be_breach(case, step)
    if case.appeal is not None:
        raise RuleError(step.verb, f"there is an appeal, {case.appeal.value}")
    if not step.text.strip():
        raise RuleError(step.verb, "an appeal says why")
    return replace(case, appeal=Appeal.OPEN)


def _decide_appeal(case: Case, step: Step) -> Case:
    if case.appeal is not Appeal.OPEN:
        raise RuleError(step.verb, "there is no open appeal")
    if case.decided_by == step.by:
        raise RuleError(step.verb, "an appeal is decided by another person")
    if step.outcome is Appeal.UPHELD:
        return replace(case, appeal=Appeal.UPHELD)
    if step.outcome is Appeal.OVERTURNED:
        return replace(case, appeal=Appeal.OVERTURNED, state=State.REJECTED, labels=(), amount=None)
    raise RuleError(step.verb, "the outcome is upheld or overturned")


def _reopen(case: Case, step: Step) -> Case:
    if not case.is_closed:
        raise RuleError(step.verb, "it is not closed")
    if not step.text.strip():
        raise RuleError(step.verb, "reopening says why")
    return replace(_without_verdict(case), state=State.OPEN, reviewer=None, claimed_at=None)


def _without_verdict(case: Case) -> Case:
    return replace(case, labels=(), amount=None, decided_by=None, appeal=None, opinion_by=None)


def _must_hold(case: Case, step: Step) -> None:
    if case.state is not State.CLAIMED:
        raise RuleError(step.verb, f"the case is {case.state.value}, claim it first")
    if case.reviewer != step.by:
        raise RuleError(step.verb, f"{case.reviewer} is on it")


def _must_be_breach(case: Case, step: Step) -> None:
    if not case.is_breach:
        raise RuleError(step.verb, f"the case is {case.state.value}, no breach is confirmed")


def _known(step: Step) -> tuple[str, ...]:
    """Return the step's labels in the taxonomy's order; raises `UnknownNameError`."""
    if not step.labels:
        raise RuleError(step.verb, "it needs at least one label")
    given = {taxonomy()[label].id for label in step.labels}
    return tuple(label for label in taxonomy().ids if label in given)


_RULES: dict[Verb, Callable[[Case, Step], Case]] = {
    Verb.CLAIM: _claim,
    Verb.RELEASE: _release,
    Verb.CONFIRM: _confirm,
    Verb.RELABEL: _relabel,
    Verb.REJECT: _reject,
    Verb.AMOUNT: _amount,
    Verb.UNDO: _undo,
    Verb.COMMENT: _comment,
    Verb.OPINION: _opinion,
    Verb.APPEAL: _appeal,
    Verb.DECIDE_APPEAL: _decide_appeal,
    Verb.REOPEN: _reopen,
}

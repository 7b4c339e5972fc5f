"""What a client asks and how often: requests, answers, the rules of trying again. Sends nothing itself.

A call may be tried again when nothing was done (the server was not reached, or said so by 429 or 503),
or when doing it twice is the same as once: reading, acknowledging, recalling, and judging, for a
message is known by its group and id. A message without an id is given one before it is first sent.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from moderation.errors import ModerationError
from moderation.types import check_text
from service.asked import Asked
from service.caseschemas import CaseListOut, CaseListRequest, CaseOut, CaseState, RecallOut
from service.eventforms import EventIn, EventItemOut, EventsOut
from service.feedbackforms import FeedbackAnswer, FeedbackItem, FeedbackOut
from service.noticeforms import ActionOut, ActionPage
from service.rosterrows import GroupRow, Imported, MemberOut, MemberRow, PersonRow
from service.schemas import BatchItemOut, BatchOut, DecisionOut, FieldProblem, Health, Problem

T = TypeVar("T")
NOT_DONE = frozenset({429, 503})
"""Answers by which the service says that nothing was kept."""
PASSING = NOT_DONE | {502, 504}
"""Answers worth another try; after 502 and 504 of a proxy nobody knows whether it was done."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
Outcome = httpx.Response | httpx.TransportError


class ClientError(ModerationError):
    """No answer to a call."""


class UnreachableError(ClientError):
    """The service did not answer, however often it was tried."""


class AnswerError(ClientError):
    """The service answered with a problem: its status, what it says, and which fields are wrong."""

    def __init__(self, problem: Problem) -> None:
        self.status = problem.status
        self.title = problem.title
        self.detail = problem.detail
        self.fields: tuple[FieldProblem, ...] = tuple(problem.errors)
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")

    @property
    def pointers(self) -> tuple[str, ...]:
        """Return the JSON Pointers of the fields that are wrong."""
        return tuple(error.pointer for error in self.fields)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is tried and how long is waited: twice as long each time, by chance less."""

    attempts: int = 6
    first_wait: float = 0.2
    longest_wait: float = 30.0
    chance: Callable[[float, float], float] = random.uniform

    def wait(self, call: Call[Any], outcome: Outcome, attempt: int) -> float | None:
        """Return the seconds until the try after `attempt` (from 1), None when there is no other."""
        if attempt >= self.attempts or not call.may_repeat(outcome):
            return None
        most = min(self.longest_wait, self.first_wait * 2 ** (attempt - 1))
        return max(self.chance(most / 2, most), min(_asked_to_wait(outcome), self.longest_wait))


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read. `repeatable`: done twice is the same as done once."""

    method: str
    path: str
    read: Callable[[Any], T]
    json: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    repeatable: bool = True
    answers: frozenset[int] = frozenset()
    """Statuses besides success that carry the answer."""

    def may_repeat(self, outcome: Outcome) -> bool:
        """Return whether another try is worth while and harmless."""
        if isinstance(outcome, httpx.TransportError):
            return self.repeatable or isinstance(outcome, NEVER_SENT)
        wanted = PASSING if self.repeatable else NOT_DONE
        return outcome.status_code in wanted - self.answers

    def result(self, outcome: Outcome) -> T:
        """Return the answer.

        Raises:
            UnreachableError: there is none.
            AnswerError: it is a problem, or nothing that the service would say.
        """
        if isinstance(outcome, httpx.TransportError):
            about = str(outcome) or type(outcome).__name__
            raise UnreachableError(f"{self.method} {self.path}: {about}") from outcome
        if not (outcome.is_success or outcome.status_code in self.answers):
            raise AnswerError(_problem(outcome))
        try:
            return self.read(outcome.json() if outcome.content else None)
        except ValueError as error:  # pydantic's and json's alike
            raise AnswerError(_strange(outcome)) from error


def classify(message: Asked, *, dry_run: bool = False) -> Call[DecisionOut]:
    """Judge a message. With `dry_run` nothing is kept and no case is opened."""
    body = _message(message) | ({"dry_run": True} if dry_run else {})
    return Call("POST", "/v1/classify", _reader(DecisionOut), body)


def classify_batch(messages: Iterable[Asked]) -> Call[tuple[BatchItemOut, ...]]:
    """Judge up to 1,000 messages; answers in order, each a decision or what is wrong with its message."""
    body = {"messages": [_message(message) for message in messages]}
    read = _reader(BatchOut)
    return Call("POST", "/v1/classify/batch", lambda answer: tuple(read(answer).results), body)


def recall(message_id: str, group_id: str | None = None) -> Call[RecallOut]:
    """Say that its sender has taken a message back; its case stays and is marked."""
    path = f"/v1/messages/{_part(message_id)}/recall"
    return Call("POST", path, _reader(RecallOut), {"group_id": group_id})


def actions(after: int = 0, limit: int = 50) -> Call[ActionPage]:
    """Fetch what the bot is to do, oldest first; `next` of a page is the `after` of the one behind it."""
    return Call("GET", "/v1/actions", _reader(ActionPage), params={"after": after, "limit": limit})


def acknowledge(action_id: int) -> Call[ActionOut]:
    """Say that an instruction was carried out."""
    return Call("POST", f"/v1/actions/{action_id}/acknowledge", _reader(ActionOut))


def cases(wanted: CaseListRequest | None = None) -> Call[CaseListOut]:
    """List cases, by default the gravest first."""
    params = wanted.model_dump(mode="json", exclude_defaults=True) if wanted else {}
    return Call("GET", "/v1/cases", _reader(CaseListOut), params=params)


def case(case_id: str) -> Call[CaseOut]:
    """Show all that is known of a case."""
    return Call("GET", f"/v1/cases/{_part(case_id)}", _reader(CaseOut))


def claim(case_id: str) -> Call[CaseState]:
    """Take a case, so that nobody else decides it."""
    return _step(case_id, "claim", {})


def confirm(case_id: str, *, amount: Decimal | None = None, text: str = "") -> Call[CaseState]:
    """Confirm what was found; `amount` where the policy leaves the sum open."""
    return _step(case_id, "confirm", {"amount": _yuan(amount), "text": text})


def relabel(
    case_id: str, labels: Sequence[str], *, amount: Decimal | None = None, text: str = ""
) -> Call[CaseState]:
    """Confirm a breach under other labels than those found."""
    body = {"labels": list(labels), "amount": _yuan(amount), "text": text}
    return _step(case_id, "relabel", body)


def reject(case_id: str, *, text: str = "") -> Call[CaseState]:
    """Decide that there is no breach."""
    return _step(case_id, "reject", {"text": text})


def import_roster(rows: Sequence[GroupRow | MemberRow | PersonRow]) -> Call[Imported]:
    """Bring in groups, members, people as they are now; what a row leaves out stays as it is known."""
    body = [row.model_dump(mode="json", exclude_unset=True) for row in rows]
    return Call("POST", "/v1/groups/import", _reader(Imported), body)


def members(group_id: str) -> Call[tuple[MemberOut, ...]]:
    """List who is in a group now."""
    path = f"/v1/groups/{_part(group_id)}/members"
    return Call("GET", path, _reader(tuple[MemberOut, ...]))


def send_events(events: Iterable[EventIn]) -> Call[tuple[EventItemOut, ...]]:
    """Tell up to 1,000 events; answers in order, each the event as it is known or what is wrong with it."""
    body = {"events": [one.model_dump(mode="json", exclude_none=True) for one in events]}
    read = _reader(EventsOut)
    return Call("POST", "/v1/events", lambda answer: read(answer).results, body)


def send_feedback(items: Iterable[FeedbackItem]) -> Call[tuple[FeedbackOut, ...]]:
    """Say what was judged wrongly, up to 100 items; answers in order, each its case or what is wrong."""
    body = {"items": [one.model_dump(mode="json", exclude_none=True) for one in items]}
    read = _reader(FeedbackAnswer)
    return Call("POST", "/v1/feedback", lambda answer: tuple(read(answer).results), body)


def health() -> Call[Health]:
    """Say what the service has loaded and whether something is out of order."""
    return Call("GET", "/readyz", _reader(Health), answers=frozenset({503}))


def _step(case_id: str, verb: str, body: dict[str, Any]) -> Call[CaseState]:
    """Return a step of review, which the rules do not allow twice."""
    path = f"/v1/cases/{_part(case_id)}/{verb}"
    return Call("POST", path, _reader(CaseState), body, repeatable=False)


def _yuan(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _reader(kind: type[T]) -> Callable[[Any], T]:
    return TypeAdapter(kind).validate_python


def _message(message: Asked) -> dict[str, Any]:
    """Return the request of a message, which from here on has an id; raises `MessageError`."""
    check_text(message.text)
    if message.message_id is None:
        message = replace(message, message_id=uuid.uuid4().hex)
    return {name: value for name in Asked.__slots__ if (value := _plain(message, name)) is not None}


def _plain(message: Asked, name: str) -> Any:
    value = getattr(message, name)
    return value.isoformat() if isinstance(value, datetime) else value


def _part(name: str) -> str:
    """Return a name as one part of a path."""
    return quote(name, safe="")


def _problem(answer: httpx.Response) -> Problem:
    try:
        return Problem.model_validate_json(answer.content)
    except ValidationError:
        return _strange(answer)


def _strange(answer: httpx.Response) -> Problem:
    """Return the problem of an answer that is not the service's: a proxy's page, another program."""
    return Problem(
        title="Unexpected answer", status=answer.status_code, detail=answer.text[:200] or "empty"
    )


def _asked_to_wait(outcome: Outcome) -> float:
    """Return the seconds of `Retry-After`, which may be a number or a date."""
    if isinstance(outcome, httpx.TransportError):
        return 0.0
    given = outcome.headers.get("retry-after", "")
    if given.isdigit():
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return 0.0

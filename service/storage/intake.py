"""What `/v1/classify` leaves behind: a fingerprint of every message, a case of every flagged one.

    messages judged ─ seen before? ─ group and policy ─ window ─ sender's record ─ case ─ answer

One transaction for all messages that wait. An answer exists only once it is committed: what was
acknowledged is in the database, and what is not in the database was answered with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from moderation import conversation
from moderation.conversation import Trace, keyed
from moderation.lexiconwatch import LexiconWatch
from moderation.policyfiles import PolicyBook
from moderation.types import Action, Decision
from service.asked import Asked
from service.cases import Origin
from service.storage import audit, fingerprints, turns
from service.storage.database import StorageError
from service.storage.fingerprints import Fingerprints, message_key
from service.storage.opening import INTAKE, Opening
from service.storage.rulings import Groups, Ruled, Rulings, groups_of, role
from service.storage.schema import cases, seen
from service.storage.snapshots import Snapshots
from service.storage.turns import Ears, Heard


class ConflictError(Exception):
    """A message id that was used before for another text."""


class UnknownMessageError(StorageError):
    """No message with this id has come in."""


Answer = dict[str, Any] | ConflictError


@dataclass(slots=True)
class _Batch:
    """What one transaction learns and writes."""

    connection: Connection
    now: datetime
    lexicons: LexiconWatch
    groups: Groups
    opening: Opening
    known: dict[int, Any] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)


class Intake:
    """Records batches; not safe to share between threads, for it keeps the window of the last hour."""

    def __init__(
        self,
        policies: PolicyBook,
        default_policy: str,
        key: bytes,
        sample_rate: float = 0.0,
        ears: Ears | None = None,
    ) -> None:
        self.rulings = Rulings(policies, default_policy)
        self.key = key
        self.sample_rate = sample_rate
        self._ears = ears
        self._snapshots = Snapshots(policies)
        self._fingerprints = Fingerprints(key)

    def record(
        self,
        connection: Connection,
        items: Sequence[tuple[Asked, Decision]],
        now: datetime,
        lexicons: LexiconWatch,
    ) -> list[Answer]:
        """Write a batch in the caller's transaction; return the answers in order.

        `lexicons` knows the lexicons by which the batch was judged.

        After an error the caller must call `forget`: the window may hold what was never committed.
        """
        asked = [one for one, _ in items]
        traces = self._fingerprints.traces(asked, now)
        keys = [message_key(self.key, one.group_id, one.message_id) for one in asked]
        batch = self._batch(connection, asked, now, lexicons)
        batch.known = fingerprints.known(connection, keys)
        self._fingerprints.catch_up(connection, now)
        answers: list[Answer] = []
        for (one, decision), trace, key in zip(items, traces, keys, strict=True):
            if key is not None and key in batch.known:
                answers.append(self._again(one, decision, trace, batch.known[key], batch))
            else:
                answers.append(self._first(one, decision, trace, key, batch))
        batch.opening.write()
        fingerprints.write(connection, batch.seen)
        if self._ears is not None:
            self._ears.hear(connection, batch.heard, now)
        return answers

    def report(
        self,
        connection: Connection,
        asked: Asked,
        decision: Decision,
        now: datetime,
        lexicons: LexiconWatch,
        origin: Origin,
    ) -> str:
        """Open the case of a text that somebody says was judged wrongly; return it.

        What the bot was answered stays: the decision kept is the one of now.
        """
        batch = self._batch(connection, [asked], now, lexicons)
        setting = self.rulings.setting(asked, batch.groups)
        ruled = self.rulings.ruled(connection, asked, decision, setting, now)
        case_id, _ = self._open(asked, ruled, origin, batch)
        batch.opening.write()
        return case_id

    def forget(self) -> None:
        """Drop what is kept in memory; it is read again from the database."""
        self._fingerprints.forget()

    def _batch(
        self,
        connection: Connection,
        asked: Sequence[Asked],
        now: datetime,
        lexicons: LexiconWatch,
    ) -> _Batch:
        opening = Opening(connection, now, self._snapshots)
        return _Batch(connection, now, lexicons, groups_of(connection, asked), opening)

    def _first(
        self, asked: Asked, decision: Decision, trace: Trace, key: int | None, batch: _Batch
    ) -> dict[str, Any]:
        """Rule on a message that was not seen before; open a case if it is flagged or drawn."""
        setting = self.rulings.setting(asked, batch.groups)
        flood = self._fingerprints.floods(asked, trace, setting.policy.flooding)
        more = () if flood is None else (conversation.finding(asked.text, *flood),)
        ruled = self.rulings.ruled(batch.connection, asked, decision, setting, batch.now, more)
        case_id = None
        if ruled.decision.action is not Action.PASS:
            case_id, answer = self._open(asked, ruled, Origin.FLAG, batch)
        elif self._is_drawn(key):
            case_id, answer = self._open(asked, ruled, Origin.SAMPLE, batch)
        else:
            answer = ruled.decision.to_dict()
        row = self._fingerprints.add(trace, key, case_id, batch.now)
        batch.seen.append(row)
        if key is not None:
            batch.known[key] = row | {"answer": answer}
        self._listen(asked, row["id"], batch)
        return answer

    def _listen(self, asked: Asked, number: int, batch: _Batch) -> None:
        """Let a message be heard where the policy of its group asks for answers."""
        group = batch.groups.get(asked.group_id or "")
        if self._ears is None or group is None or asked.sender_id is None:
            return
        policy = self.rulings.policy_of(group)
        if self._ears.listens(policy):
            message_id = asked.message_id or f"#{number}"
            batch.heard.append(Heard(asked, message_id, asked.sent_at or batch.now))

    def _is_drawn(self, key: int | None) -> bool:
        """Return whether a passed message belongs to the sample: by its id, else by its number, never its text."""
        if not self.sample_rate:
            return False
        name = f"n{self._fingerprints.last_id + 1}" if key is None else f"m{key}"
        return keyed(self.key, "sample", name) + 2**63 < self.sample_rate * 2**64

    def _open(
        self, asked: Asked, ruled: Ruled, origin: Origin, batch: _Batch
    ) -> tuple[str, dict[str, Any]]:
        """Put a case into the batch; return it and the answer."""
        if origin is not Origin.FLAG:  # where nothing was found, the role was not looked up
            sender_role = role(batch.connection, asked, batch.now)
            ruled = replace(ruled, setting=replace(ruled.setting, sender_role=sender_role))
        lexicon = batch.lexicons.named(ruled.decision.lexicon)
        rate = self.sample_rate if origin is Origin.SAMPLE else None
        return batch.opening.add(asked, ruled, origin, lexicon, rate)

    def _again(
        self, asked: Asked, decision: Decision, trace: Trace, row: Any, batch: _Batch
    ) -> Answer:
        """Answer a message id that was seen before: the same decision, or a conflict."""
        if row["exact"] != trace.exact:
            return ConflictError(f"message_id {asked.message_id!r} was used for another text")
        if "answer" in row:
            return dict(row["answer"])
        stored = None
        if row["case_id"] is not None:
            stored = batch.connection.execute(
                select(cases.c.decision).where(
                    cases.c.case_id == row["case_id"], cases.c.origin == Origin.FLAG.value
                )
            ).scalar()
        if stored is not None:
            return dict(stored)
        silent = self.rulings.setting(asked, batch.groups).policy.silent
        passed = replace(decision, action=Action.PASS, findings=(), degraded=(), ruling=silent)
        return passed.to_dict()


def recall(
    connection: Connection, key: bytes, group_id: str | None, message_id: str, now: datetime
) -> str | None:
    """Mark a message as recalled by its sender; return its case, None where it had passed.

    That a passed message was drawn for the sample, or reported, is not told.

    Raises:
        UnknownMessageError: no message with this id has come in.
    """
    number = message_key(key, group_id, message_id)
    row = connection.execute(
        select(seen.c.case_id, seen.c.recalled).where(seen.c.message_key == number)
    ).first()
    if row is None:
        raise UnknownMessageError(f"no message {message_id!r} in this group")
    if not row.recalled:
        connection.execute(update(seen).where(seen.c.message_key == number).values(recalled=True))
        turns.forget(connection, group_id, message_id, now)
        if row.case_id is not None:
            connection.execute(
                update(cases).where(cases.c.case_id == row.case_id).values(recalled_at=now)
            )
            audit.append(connection, now, [audit.Change(INTAKE, "case.recall", row.case_id, {})])
    flagged = select(cases.c.case_id).where(
        cases.c.case_id == row.case_id, cases.c.origin == Origin.FLAG.value
    )
    return connection.execute(flagged).scalar()

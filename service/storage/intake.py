"""What `/v1/classify` leaves behind: a fingerprint of every message, a case of every flagged one.

    messages judged ─ seen before? ─ group and policy ─ window ─ sender's record ─ case ─ answer

One transaction for all messages that wait. An answer exists only once it is committed: what was
acknowledged is in the database, and what is not in the database was answered with an error.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from moderation import conversation, normalize
from moderation.conversation import LONGEST, Trace, Window, keyed, near_prints
from moderation.errors import UnknownNameError
from moderation.lexiconwatch import LexiconWatch
from moderation.pipeline import settle
from moderation.policy import KINDS_BY_WEIGHT, Circumstances, Policy
from moderation.policyfiles import PolicyBook
from moderation.types import Action, Decision, Finding, GroupKind, SenderRole
from service.asked import Asked
from service.cases import Origin
from service.masking import mask_decision
from service.storage import audit, roster, snapshots
from service.storage.casebook import confirmed_counts
from service.storage.columns import to_ms
from service.storage.database import StorageError
from service.storage.schema import case_labels, cases, seen

INTAKE = "intake"
"""Actor of what happens by itself when a message comes in."""
LATENESS = timedelta(days=1)
"""A message said to be sent longer ago than this, or in the future, counts for the window as sent now."""


class ConflictError(Exception):
    """A message id that was used before for another text."""


class UnknownMessageError(StorageError):
    """No message with this id has come in."""


Answer = dict[str, Any] | ConflictError

# Built once: on the busy path building a statement costs as much as running it.
_TRACE = (seen.c.id, seen.c.group_key, seen.c.sender_key, seen.c.exact, seen.c.near, seen.c.at)
_NEWER = select(*_TRACE).where(seen.c.id > bindparam("last")).order_by(seen.c.id)
_RECENT = select(*_TRACE).where(seen.c.received_at >= bindparam("since")).order_by(seen.c.id)
_NEWEST = select(seen.c.id).order_by(seen.c.id.desc()).limit(1)
_INSERT_SEEN = insert(seen)
_KNOWN = select(seen.c.message_key, seen.c.exact, seen.c.case_id, seen.c.received_at).where(
    seen.c.message_key.in_(bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what a message is ruled: what the caller says, else the roster, else the defaults.

    `sender_role` is looked up in the roster only for a message in which something was found.
    """

    policy: Policy
    group_kind: GroupKind
    sender_role: SenderRole = SenderRole.STAFF
    degraded: tuple[str, ...] = ()


@dataclass(slots=True)
class _Batch:
    """What one transaction learns and writes."""

    connection: Connection
    now: datetime
    lexicons: LexiconWatch
    known: dict[int, Any]
    groups: dict[str, roster.Group]
    seen: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    changes: list[audit.Change] = field(default_factory=list)


class Intake:
    """Records batches. Keeps the window of the last hour in memory and follows what other processes write."""

    def __init__(
        self, policies: PolicyBook, default_policy: str, key: bytes, sample_rate: float = 0.0
    ) -> None:
        self.policies = policies
        self.default_policy = default_policy
        self.key = key
        self.sample_rate = sample_rate
        self._snapshots = snapshots.Snapshots(policies)
        self._window = Window()
        self._last_id = 0
        self._keyed = lru_cache(maxsize=65_536)(partial(keyed, key))

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
        traces = self._traces(asked, now)
        keys = [message_key(self.key, one.group_id, one.message_id) for one in asked]
        batch = _Batch(
            connection=connection,
            now=now,
            lexicons=lexicons,
            known=_known(connection, [key for key in keys if key is not None]),
            groups=_groups(connection, asked),
        )
        self._catch_up(connection, now)
        answers: list[Answer] = []
        for (one, decision), trace, key in zip(items, traces, keys, strict=True):
            if key is not None and key in batch.known:
                answers.append(self._again(one, decision, trace, batch.known[key], batch))
            else:
                answers.append(self._first(one, decision, trace, key, batch))
        _write(batch)
        return answers

    def preview(
        self, connection: Connection, asked: Asked, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return the answer to a message that leaves no trace (`dry_run`)."""
        return self.rule(connection, [(asked, decision, ())], now)[0].to_dict()

    def rule(
        self,
        connection: Connection,
        items: Sequence[tuple[Asked, Decision, tuple[Finding, ...]]],
        now: datetime,
    ) -> list[Decision]:
        """Return decisions, with findings of the conversation, under policy and record; record nothing."""
        groups = _groups(connection, [asked for asked, *_ in items])
        return [
            self._ruled(connection, asked, decision, self._setting(asked, groups), now, more)[0]
            for asked, decision, more in items
        ]

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
        batch = _Batch(connection, now, lexicons, {}, _groups(connection, [asked]))
        setting = self._setting(asked, batch.groups)
        ruled, setting, counts = self._ruled(connection, asked, decision, setting, now, ())
        setting = replace(setting, sender_role=_role(connection, asked, now))
        case_id = _new_id(now, 0)
        ruled = replace(ruled, case_id=case_id)
        self._open(asked, ruled, setting, counts, case_id, origin, batch)
        _write(batch)
        return case_id

    def forget(self) -> None:
        """Drop the window; it is read again from the database."""
        self._window, self._last_id = Window(), 0

    def _first(
        self, asked: Asked, decision: Decision, trace: Trace, key: int | None, batch: _Batch
    ) -> dict[str, Any]:
        """Rule on a message that was not seen before; open a case if it is flagged."""
        connection, now = batch.connection, batch.now
        setting = self._setting(asked, batch.groups)
        flood = None
        if asked.sender_id is not None and asked.group_id is not None:
            flood = self._window.floods(trace, len(asked.text), setting.policy.flooding)
        more = () if flood is None else (conversation.finding(asked.text, *flood),)
        decision, setting, counts = self._ruled(connection, asked, decision, setting, now, more)
        self._last_id += 1
        case_id = None
        if decision.action is not Action.PASS:
            case_id = _new_id(now, len(batch.cases))
            decision = replace(decision, case_id=case_id)
            self._open(asked, decision, setting, counts, case_id, Origin.FLAG, batch)
        elif self._is_drawn(key):
            case_id = _new_id(now, len(batch.cases))  # the answer does not name it
            setting = replace(setting, sender_role=_role(connection, asked, now))
            self._open(asked, decision, setting, counts, case_id, Origin.SAMPLE, batch)
        self._window.add(trace)
        answer = decision.to_dict()
        row = {
            "id": self._last_id,
            "message_key": key,
            "group_key": trace.group,
            "sender_key": trace.sender,
            "exact": trace.exact,
            "near": trace.near,
            "at": trace.at,
            "received_at": to_ms(now),
            "case_id": case_id,
            "recalled": False,
        }
        batch.seen.append(row)
        if key is not None:
            batch.known[key] = row | {"answer": answer}
        return answer

    def _is_drawn(self, key: int | None) -> bool:
        """Return whether a passed message belongs to the sample: by its id, else by its number, never its text."""
        if not self.sample_rate:
            return False
        name = f"n{self._last_id}" if key is None else f"m{key}"
        return keyed(self.key, "sample", name) + 2**63 < self.sample_rate * 2**64

    def _open(
        self,
        asked: Asked,
        decision: Decision,
        setting: Setting,
        counts: dict[str, int],
        case_id: str,
        origin: Origin,
        batch: _Batch,
    ) -> None:
        """Put a case into the batch, with policy and lexicon as they are now."""
        lexicon = batch.lexicons.named(decision.lexicon)
        self._snapshots.keep(batch.connection, batch.now, setting.policy, lexicon)
        row = _case(asked, decision, setting, counts, batch.now) | {
            "case_id": case_id,
            "origin": origin.value,
            "rate": self.sample_rate if origin is Origin.SAMPLE else None,
        }
        batch.cases.append(row)
        batch.labels += [{"case_id": case_id, "label": label} for label in row["found"]]
        detail = {"action": row["action"], "labels": row["found"], "model": decision.model}
        verb = "case.sample" if origin is Origin.SAMPLE else "case.open"
        batch.changes.append(audit.Change(INTAKE, verb, case_id, detail))

    def _ruled(
        self,
        connection: Connection,
        asked: Asked,
        decision: Decision,
        setting: Setting,
        now: datetime,
        more: tuple[Finding, ...],
    ) -> tuple[Decision, Setting, dict[str, int]]:
        """Return the decision, masked, the setting with the sender's role, and what his record counts."""
        if setting.degraded:
            decision = replace(decision, degraded=(*decision.degraded, *setting.degraded))
        silent = setting.policy.silent
        if not (decision.findings or more or decision.degraded):
            same = decision.ruling is silent
            return (decision if same else replace(decision, ruling=silent)), setting, {}
        setting = replace(setting, sender_role=_role(connection, asked, now))
        counts: dict[str, int] = {}
        if asked.occurrence is not None:
            counts = {rule.article: asked.occurrence - 1 for rule in setting.policy.rules}
        elif asked.sender_id is not None:
            counts = confirmed_counts(
                connection, asked.sender_id, setting.policy, asked.sent_at or now
            )
        circumstances = Circumstances(setting.group_kind, setting.sender_role, counts)
        settled = settle(decision, setting.policy, circumstances, more)
        return mask_decision(asked.text, settled), setting, counts

    def _setting(self, asked: Asked, groups: dict[str, roster.Group]) -> Setting:
        group = groups.get(asked.group_id or "")
        kind = asked.group_kind or (group.kind if group else GroupKind.WORK)
        wanted = asked.policy or (group.policy if group else None) or self.default_policy
        try:
            return Setting(self.policies[wanted], kind)
        except UnknownNameError:
            if asked.policy is not None:
                raise
            default = self.policies[self.default_policy]
            return Setting(default, kind, degraded=("policy",))

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
        if stored is None:
            setting = self._setting(asked, batch.groups)
            passed = replace(
                decision,
                action=Action.PASS,
                findings=(),
                degraded=(),
                ruling=setting.policy.silent,
            )
            return passed.to_dict()
        return dict(stored)

    def _catch_up(self, connection: Connection, now: datetime) -> None:
        """Read what other processes have recorded since; as the only writer we see all of it."""
        since = to_ms(now) - LONGEST * 1000
        if self._last_id:
            rows = connection.execute(_NEWER, {"last": self._last_id})
        else:
            rows = connection.execute(_RECENT, {"since": since})
            self._last_id = connection.execute(_NEWEST).scalar() or 0
        for row in rows:
            self._last_id = max(self._last_id, row.id)
            self._window.add(Trace(row.group_key, row.sender_key, row.exact, row.near, row.at))
        self._window.forget(since)

    def _traces(self, asked: Sequence[Asked], now: datetime) -> list[Trace]:
        nears = near_prints([one.text for one in asked], self.key)
        return [
            Trace(
                group=self._keyed("group", one.group_id or ""),
                sender=self._keyed("sender", one.sender_id or ""),
                exact=keyed(self.key, "text", one.text),
                near=near,
                at=to_ms(_window_time(one.sent_at, now)),
            )
            for one, near in zip(asked, nears, strict=True)
        ]


def _case(
    asked: Asked, decision: Decision, setting: Setting, counts: dict[str, int], now: datetime
) -> dict[str, Any]:
    """Return the row of a case but for its id and origin."""
    return {
        "opened_at": now,
        "group_id": asked.group_id,
        "message_id": asked.message_id,
        "sender_id": asked.sender_id,
        "reply_to": asked.reply_to,
        "sent_at": asked.sent_at or now,
        "text": asked.text,
        "action": decision.action.value,
        "decision": decision.to_dict(),
        "found": list(dict.fromkeys(finding.label for finding in decision.findings)),
        "group_kind": setting.group_kind.value,
        "sender_role": setting.sender_role.value,
        "policy_id": setting.policy.id,
        "policy_version": setting.policy.version,
        "lexicon_version": decision.lexicon,
        "normalizer_version": normalize.version(),
        "counted": counts,
        "rank": -gravity(decision),
        "certainty": max((finding.score for finding in decision.findings), default=0.0),
        "state": "open",
        "labels": [],
        "opinion_wanted": False,
        "steps": 0,
    }


def _write(batch: _Batch) -> None:
    connection = batch.connection
    if batch.cases:
        connection.execute(insert(cases), batch.cases)
        audit.append(connection, batch.now, batch.changes)
    if batch.labels:
        connection.execute(insert(case_labels), batch.labels)
    if batch.seen:
        connection.execute(_INSERT_SEEN, batch.seen)


def message_key(key: bytes, group_id: str | None, message_id: str | None) -> int | None:
    """Return the keyed number of a message id in its group, None for a message without one."""
    if message_id is None:
        return None
    return keyed(key, "message", group_id or "", message_id)


def gravity(decision: Decision) -> int:
    """Return how grave a case is, for the order of the queue: a block before a review, then the penalty.

    What passed comes last.
    """
    if decision.action is Action.PASS:
        return -1
    penalty = decision.ruling.penalty
    weight = KINDS_BY_WEIGHT.index(penalty.kind) if penalty else 0
    return weight + (10 if decision.action is Action.BLOCK else 0)


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
        if row.case_id is not None:
            connection.execute(
                update(cases).where(cases.c.case_id == row.case_id).values(recalled_at=now)
            )
            audit.append(connection, now, [audit.Change(INTAKE, "case.recall", row.case_id, {})])
    flagged = select(cases.c.case_id).where(
        cases.c.case_id == row.case_id, cases.c.origin == Origin.FLAG.value
    )
    return connection.execute(flagged).scalar()


def _new_id(now: datetime, number: int) -> str:
    """Return an id for the `number`-th case of a transaction: in the order of coming in."""
    return f"c{to_ms(now):011x}{number:03x}{secrets.token_hex(4)}"


def _role(connection: Connection, asked: Asked, now: datetime) -> SenderRole:
    """Return the sender's role: as the caller says, else as in the group at the time of the message."""
    if asked.sender_role is not None:
        return asked.sender_role
    if asked.group_id is None or asked.sender_id is None:
        return SenderRole.STAFF
    at = asked.sent_at or now
    member = roster.member_at(connection, asked.group_id, asked.sender_id, at)
    return member.role if member else SenderRole.STAFF


def _known(connection: Connection, keys: list[int]) -> dict[int, Any]:
    if not keys:
        return {}
    rows = connection.execute(_KNOWN, {"keys": keys})
    return {row.message_key: row._mapping for row in rows}


def _groups(connection: Connection, asked: Iterable[Asked]) -> dict[str, roster.Group]:
    ids = sorted({one.group_id for one in asked if one.group_id is not None})
    return {group.group_id: group for group in roster.groups_at(connection, ids)} if ids else {}


def _window_time(sent_at: datetime | None, now: datetime) -> datetime:
    if sent_at is None or sent_at > now or now - sent_at > LATENESS:
        return now
    return sent_at.astimezone(UTC)

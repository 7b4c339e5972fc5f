"""A challenger that judges beside the champion and never acts.

    answers given ─ queue of a few batches ─ thread: challenger judges, ruled alike ─ counts ─ table

The queue is bounded: a batch that finds it full is counted as missed, and no answer ever waits.
What is asked of the challenger is what the champion was asked: the same terms, the same policy, the
same flood in the conversation; what was answered from memory or by a detector in disorder is left out.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moderation import Decision, Moderator, conversation
from moderation.artifacts import load_model
from moderation.errors import ModerationError
from moderation.registry import CHALLENGER, Registry
from moderation.types import Action, Finding
from service.asked import Asked
from service.storage import shadows
from service.storage.database import Database, StorageError
from service.storage.fingerprints import message_key
from service.storage.intake import Answer, Intake
from service.storage.shadows import Difference, Tally

MAX_WAITING = 32
"""Batches that may wait for the challenger."""
CHECK_SECONDS = 1.0
"""How often the alias is looked at, and counts are written."""

Item = tuple[Asked, Decision, dict[str, Any]]
Versions = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Batch:
    challenger: str
    items: list[Item]


class Shadow:
    """Lets the version that the alias `challenger` names judge what the champion has answered."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        moderator: Moderator,
        registry: Registry,
        waiting: int = MAX_WAITING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.intake = intake
        self.moderator = moderator
        self.registry = registry
        self._clock = clock
        self._queue: queue.Queue[_Batch | None] = queue.Queue(waiting)
        self._thread: threading.Thread | None = None
        self._challenger: str | None = None
        self._checked = -CHECK_SECONDS
        self._rival: tuple[str, Moderator | None] = "", None
        self._unloadable: str | None = None
        self._unwritten: str | None = None
        self._missed: dict[Versions, int] = defaultdict(int)
        self._missing = threading.Lock()
        self._tallies: dict[Versions, Tally] = defaultdict(Tally)
        self._differences: dict[Versions, list[Difference]] = defaultdict(list)
        self._written = clock()

    @property
    def problem(self) -> str | None:
        """Return why the challenger does not judge, or its counts do not reach the table."""
        return self._unloadable or self._unwritten

    def offer(self, items: Sequence[tuple[Asked, Decision]], answers: Sequence[Answer]) -> None:
        """Hand over a batch that was answered; never waits."""
        challenger = self._named()
        if challenger is None:
            return
        fresh = [
            (asked, decision, answer)
            for (asked, decision), answer in zip(items, answers, strict=True)
            if isinstance(answer, dict) and _is_of(decision, answer)
        ]
        if not fresh:
            return
        try:
            self._queue.put_nowait(_Batch(challenger, fresh))
        except queue.Full:
            with self._missing:
                for _, decision, _ in fresh:
                    self._missed[decision.model, challenger] += 1
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Let the challenger finish what waits and write its counts."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _named(self) -> str | None:
        """Return the challenger's version, after a look at the alias at most once a second."""
        if self._clock() - self._checked >= CHECK_SECONDS:
            self._checked = self._clock()
            self._challenger = self.registry.alias(CHALLENGER)
        return self._challenger

    def _run(self) -> None:
        while True:
            try:
                batch = self._queue.get(timeout=CHECK_SECONDS if self._tallies else None)
            except queue.Empty:
                self._write()
                continue
            if batch is None:
                self._write()
                return
            self._judge(batch)
            if self._clock() - self._written >= CHECK_SECONDS:
                self._write()

    def _judge(self, batch: _Batch) -> None:
        """Let the challenger judge a batch; what it cannot be asked is not counted."""
        rival = self._loaded(batch.challenger)
        if rival is None:
            return
        messages = [asked.message() for asked, *_ in batch.items]
        made = rival.moderate(messages, with_evidence=False)
        pairs = [
            (item, other)
            for item, other in zip(batch.items, made, strict=True)
            if other.lexicon == item[1].lexicon and not other.degraded
        ]
        try:
            ruled = self._ruled(pairs)
        except ModerationError as error:
            self._unwritten = str(error)
            return
        for (item, _), other in zip(pairs, ruled, strict=True):
            self._compare(item, other, batch.challenger)

    def _ruled(self, pairs: list[tuple[Item, Decision]]) -> list[Decision]:
        """Return the challenger's decisions under each message's policy; no look-up where nothing is found."""
        asked = {
            number: (item[0], other, _floods(item[2]))
            for number, (item, other) in enumerate(pairs)
            if other.findings or item[2]["findings"]
        }
        out = [other for _, other in pairs]
        if asked:
            with self.database.read() as connection:
                ruled = self.intake.rulings.rule(
                    connection, list(asked.values()), datetime.now(UTC)
                )
            for number, decision in zip(asked, ruled, strict=True):
                out[number] = decision
        return out

    def _compare(self, item: Item, other: Decision, challenger: str) -> None:
        asked, decision, answer = item
        versions = decision.model, challenger
        old = {finding["label"] for finding in answer["findings"]}
        new = {finding.label for finding in other.findings}
        if self._tallies[versions].count((answer["action"], old), (other.action.value, new)):
            return
        self._differences[versions].append(
            Difference(
                case_id=answer["case_id"],
                message_key=message_key(self.intake.key, asked.group_id, asked.message_id),
                at=datetime.now(UTC),
                action=other.action.value,
                old=tuple(sorted(old)),
                new=tuple(sorted(new)),
            )
        )

    def _write(self) -> None:
        """Add the counts to the table; what a database out of reach refuses waits for the next time."""
        self._written = self._clock()
        with self._missing:
            for versions, count in self._missed.items():
                self._tallies[versions].missed += count
            self._missed.clear()
        try:
            for versions, tally in list(self._tallies.items()):
                with self.database.write() as connection:
                    found = self._differences[versions]
                    shadows.add(connection, datetime.now(UTC), versions, tally, found)
                del self._tallies[versions], self._differences[versions]
            self._unwritten = None
        except StorageError as error:
            self._unwritten = str(error)

    def _loaded(self, version: str) -> Moderator | None:
        """Return the challenger, loaded when another version is named; None where it cannot be."""
        if self._rival[0] != version:
            self._rival, self._unloadable = (version, None), None
            own = self.moderator
            try:
                model = load_model(self.registry.resolve(version))
            except (ModerationError, OSError) as error:
                self._unloadable = f"challenger not loaded: {error}"
            else:
                rival = Moderator(model, own.policies, own.lexicon, compiled=own.compiled)
                self._rival = version, rival
        return self._rival[1]


def _is_of(decision: Decision, answer: dict[str, Any]) -> bool:
    """Return whether an answer is this decision's: no repeat of an earlier one, no detector in disorder."""
    return answer["request_id"] == decision.request_id and not answer["degraded"]


def _floods(answer: dict[str, Any]) -> tuple[Finding, ...]:
    """Return what the conversation added to the champion's answer: it holds for any model."""
    return tuple(
        Finding(one["label"], one["category"], one["score"], one["source"], Action.REVIEW)
        for one in answer["findings"]
        if one["source"] == conversation.SOURCE
    )

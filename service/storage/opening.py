"""Cases as they are opened: row, labels, history, and the texts of the policy and the terms they hang on."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from moderation import normalize
from moderation.lexicon import Lexicon
from moderation.policy import KINDS_BY_WEIGHT, Policy
from moderation.types import Action, Decision
from service.asked import Asked
from service.cases import Origin
from service.storage import audit
from service.storage.columns import to_ms
from service.storage.rulings import Ruled
from service.storage.schema import case_labels, cases
from service.storage.snapshots import Snapshots

INTAKE = "intake"
"""Actor of what happens by itself when a message comes in."""

# Built once: on the busy path building a statement costs as much as running it.
_INSERT_CASES = insert(cases)
_INSERT_LABELS = insert(case_labels)


class Opening:
    """The cases that one transaction opens; `write` puts them into the database together."""

    def __init__(self, connection: Connection, now: datetime, snapshots: Snapshots) -> None:
        self.connection = connection
        self.now = now
        self.snapshots = snapshots
        self._cases: list[dict[str, Any]] = []
        self._labels: list[dict[str, Any]] = []
        self._changes: list[audit.Change] = []
        self._kept: set[tuple[str, str | None]] = set()

    def add(
        self,
        asked: Asked,
        ruled: Ruled,
        origin: Origin,
        lexicon: Lexicon | None,
        rate: float | None = None,
        party: str | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """Open a case, with policy and lexicon as they are now; return it and the answer that names it.

        `rate` is that of a sample, of which the answer says nothing; `party` is as what a person is
        liable for a breach of a conduct rule.
        """
        self._keep(ruled.setting.policy, lexicon)
        case_id = _new_id(self.now, len(self._cases))
        decision = ruled.decision
        if origin is not Origin.SAMPLE:
            decision = replace(decision, case_id=case_id)
        row = _case(asked, decision, ruled, self.now) | {
            "case_id": case_id,
            "origin": origin.value,
            "rate": rate,
            "party": party,
        }
        self._cases.append(row)
        self._labels += [{"case_id": case_id, "label": label} for label in row["found"]]
        detail = {"action": row["action"], "labels": row["found"], "model": decision.model}
        verb = "case.sample" if origin is Origin.SAMPLE else "case.open"
        self._changes.append(audit.Change(INTAKE, verb, case_id, detail))
        return case_id, row["decision"]

    def write(self) -> None:
        """Write everything that was added."""
        if self._cases:
            self.connection.execute(_INSERT_CASES, self._cases)
            audit.append(self.connection, self.now, self._changes)
        if self._labels:
            self.connection.execute(_INSERT_LABELS, self._labels)

    def _keep(self, policy: Policy, lexicon: Lexicon | None) -> None:
        """See to it, once in the transaction, that these versions can be read again."""
        versions = policy.version, None if lexicon is None else lexicon.version
        if versions not in self._kept:
            self.snapshots.keep(self.connection, self.now, policy, lexicon)
            self._kept.add(versions)


def _gravity(decision: Decision) -> int:
    """Return how grave a case is, for the order of the queue: a block before a review, then the penalty.

    What passed comes last.
    """
    if decision.action is Action.PASS:
        return -1
    penalty = decision.ruling.penalty
    weight = KINDS_BY_WEIGHT.index(penalty.kind) if penalty else 0
    return weight + (10 if decision.action is Action.BLOCK else 0)


def _new_id(now: datetime, number: int) -> str:
    """Return an id for the `number`-th case of a transaction: in the order of coming in."""
    return f"c{to_ms(now):011x}{number:03x}{secrets.token_hex(4)}"


def _case(asked: Asked, decision: Decision, ruled: Ruled, now: datetime) -> dict[str, Any]:
    """Return the row of a case but for its id and origin."""
    setting = ruled.setting
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
        "counted": ruled.counts,
        "rank": -_gravity(decision),
        "certainty": max((finding.score for finding in decision.findings), default=0.0),
        "state": "open",
        "labels": [],
        "opinion_wanted": False,
        "steps": 0,
    }

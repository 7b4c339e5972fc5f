"""Decide a case again from what was recorded of it, and say whether the same comes out.

    text, model, lexicon, policy of that time ─ moderate ─ flooding and record as counted then ─ compare

What the database and the model folder no longer hold cannot be replayed, and the reason is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from moderation import Decision, Finding, Message, Moderator, normalize
from moderation.artifacts import Model, load_model
from moderation.conversation import SOURCE
from moderation.errors import ModerationError
from moderation.lexiconwatch import FixedLexicon
from moderation.pipeline import settle
from moderation.policy import Circumstances, Policy
from moderation.policyfiles import PolicyBook
from moderation.registry import Registry
from moderation.types import Action, Evidence, GroupKind, SenderRole
from service.cases import Origin
from service.masking import mask_decision
from service.storage.casebook import case_row
from service.storage.database import Database, StorageError
from service.storage.snapshots import Snapshots, lexicon

PER_REQUEST = ("request_id",)
"""Fields of a decision that are another's each time it is made."""
SETTING = ("policy",)
"""Degradations that come from the setting of a message, not from a detector that failed."""


class Outcome(StrEnum):
    """What a replay comes to."""

    SAME = "same"
    DIFFERENT = "different"
    IMPOSSIBLE = "impossible"


class CannotReplayError(ModerationError):
    """Something that the decision was made from is there no more."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the decision that comes out differently."""

    field: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to: `differences` where it is different, `reason` where it is impossible."""

    case_id: str
    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return {
            "case_id": self.case_id,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "differences": [
                {"field": one.field, "recorded": one.recorded, "replayed": one.replayed}
                for one in self.differences
            ],
        }


def replay(
    database: Database, case_id: str, registry: Registry, model: str | None = None
) -> Replayed:
    """Decide a case again; `model` is the one in use, which may stand outside the registry.

    Raises:
        UnknownCaseError: no such case.
    """
    with database.read() as connection:
        row = case_row(connection, case_id)
        try:
            _must_be_whole(row)
            policy = Snapshots(()).policy(connection, row.policy_version)
            terms = FixedLexicon(lexicon(connection, row.lexicon_version))
        except (CannotReplayError, StorageError) as error:
            return Replayed(case_id, Outcome.IMPOSSIBLE, reason=str(error))
    try:
        moderator = Moderator(
            _model(row.decision["model"], registry, model), PolicyBook([policy]), terms
        )
    except CannotReplayError as error:
        return Replayed(case_id, Outcome.IMPOSSIBLE, reason=str(error))
    found = tuple(_differences(row.decision, _decide(moderator, policy, row).to_dict()))
    failed = [name for name in row.decision["degraded"] if name not in SETTING]
    if found and failed:
        reason = f"a detector was out of order then: {', '.join(failed)}"
        return Replayed(case_id, Outcome.IMPOSSIBLE, reason=reason)
    return Replayed(case_id, Outcome.DIFFERENT if found else Outcome.SAME, found)


def _must_be_whole(row: Any) -> None:
    if row.origin == Origin.CONDUCT.value:
        raise CannotReplayError("it is about a duty that was not met, not about a message's words")
    if row.erased_at is not None:
        raise CannotReplayError("the text was erased")
    if row.normalizer_version != normalize.version():
        raise CannotReplayError(
            f"the text was read by normaliser {row.normalizer_version}, this is {normalize.version()}"
        )
    if not row.lexicon_version:
        raise CannotReplayError("the lexicon was out of order then")


def _model(version: str, registry: Registry, in_use: str | None) -> Model:
    """Return the model of a version: the one in use, or one of the registry."""
    for name in (in_use, version):
        try:
            model = load_model(registry.resolve(name))
        except ModerationError:
            continue
        if model.version == version:
            return model
    raise CannotReplayError(f"model {version} is not in the folder of models")


def _decide(moderator: Moderator, policy: Policy, row: Any) -> Decision:
    """Return the decision on a recorded message, as the service makes and stores it."""
    message = Message(row.text, row.message_id, policy=policy.id)
    made = moderator.moderate([message])[0]
    setting = [name for name in row.decision["degraded"] if name in SETTING]
    made = replace(made, degraded=(*made.degraded, *setting), case_id=row.decision["case_id"])
    circumstances = Circumstances(
        GroupKind(row.group_kind), SenderRole(row.sender_role), row.counted
    )
    settled = settle(made, policy, circumstances, _conversation(row.decision, row.text))
    return mask_decision(row.text, settled)


def _conversation(decision: dict[str, Any], text: str) -> list[Finding]:
    """Return what the conversation had added: the messages before are not kept, the finding is."""
    return [
        Finding(
            label=finding["label"],
            category=finding["category"],
            score=finding["score"],
            source=SOURCE,
            strength=Action.REVIEW,
            evidence=tuple(
                Evidence(p["start"], p["end"], text[p["start"] : p["end"]], text, p["reason"])
                for p in finding["evidence"]
            ),
        )
        for finding in decision["findings"]
        if finding["source"] == SOURCE
    ]


def _differences(recorded: dict[str, Any], replayed: dict[str, Any]) -> Iterator[Difference]:
    for field, value in recorded.items():
        if field not in PER_REQUEST and replayed[field] != value:
            yield Difference(field, value, replayed[field])

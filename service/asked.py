"""A message as the caller asked about it, before group, roster and record fill in what was left open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from moderation.types import GroupKind, Message, SenderRole


@dataclass(frozen=True, slots=True)
class Asked:
    """A message as it was asked about; None is what the caller left open."""

    text: str
    message_id: str | None = None
    group_id: str | None = None
    group_kind: GroupKind | None = None
    sender_id: str | None = None
    sender_role: SenderRole | None = None
    sent_at: datetime | None = None
    reply_to: str | None = None
    policy: str | None = None
    occurrence: int | None = None

    def message(self) -> Message:
        """Return what the detectors need; the ruling is made here, where the record is known."""
        return Message(self.text, self.message_id)

"""The penalty ledger: confirmed breaches -> which occurrence each is and what its policy asks. Pure.

    breaches ─ in the order of their messages ─ earlier ones per person, policy and article ─ rulings

It is computed from the confirmed cases and nothing else, so any order of confirming, rejecting,
undoing and appealing ends in the same record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from moderation.errors import ModerationError
from moderation.policy import Circumstances, Policy, decide, decide_conduct
from moderation.types import GroupKind, Penalty, Ruling, SenderRole


class AmountError(ModerationError):
    """A sum of money outside what the policy states."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A confirmed case as the ledger sees it; `at` is when the message was sent.

    `party` is as what the person is liable where a rule of conduct was broken, whose id is then the only
    label: such a breach costs the same each time.
    """

    case_id: str
    person: str | None
    policy: Policy
    labels: tuple[str, ...]
    at: datetime
    group_kind: GroupKind = GroupKind.WORK
    sender_role: SenderRole = SenderRole.STAFF
    party: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A breach with its ruling; `occurrences` tells per article which occurrence it is."""

    breach: Breach
    ruling: Ruling
    occurrences: dict[str, int]

    @property
    def penalty(self) -> Penalty | None:
        """Return what the policy asks, None where it states nothing."""
        return self.ruling.penalty


def record(breaches: Iterable[Breach]) -> list[Entry]:
    """Return the entries of all breaches, by time of their messages, then by case."""
    earlier: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    entries = []
    for breach in sorted(breaches, key=lambda one: (one.at, one.case_id)):
        entry = _entry(breach, earlier)
        entries.append(entry)
        if breach.person is not None:
            for article in entry.occurrences:
                earlier[breach.person, breach.policy.id, article].append(breach.at)
    return entries


def _entry(breach: Breach, earlier: dict[tuple[str, str, str], list[datetime]]) -> Entry:
    if breach.party is not None:
        return Entry(breach, decide_conduct(breach.labels[0], breach.party, breach.policy), {})
    since = window_start(breach.policy, breach.at)
    counts = {
        rule.article: sum(
            at >= since
            for at in earlier.get((breach.person or "", breach.policy.id, rule.article), ())
        )
        for rule in breach.policy.rules
    }
    circumstances = Circumstances(breach.group_kind, breach.sender_role, counts)
    ruling = decide(breach.labels, breach.policy, circumstances)
    return Entry(
        breach,
        ruling,
        {broken.article: circumstances.occurrence(broken.article) for broken in ruling.articles},
    )


def window_start(policy: Policy, at: datetime) -> datetime:
    """Return from when on earlier breaches count at `at`."""
    try:
        if policy.window_days is not None:
            return at - timedelta(days=policy.window_days)
    except OverflowError:  # longer ago than there are dates
        pass
    return datetime.min.replace(tzinfo=UTC)


def amount_due(penalty: Penalty | None, typed: Decimal | None) -> Decimal | None:
    """Return the sum to be paid: 0 where there is no fine, None where a person has yet to type it.

    Raises:
        AmountError: the sum typed is not within what the policy states.
    """
    if penalty is None or penalty.kind != "fine":
        if typed is not None:
            raise AmountError("the policy asks for no fine here, so there is no amount to set")
        return Decimal("0.00")
    if typed is None:
        fixed = penalty.amount is not None and penalty.amount.minimum == penalty.amount.maximum
        return penalty.amount.minimum if fixed and penalty.amount else None
    _check(penalty, typed)
    return typed


def _check(penalty: Penalty, typed: Decimal) -> None:
    if not typed.is_finite() or typed <= 0 or typed != typed.quantize(Decimal("0.01")):
        raise AmountError("an amount is a positive sum of yuan in whole fen")
    if penalty.amount is None:
        return
    low, high = penalty.amount.minimum, penalty.amount.maximum
    if typed < low or (high is not None and typed > high):
        bound = "or more" if high is None else f"to {high:.2f}"
        raise AmountError(f"article {penalty.article} allows {low:.2f} {bound}, not {typed:.2f}")

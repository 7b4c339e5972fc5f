"""A draft policy tried on history: what confirmed cases would be priced under it. Pure.

confirmed cases ─ ledger under the policies of their time ─┐
└ ledger under the draft ──────────────────┴─ differences, sums, per article
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from moderation.policy import Policy
from moderation.types import Penalty
from service import ledger
from service.ledger import AmountError, Breach, Entry


@dataclass(frozen=True, slots=True)
class Past:
    """A confirmed case with the sum that was typed for it, if one was."""

    breach: Breach
    typed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """Fines added up: at least `least` yuan, and `open` fines whose sum the policy leaves to a person."""

    cases: int = 0
    least: Decimal = Decimal("0.00")
    open: int = 0

    def plus(self, penalty: Penalty | None, typed: Decimal | None) -> Sum:
        """Return the sum with one more case."""
        amount = _due(penalty, typed)
        if amount is None:
            low = penalty.amount.minimum if penalty and penalty.amount else Decimal(0)
            return Sum(self.cases + 1, self.least + low, self.open + 1)
        return Sum(self.cases + 1, self.least + amount, self.open)

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return {"cases": self.cases, "least": f"{self.least:.2f}", "open": self.open}


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that the draft prices otherwise."""

    case_id: str
    person: str | None
    at: datetime
    labels: tuple[str, ...]
    before: Penalty | None
    after: Penalty | None

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return {
            "case_id": self.case_id,
            "person": self.person,
            "at": self.at.isoformat(),
            "labels": list(self.labels),
            "before": self.before and self.before.to_dict(),
            "after": self.after and self.after.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """What a draft would have changed; `articles` holds per article the sums before and after."""

    policy: str
    cases: int
    before: Sum
    after: Sum
    articles: dict[str, tuple[Sum, Sum]]
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return {
            "policy": self.policy,
            "cases": self.cases,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "articles": {
                article: {"before": one.to_dict(), "after": other.to_dict()}
                for article, (one, other) in self.articles.items()
            },
            "differences": [one.to_dict() for one in self.differences],
        }


def try_policy(draft: Policy, past: Sequence[Past], since: datetime) -> Trial:
    """Return what `draft` makes of the confirmed cases of its id sent at `since` or later.

    Earlier ones are not priced, but they count for the occurrence of later ones, as in the ledger.
    """
    typed = {one.breach.case_id: one.typed for one in past}
    now = _by_case(past)
    then = _by_case([replace(one, breach=replace(one.breach, policy=draft)) for one in past])
    shown = [case_id for case_id, entry in now.items() if entry.breach.at >= since]
    before, after = Sum(), Sum()
    articles: dict[str, list[Sum]] = defaultdict(lambda: [Sum(), Sum()])
    differences = []
    for case_id in shown:
        one, other = now[case_id].penalty, then[case_id].penalty
        before, after = before.plus(one, typed[case_id]), after.plus(other, typed[case_id])
        for side, penalty in enumerate((one, other)):
            if penalty is not None:
                sums = articles[penalty.article]
                sums[side] = sums[side].plus(penalty, typed[case_id])
        if _price(one) != _price(other):
            breach = now[case_id].breach
            differences.append(
                Difference(case_id, breach.person, breach.at, breach.labels, one, other)
            )
    ordered = {article: (sums[0], sums[1]) for article, sums in sorted(articles.items())}
    return Trial(draft.version, len(shown), before, after, ordered, tuple(differences))


def _by_case(past: Sequence[Past]) -> dict[str, Entry]:
    entries = ledger.record(one.breach for one in past)
    return {entry.breach.case_id: entry for entry in entries}


def _price(penalty: Penalty | None) -> tuple[Any, ...] | None:
    """Return what a penalty costs: not under which article, nor the how-manieth time."""
    return None if penalty is None else (penalty.kind, penalty.amount, penalty.liable)


def _due(penalty: Penalty | None, typed: Decimal | None) -> Decimal | None:
    try:
        return ledger.amount_due(penalty, typed)
    except AmountError:
        return ledger.amount_due(penalty, None)

"""The policy engine: labels found -> articles broken and the penalty to propose. Pure.

    findings ─ which rules cover each label ─ which step of its ladder ─ the heaviest ─ ruling

It reads no clock and no storage and never applies a penalty: a person confirms first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import ClassVar

from moderation.types import Amount, Article, GroupKind, Penalty, Ruling, SenderRole

KINDS_BY_WEIGHT = (
    "none",
    "discretionary",
    "reminder",
    "warning",
    "fine",
    "serious_warning",
    "removal",
)
"""Penalty kinds from lightest to heaviest."""

LIABLE = (
    "sender",
    "group_admin",
    "group_owner",
    "supervisor",
    "responder",
    "member",
    "inviter",
)
"""Who a policy can hold answerable."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a ladder: what a policy states for one occurrence."""

    kind: str
    amount: Amount | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An article with the labels it covers and its ladder; the last step holds for all later occurrences."""

    article: str
    ban: str | None
    labels: tuple[str, ...]
    summary: str
    ladder: tuple[Step, ...]
    liable: tuple[str, ...]
    duty: tuple[str, ...] = ()
    exempt: Mapping[str, frozenset[GroupKind]] = field(default_factory=dict)

    def covers(self, label: str, group_kind: GroupKind) -> bool:
        """Return whether this rule forbids `label` in a group of this kind."""
        return label in self.labels and group_kind not in self.exempt.get(label, frozenset())

    def penalty(self, occurrence: int) -> Penalty:
        """Return what the rule proposes for the `occurrence`-th (from 1) breach."""
        step = self.ladder[min(occurrence, len(self.ladder)) - 1]
        return Penalty(step.kind, step.amount, self.liable, occurrence, self.article, self.duty)


UNITS = ("minutes", "hours", "working_days")
"""What a `Span` counts in."""

CLOCKS = ("working", "always")
"""How minutes and hours of a `Span` pass: standing still outside work hours and on days off, or not."""

ASKERS = ("customer", "staff", "lead")
"""Whose question or word counts; a lead is the group's owner, its admin or a supervisor."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time that a policy gives: `amount` (from 1) of `unit`, one of `UNITS`.

    `str` gives it as policy files write it: `2 working days`.
    """

    amount: int
    unit: str

    MOST: ClassVar[int] = 10_000

    def __post_init__(self) -> None:
        """Raise `ValueError` for a unit that does not exist or an amount outside 1..`MOST`."""
        if self.unit not in UNITS or not 1 <= self.amount <= self.MOST:
            raise ValueError(f"not a span of time: {self.amount} {self.unit}")

    def __str__(self) -> str:
        unit = self.unit.replace("_", " ")
        return f"{self.amount} {unit.removesuffix('s') if self.amount == 1 else unit}"


@dataclass(frozen=True, slots=True)
class ConductRule:
    """An article about how a group is run; each step names who is liable for it.

    `rule` is an id of `moderation.conductrules`, which has the rules' meaning. `within` is how long
    whoever is liable has (None: no time at all), running on `clock`; `remind` is how long before the
    end he is reminded (None: not), `cure` how long after it putting it right still closes the case
    (None: never). `asked_by` is whose question counts. `format` are the names allowed, any of which
    will do, with the fields {company}, {name}, {department} and {text}; empty means the rule's own.
    """

    article: str
    ban: str | None
    rule: str
    summary: str
    penalties: tuple[tuple[Step, tuple[str, ...]], ...]
    within: Span | None = None
    clock: str = "working"
    asked_by: tuple[str, ...] = ASKERS
    format: tuple[str, ...] = ()
    remind: Span | None = None
    cure: Span | None = None

    @property
    def parties(self) -> tuple[str, ...]:
        """Return everybody that some penalty holds liable, each once, in the order of the file."""
        return tuple(dict.fromkeys(party for _, liable in self.penalties for party in liable))

    def step(self, party: str) -> Step | None:
        """Return the first step for which `party` is liable, None where there is none."""
        return next((step for step, liable in self.penalties if party in liable), None)


@dataclass(frozen=True, slots=True)
class FloodRule:
    """From when on messages of one group are flooding, all within `seconds`.

    `repeats` of one text by one sender, `walls` of nearly equal lines by one sender, `burst` messages
    of any content by one sender, or one text of at least `copied_length` characters by `senders`
    people: short ones are how a whole group says 收到. `LONGEST` and `MOST` are the highest values
    that `seconds` and the counts may have.
    """

    seconds: int = 60
    repeats: int = 5
    walls: int = 8
    burst: int = 20
    senders: int = 5
    copied_length: int = 12

    LONGEST: ClassVar[int] = 3600
    MOST: ClassVar[int] = 60


@dataclass(frozen=True)
class Policy:
    """A company's policy; `version` is `id@sha256:` and the start of the hash of its file's `text`.

    `window_days` is how long a confirmed breach counts towards the next occurrence, None for ever.
    """

    id: str
    version: str
    title: str
    date: date | None
    groups: tuple[GroupKind, ...]
    rules: tuple[Rule, ...]
    conduct: tuple[ConductRule, ...] = ()
    cumulative: bool = False
    window_days: int | None = None
    flooding: FloodRule = FloodRule()
    text: str = field(default="", repr=False, compare=False)

    @cached_property
    def silent(self) -> Ruling:
        """Return the ruling on a message in which nothing was found."""
        return Ruling(self.version)

    @cached_property
    def covered(self) -> frozenset[str]:
        """Return every label that some article covers."""
        return frozenset(label for rule in self.rules for label in rule.labels)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What besides the text bears on a ruling.

    `confirmed` counts a sender's confirmed earlier breaches per article; articles not in it count
    as `confirmed_otherwise`.
    """

    group_kind: GroupKind = GroupKind.WORK
    sender_role: SenderRole = SenderRole.STAFF
    confirmed: Mapping[str, int] = field(default_factory=dict)
    confirmed_otherwise: int = 0

    def occurrence(self, article: str) -> int:
        """Return which occurrence (from 1) a new breach of `article` is."""
        return self.confirmed.get(article, self.confirmed_otherwise) + 1


def decide(labels: Iterable[str], policy: Policy, circumstances: Circumstances) -> Ruling:
    """Return every article that `labels` break, the penalty to propose and the labels not covered.

    A label that an article covers but exempts in this kind of group is in `uncovered` and `exempt`.
    """
    found = tuple(dict.fromkeys(labels))
    broken = [
        (rule, hit)
        for rule in policy.rules
        if (hit := tuple(x for x in found if rule.covers(x, circumstances.group_kind)))
    ]
    covered = {label for _, hit in broken for label in hit}
    uncovered = tuple(label for label in found if label not in covered)
    articles = tuple(Article(rule.article, rule.ban, hit, rule.summary) for rule, hit in broken)
    return Ruling(
        policy=policy.version,
        articles=articles,
        penalty=_propose([rule for rule, _ in broken], policy, circumstances),
        uncovered=uncovered,
        exempt=tuple(label for label in uncovered if label in policy.covered),
    )


def decide_conduct(rule: str, party: str, policy: Policy, article: str | None = None) -> Ruling:
    """Return the article and the penalty to propose for one breach of a conduct rule by one `party`.

    The first line for `party` holds; `article` tells apart rows of the same rule. A policy without
    such a line gives no article and no penalty.
    """
    for row in policy.conduct:
        step = row.step(party) if row.rule == rule and article in (None, row.article) else None
        if step is not None:
            penalty = Penalty(step.kind, step.amount, (party,), 1, row.article)
            return Ruling(
                policy=policy.version,
                articles=(Article(row.article, row.ban, (rule,), row.summary),),
                penalty=None if step.kind == "none" else penalty,
            )
    return policy.silent


def _propose(rules: list[Rule], policy: Policy, circumstances: Circumstances) -> Penalty | None:
    """Return the heaviest penalty of `rules`, None where nothing is to be proposed."""
    if circumstances.sender_role is SenderRole.CUSTOMER:
        return None
    penalties = [rule.penalty(circumstances.occurrence(rule.article)) for rule in rules]
    stated = [penalty for penalty in penalties if penalty.kind != "none"]
    if not stated:
        return None
    heaviest = max(stated, key=_weight)
    return _add_fines(heaviest, stated) if policy.cumulative else heaviest


def _weight(penalty: Penalty) -> tuple[int, Decimal, Decimal]:
    """Order penalties by kind, then lower bound, then upper bound ("or more" is above any number)."""
    lowest, highest = Decimal(0), Decimal(0)
    if penalty.amount:
        lowest = penalty.amount.minimum
        highest = Decimal("Infinity")
        if penalty.amount.maximum is not None:
            highest = penalty.amount.maximum
    return KINDS_BY_WEIGHT.index(penalty.kind), lowest, highest


def _add_fines(heaviest: Penalty, stated: list[Penalty]) -> Penalty:
    """Return `heaviest`, its amount the sum of all fines where it is a fine itself."""
    amounts = [penalty.amount for penalty in stated if penalty.kind == "fine"]
    known = [amount for amount in amounts if amount is not None]
    if heaviest.kind != "fine" or len(known) < len(amounts):
        return heaviest
    tops = [amount.maximum for amount in known if amount.maximum is not None]
    total = Amount(
        minimum=sum((amount.minimum for amount in known), Decimal(0)),
        maximum=sum(tops, Decimal(0)) if len(tops) == len(known) else None,
    )
    return Penalty(
        "fine", total, heaviest.liable, heaviest.occurrence, heaviest.article, heaviest.duty
    )

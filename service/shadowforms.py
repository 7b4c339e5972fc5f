"""What is answered about a challenger that judges beside the champion."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.cases import State
from service.masking import dotted
from service.schemas import Answer
from service.storage.shadows import BOTH, GAINED, LOST, Standing


class ActionPair(Answer):
    """Messages that the champion gave one action and the challenger another, or the same."""

    champion: str
    challenger: str
    messages: int


class LabelPair(Answer):
    """Messages in which both find a label, the challenger alone, the champion alone."""

    label: str
    both: int
    newly_flagged: int
    no_longer_flagged: int


class DifferingCase(Answer):
    """A case on which they differ; `labels` is the verdict of a reviewer once `state` is one."""

    case_id: str
    text: str | None
    champion: tuple[str, ...]
    challenger: tuple[str, ...]
    challenger_action: str
    state: State
    labels: tuple[str, ...]

    @classmethod
    def of(cls, row: Any) -> DifferingCase:
        """Return a row of `shadows.behind`, the private parts of its text dotted."""
        return cls(
            case_id=row.case_id,
            text=dotted(row.text, row.decision),
            champion=tuple(row.old),
            challenger=tuple(row.new),
            challenger_action=row.new_action,
            state=State(row.state),
            labels=tuple(row.labels),
        )


class Comparison(Answer):
    """A challenger beside a champion since a time; `missed` messages came too fast for it.

    `agreement` is the share of messages with the same action and the same labels.
    """

    champion: str
    challenger: str
    since: datetime
    until: datetime
    messages: int
    agreed: int
    missed: int
    agreement: float | None
    actions: tuple[ActionPair, ...]
    labels: tuple[LabelPair, ...]
    cases: tuple[DifferingCase, ...]

    @classmethod
    def of(cls, one: Standing, cases: list[Any]) -> Comparison:
        """Return a comparison with the cases behind it."""
        tally = one.tally
        names = sorted({label for label, _ in tally.labels})
        pairs = [
            LabelPair(
                label=name,
                both=tally.labels[name, BOTH],
                newly_flagged=tally.labels[name, GAINED],
                no_longer_flagged=tally.labels[name, LOST],
            )
            for name in names
        ]
        return cls(
            champion=one.champion,
            challenger=one.challenger,
            since=one.since,
            until=one.until,
            messages=tally.messages,
            agreed=tally.agreed,
            missed=tally.missed,
            agreement=tally.agreed / tally.messages if tally.messages else None,
            actions=tuple(
                ActionPair(champion=old, challenger=new, messages=count)
                for (old, new), count in sorted(tally.actions.items())
            ),
            labels=tuple(
                sorted(pairs, key=lambda pair: -pair.newly_flagged - pair.no_longer_flagged)
            ),
            cases=tuple(map(DifferingCase.of, cases)),
        )


class ShadowOut(Answer):
    """The version that the alias `challenger` names, what keeps it from judging, and how it compares."""

    challenger: str | None
    problem: str | None
    comparisons: tuple[Comparison, ...]

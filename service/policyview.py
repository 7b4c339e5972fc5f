"""A policy as plain data, for the command line and HTTP alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from moderation.conductrules import conduct_rules
from moderation.policy import ConductRule, Policy, Span, Step
from moderation.taxonomy import taxonomy


def policy_head(policy: Policy) -> dict[str, Any]:
    """Return what a list of policies shows."""
    return {
        "id": policy.id,
        "version": policy.version,
        "title": policy.title,
        "date": policy.date.isoformat() if policy.date else None,
        "groups": [kind.value for kind in policy.groups],
        "uncovered": [label for label in taxonomy().ids if label not in policy.covered],
    }


def policy_to_dict(policy: Policy) -> dict[str, Any]:
    """Return a whole policy."""
    return policy_head(policy) | {
        "cumulative": policy.cumulative,
        "window_days": policy.window_days,
        "flooding": asdict(policy.flooding),
        "articles": [
            {
                "article": rule.article,
                "ban": rule.ban,
                "labels": list(rule.labels),
                "summary": rule.summary,
                "ladder": [_step(step) for step in rule.ladder],
                "liable": list(rule.liable),
                "duty": list(rule.duty),
                "exempt": {
                    label: sorted(kind.value for kind in kinds)
                    for label, kinds in rule.exempt.items()
                },
            }
            for rule in policy.rules
        ],
        "conduct": [_conduct(rule) for rule in policy.conduct],
    }


def _conduct(rule: ConductRule) -> dict[str, Any]:
    return {
        "article": rule.article,
        "ban": rule.ban,
        "rule": rule.rule,
        "name": conduct_rules()[rule.rule].name,
        "summary": rule.summary,
        "within": _span(rule.within),
        "clock": rule.clock,
        "remind": _span(rule.remind),
        "cure": _span(rule.cure),
        "asked_by": list(rule.asked_by),
        "format": list(rule.format),
        "penalties": [_step(step) | {"liable": list(who)} for step, who in rule.penalties],
    }


def _span(span: Span | None) -> str | None:
    return None if span is None else str(span)


def _step(step: Step) -> dict[str, Any]:
    return {"kind": step.kind, "amount": step.amount.to_dict() if step.amount else None}

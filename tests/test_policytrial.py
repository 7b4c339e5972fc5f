"""A draft policy tried on confirmed cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from moderation.policy import Step
from moderation.policyfiles import PolicyBook
from moderation.types import Amount
from service.ledger import Breach
from service.policytrial import Past, try_policy

START = datetime(2026, 3, 1, tzinfo=UTC)
BOOK = PolicyBook.load()


def _past(policy, *breaches):
    return [
        Past(Breach(f"c{n}", person, policy, labels, START + timedelta(days=n)), typed)
        for n, (person, labels, typed) in enumerate(breaches)
    ]


def test_the_same_policy_changes_nothing():
    policy = BOOK["suzhou-2017"]
    past = _past(policy, ("a", ("fraud",), None), ("a", ("insult",), Decimal("50.00")))
    trial = try_policy(policy, past, START)
    assert trial.differences == ()
    assert trial.before == trial.after
    assert trial.before.least == Decimal("70.00")
    assert trial.cases == 2


def test_a_dearer_ad_is_told_case_by_case_and_in_sum():
    policy = BOOK["suzhou-2017"]
    dear = Step("fine", Amount(Decimal("50.00"), Decimal("50.00")))
    rules = tuple(
        replace(rule, ladder=(dear,)) if "fraud" in rule.labels else rule for rule in policy.rules
    )
    draft = replace(policy, rules=rules)
    past = _past(policy, ("a", ("fraud",), None), ("b", ("porn",), None), ("c", ("fraud",), None))
    trial = try_policy(draft, past, START)
    assert [one.case_id for one in trial.differences] == ["c0", "c2"]
    assert trial.after.least - trial.before.least == Decimal("60.00")
    assert trial.articles["19"][1].least == trial.after.least


def test_earlier_cases_count_for_the_ladder_but_are_not_priced():
    policy = BOOK["shenzhen"]
    past = _past(policy, ("a", ("commercial_ad",), None), ("a", ("commercial_ad",), None))
    flat = tuple(
        replace(rule, ladder=rule.ladder[:1]) if "commercial_ad" in rule.labels else rule
        for rule in policy.rules
    )
    trial = try_policy(replace(policy, rules=flat), past, START + timedelta(hours=1))
    assert trial.cases == 1
    (changed,) = trial.differences
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before.kind, changed.after.kind) == ("removal", "warning")


def test_open_fines_are_counted_apart():
    policy = BOOK["factory"]
    past = _past(policy, ("a", ("chatter",), None), ("a", ("chatter",), None))
    trial = try_policy(policy, past, START)
    assert trial.before.open == 1
    assert trial.before.least == 0

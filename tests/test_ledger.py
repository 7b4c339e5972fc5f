"""The ledger, apart from storage: occurrences, windows, amounts."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.policy import Policy
from moderation.policyfiles import PolicyBook, parse_policy
from moderation.types import Amount, GroupKind, Penalty, SenderRole
from service.ledger import AmountError, Breach, amount_due, record

BOOK = PolicyBook.load()
T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
WINDOW = """
id = "window"
title = "一年内累计"
window_days = 365
[[article]]
article = "1"
labels = ["illicit_ad"]
summary = "广告"
ladder = [{ kind = "warning" }, { kind = "removal" }]
[[article]]
article = "2"
labels = ["insult"]
summary = "辱骂"
ladder = [{ kind = "warning" }, { kind = "fine" }]
"""


def breach(number: int, policy: str | Policy = "shenzhen", person: str | None = "u-1", **given):
    policy = BOOK[policy] if isinstance(policy, str) else policy
    given = {"labels": ("illicit_ad",), "at": T0 + timedelta(days=number)} | given
    return Breach(f"c{number}", person, policy, **given)


def kinds(*breaches: Breach) -> list[str | None]:
    return [entry.penalty.kind if entry.penalty else None for entry in record(breaches)]


def test_first_a_warning_then_removal():
    assert kinds(breach(1), breach(2), breach(3)) == ["warning", "removal", "removal"]


def test_the_time_of_the_message_counts_not_the_order_of_confirming():
    assert kinds(breach(2), breach(1)) == ["warning", "removal"]
    first, second = record([breach(2), breach(1)])
    assert (first.breach.case_id, second.breach.case_id) == ("c1", "c2")


def test_persons_and_policies_are_apart():
    assert kinds(breach(1), breach(2, person="u-2"), breach(3, "factory")) == [
        "warning",
        "warning",
        "reminder",
    ]


def test_an_unknown_sender_has_no_record():
    assert kinds(breach(1, person=None), breach(2, person=None)) == ["warning", "warning"]


def test_articles_are_counted_apart():
    policy = parse_policy(WINDOW, Path("window.toml"))
    ad, insult = breach(1, policy), breach(2, policy, labels=("insult",))
    both = breach(3, policy, labels=("illicit_ad", "insult"))
    entries = record([ad, insult, both])
    assert [entry.occurrences for entry in entries] == [{"1": 1}, {"2": 1}, {"1": 2, "2": 2}]
    assert entries[2].penalty.kind == "removal"


def test_the_window_is_respected():
    policy = parse_policy(WINDOW, Path("window.toml"))
    first = breach(0, policy)
    for days, expected in ((365, "removal"), (366, "warning")):
        assert kinds(first, breach(1, policy, at=T0 + timedelta(days=days)))[1] == expected


def test_a_window_longer_than_time_itself_is_no_window():
    policy = replace(BOOK["shenzhen"], window_days=10**9)
    assert kinds(breach(1, policy), breach(2, policy)) == ["warning", "removal"]


def test_a_new_version_of_a_policy_goes_on_counting():
    newer = replace(BOOK["shenzhen"], version="shenzhen@sha256:other")
    assert kinds(breach(1), breach(2, newer)) == ["warning", "removal"]


def test_customers_get_no_penalty():
    customer = breach(1, "bank-customer", labels=("porn",), sender_role=SenderRole.CUSTOMER)
    (entry,) = record([customer])
    assert entry.penalty is None
    assert entry.ruling.articles
    assert kinds(replace(customer, sender_role=SenderRole.STAFF)) == ["serious_warning"]


def test_chatter_in_a_hobby_group_is_no_breach_of_an_article():
    hobby = breach(1, "factory", labels=("chatter",), group_kind=GroupKind.INTEREST)
    assert kinds(hobby, breach(2, "factory", labels=("chatter",))) == [None, "reminder"]


@given(st.randoms(), st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=8))
def test_no_order_changes_the_record(shuffle: random.Random, given):
    breaches = [
        breach(number, person=f"u-{person}", labels=("illicit_ad" if ad else "insult",))
        for number, (person, ad) in enumerate(given)
    ]
    expected = record(breaches)
    shuffle.shuffle(breaches)
    assert record(breaches) == expected


def fine(low: str | None = None, high: str | None = None) -> Penalty:
    amount = None
    if low is not None:
        amount = Amount(Decimal(low), None if high is None else Decimal(high))
    return Penalty("fine", amount, ("sender",), 1, "19")


def test_what_is_due_without_a_typed_sum():
    assert amount_due(fine("20.00", "20.00"), None) == Decimal("20.00")
    assert amount_due(fine("20.00", "100.00"), None) is None
    assert amount_due(fine("50.00"), None) is None
    assert amount_due(fine(), None) is None
    assert amount_due(Penalty("warning", None, ("sender",), 1, "1"), None) == 0
    assert amount_due(None, None) == 0


@pytest.mark.parametrize(
    ("penalty", "typed"),
    [
        (fine("20.00", "100.00"), "20.00"),
        (fine("20.00", "100.00"), "100.00"),
        (fine("50.00"), "900.50"),
        (fine(), "0.01"),
    ],
)
def test_a_sum_within_bounds_is_taken(penalty, typed):
    assert amount_due(penalty, Decimal(typed)) == Decimal(typed)


@pytest.mark.parametrize(
    ("penalty", "typed"),
    [
        (fine("20.00", "100.00"), "19.99"),
        (fine("20.00", "100.00"), "100.01"),
        (fine("20.00", "20.00"), "30"),
        (fine("50.00"), "49"),
        (fine(), "0"),
        (fine(), "-5"),
        (fine(), "1.005"),
        (fine(), "NaN"),
        (fine(), "Infinity"),
        (Penalty("warning", None, ("sender",), 1, "1"), "20"),
        (None, "20"),
    ],
)
def test_a_sum_out_of_bounds_is_refused(penalty, typed):
    with pytest.raises(AmountError):
        amount_due(penalty, Decimal(typed))

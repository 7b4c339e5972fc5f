"""The rules of review, apart from storage: every step in every state, and who may not do it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moderation.errors import UnknownNameError
from service.cases import (
    CLAIM_TIME,
    Appeal,
    Case,
    RuleError,
    State,
    Step,
    Verb,
    apply,
    fold,
)

T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
NEW = Case(found=("illicit_ad",), sender="chen")


def step(verb: Verb, by: str = "li", minutes: float = 0, **given) -> Step:
    return Step(verb, by, T0 + timedelta(minutes=minutes), **given)


CLAIM = step(Verb.CLAIM)
CONFIRM = step(Verb.CONFIRM)
APPEAL = step(Verb.APPEAL, "bot", text="那是转发的")
CASES = {
    "open": NEW,
    "claimed": fold(NEW, [CLAIM]),
    "confirmed": fold(NEW, [CLAIM, CONFIRM]),
    "relabelled": fold(NEW, [CLAIM, step(Verb.RELABEL, labels=("insult",))]),
    "rejected": fold(NEW, [CLAIM, step(Verb.REJECT)]),
    "appealed": fold(NEW, [CLAIM, CONFIRM, APPEAL]),
}
STEPS = {
    "claim": CLAIM,
    "release": step(Verb.RELEASE),
    "confirm": CONFIRM,
    "relabel": step(Verb.RELABEL, labels=("porn",)),
    "reject": step(Verb.REJECT),
    "amount": step(Verb.AMOUNT, amount=Decimal("20.00")),
    "undo": step(Verb.UNDO),
    "comment": step(Verb.COMMENT, text="已核实"),
    "opinion": step(Verb.OPINION, "wang", labels=("illicit_ad",)),
    "appeal": APPEAL,
    "overturn": step(Verb.DECIDE_APPEAL, "wang", outcome=Appeal.OVERTURNED),
    "reopen": step(Verb.REOPEN, "wang", text="有新情况"),
}
ALLOWED = {
    "open": {"claim", "comment"},
    "claimed": {"claim", "release", "confirm", "relabel", "reject", "comment"},
    "confirmed": {"amount", "undo", "comment", "opinion", "appeal", "reopen"},
    "relabelled": {"amount", "undo", "comment", "opinion", "appeal", "reopen"},
    "rejected": {"undo", "comment", "reopen"},
    "appealed": {"amount", "comment", "opinion", "overturn", "reopen"},
}


@pytest.mark.parametrize("verb", STEPS)
@pytest.mark.parametrize("state", CASES)
def test_every_step_in_every_state(state, verb):
    if verb in ALLOWED[state]:
        apply(CASES[state], STEPS[verb])
    else:
        with pytest.raises(RuleError, match=f"cannot {STEPS[verb].verb.value}: .+"):
            apply(CASES[state], STEPS[verb])


def test_two_reviewers_are_never_on_one_case():
    held = CASES["claimed"]
    soon = CLAIM_TIME / timedelta(minutes=1) - 1
    with pytest.raises(RuleError, match="li is on it"):
        apply(held, step(Verb.CLAIM, "wang", minutes=soon))
    for verb in (Verb.CONFIRM, Verb.REJECT, Verb.RELEASE):
        with pytest.raises(RuleError, match="li is on it"):
            apply(held, step(verb, "wang"))


def test_a_forgotten_claim_may_be_taken_over_and_is_then_lost():
    late = CLAIM_TIME / timedelta(minutes=1)
    taken = apply(CASES["claimed"], step(Verb.CLAIM, "wang", minutes=late))
    assert taken.reviewer == "wang"
    with pytest.raises(RuleError, match="wang is on it"):
        apply(taken, step(Verb.CONFIRM, minutes=late))


def test_a_claim_is_renewed_by_who_has_it():
    again = apply(CASES["claimed"], step(Verb.CLAIM, minutes=29))
    with pytest.raises(RuleError, match="li is on it"):
        apply(again, step(Verb.CLAIM, "wang", minutes=31))


def test_a_verdict_says_what_counts():
    assert CASES["confirmed"].labels == ("illicit_ad",)
    assert CASES["relabelled"].labels == ("insult",)
    assert CASES["rejected"].labels == ()
    assert [name for name, case in CASES.items() if case.is_breach] == [
        "confirmed",
        "relabelled",
        "appealed",
    ]


def test_labels_stand_in_the_order_of_the_taxonomy_and_must_exist():
    case = apply(CASES["claimed"], step(Verb.RELABEL, labels=("porn", "insult", "porn")))
    assert case.labels == ("insult", "porn")
    for verb, case in ((Verb.RELABEL, CASES["claimed"]), (Verb.OPINION, CASES["confirmed"])):
        with pytest.raises(UnknownNameError, match="insult"):
            apply(case, step(verb, "li" if verb is Verb.RELABEL else "wang", labels=("insul",)))


def test_what_was_found_is_confirmed_not_relabelled():
    with pytest.raises(RuleError, match="confirm it"):
        apply(CASES["claimed"], step(Verb.RELABEL, labels=("illicit_ad",)))
    nothing = fold(Case(found=()), [CLAIM])
    with pytest.raises(RuleError, match="nothing was found"):
        apply(nothing, CONFIRM)
    assert apply(nothing, step(Verb.RELABEL, labels=("insult",))).is_breach


def test_undo_gives_the_case_back_to_who_decided():
    undone = apply(CASES["confirmed"], step(Verb.UNDO, minutes=5))
    assert (undone.state, undone.reviewer, undone.labels) == (State.CLAIMED, "li", ())
    assert apply(undone, step(Verb.REJECT, minutes=6)).state is State.REJECTED


def test_undo_is_for_ones_own_verdict_before_anything_rests_on_it():
    confirmed = CASES["confirmed"]
    with pytest.raises(RuleError, match="li's"):
        apply(confirmed, step(Verb.UNDO, "wang"))
    settled = Case(**{name: getattr(confirmed, name) for name in Case.__slots__} | {"settled": 1})
    for verb in (Verb.UNDO, Verb.AMOUNT):
        with pytest.raises(RuleError, match="notice is approved"):
            apply(settled, step(verb, amount=Decimal(20)))


def test_a_second_opinion_is_one_other_persons():
    with pytest.raises(RuleError, match="another person"):
        apply(CASES["confirmed"], step(Verb.OPINION, labels=()))
    once = apply(CASES["confirmed"], STEPS["opinion"])
    assert once.state is State.CONFIRMED
    with pytest.raises(RuleError, match="wang has given it"):
        apply(once, step(Verb.OPINION, "zhao"))


def test_an_appeal_is_decided_by_another_and_once():
    appealed = CASES["appealed"]
    with pytest.raises(RuleError, match="another person"):
        apply(appealed, step(Verb.DECIDE_APPEAL, outcome=Appeal.UPHELD))
    with pytest.raises(RuleError, match="upheld or overturned"):
        apply(appealed, step(Verb.DECIDE_APPEAL, "wang"))
    upheld = apply(appealed, step(Verb.DECIDE_APPEAL, "wang", outcome=Appeal.UPHELD))
    assert (upheld.is_breach, upheld.appeal) == (True, Appeal.UPHELD)
    overturned = apply(appealed, STEPS["overturn"])
    assert (overturned.state, overturned.labels) == (State.REJECTED, ())
    for decided in (upheld, overturned):
        for verb in (Verb.APPEAL, Verb.DECIDE_APPEAL, Verb.UNDO):
            with pytest.raises(RuleError):
                apply(decided, step(verb, text="再申诉", outcome=Appeal.UPHELD))


def test_a_reopened_case_begins_anew():
    for state in ("confirmed", "relabelled", "rejected", "appealed"):
        again = apply(CASES[state], STEPS["reopen"])
        assert again == NEW
        assert apply(again, step(Verb.CLAIM, "wang")).reviewer == "wang"


@pytest.mark.parametrize("verb", [Verb.COMMENT, Verb.APPEAL, Verb.REOPEN])
def test_a_word_is_needed(verb):
    with pytest.raises(RuleError):
        apply(CASES["confirmed"], step(verb, "wang", text=" \n"))


@pytest.mark.parametrize(
    ("state", "given"),
    [
        ("open", step(Verb.CLAIM, "chen")),
        ("confirmed", step(Verb.OPINION, "chen")),
        ("confirmed", step(Verb.AMOUNT, "chen", amount=Decimal(20))),
        ("confirmed", step(Verb.REOPEN, "chen", text="重看")),
        ("appealed", step(Verb.DECIDE_APPEAL, "chen", outcome=Appeal.OVERTURNED)),
    ],
    ids=lambda given: given.verb.value if isinstance(given, Step) else given,
)
def test_nobody_judges_a_message_of_his_own(state, given):
    with pytest.raises(RuleError, match="of his own"):
        apply(CASES[state], given)


def test_a_sender_may_speak_for_himself():
    for verb in (Verb.COMMENT, Verb.APPEAL):
        apply(CASES["confirmed"], step(verb, "chen", text="我来说明"))

"""Who had to answer whom until when, and what counts as an answer."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.conduct import answering
from service.conduct.model import Duty, Facts, TurnKind
from tests.conductfacts import at, facts, late, turn

ASK = turn(1, "11-23 10:00:00", "wang", "question")
END = at("12-31 00:00:00")


def rule(found: Facts, name: str = answering.ANSWERED):
    return next(one for one in found.policy.conduct if one.rule == name)


def owed(found: Facts, name: str = answering.ANSWERED) -> list[Duty]:
    finder = {
        answering.ANSWERED: answering.answered,
        answering.SHIRKED: answering.shirked,
        answering.INSTRUCTED: answering.instructed,
    }[name]
    return finder(found, rule(found, name), END)


def broken(found: Facts, name: str = answering.ANSWERED) -> list[tuple[str, str | None]]:
    """Return the question and the person of each duty that was not met in time."""
    return [(one.subject, one.person) for one in owed(found, name) if not one.met_in_time]


def test_a_question_nobody_answers_is_the_admins():
    found = facts("bank-customer", ASK)
    (duty,) = owed(found)
    assert (duty.person, duty.party, duty.article) == ("admin", "responder", "4.2")
    assert duty.due == at("11-23 10:30:00")
    assert duty.about == "王女士11月23日10:00提问“问题1”，应在30分钟内答复或先行回应"
    assert broken(found) == [("m1", "admin")]


@pytest.mark.parametrize(
    ("minutes", "count"), [(29 + 59 / 60, 0), (30, 0), (30 + 1 / 60, 1), (45, 1)]
)
def test_to_the_second(minutes, count):
    found = facts("bank-customer", ASK, turn(2, late(minutes), "li", "statement"))
    assert len(broken(found)) == count


@pytest.mark.parametrize("kind", ["statement", "interim", "ack", "question", "request"])
def test_any_colleague_who_reacts_is_enough(kind):
    found = facts("bank-customer", ASK, turn(2, late(9), "zhao", kind))
    assert broken(found) == []


@pytest.mark.parametrize(
    ("who", "kind"),
    [("sun", "statement"), ("wang", "statement"), ("li", "shirk"), ("li", "thanks")],
)
def test_what_is_no_answer(who, kind):
    found = facts("bank-customer", ASK, turn(2, late(9), who, kind))
    assert broken(found) == [("m1", "admin")]


def test_thanks_of_the_asker_settle_it():
    found = facts("bank-customer", ASK, turn(2, late(9), "wang", "thanks"))
    assert broken(found) == []


def test_who_was_named_or_replied_to_had_to_answer():
    named = replace(ASK, mentions=("li",))
    before = turn(2, "11-23 09:50:00", "zhao", "statement")
    replied = replace(ASK, reply_to="m2")
    assert broken(facts("bank-customer", named)) == [("m1", "li")]
    assert broken(facts("bank-customer", before, replied)) == [("m1", "zhao")]
    assert broken(facts("bank-customer", replace(ASK, mentions=("sun",)))) == [("m1", "admin")]


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ("11-23 17:45:00", "11-24 09:15:00"),  # the clock stands still over night
        ("11-23 11:50:00", "11-23 13:20:00"),  # and over lunch
        ("11-21 20:00:00", "11-23 09:30:00"),  # a Saturday
        ("10-01 10:00:00", "10-08 09:30:00"),  # the national holiday
        ("09-20 10:00:00", "09-20 10:30:00"),  # a Sunday worked in its stead
    ],
)
def test_the_clock_runs_in_working_time(asked, due):
    (duty,) = owed(facts("bank-customer", turn(1, asked, "wang", "question")))
    assert duty.due == at(due)


def test_more_of_the_same_question_does_not_start_the_clock_again():
    more = turn(2, late(10), "wang", "complaint")
    found = facts("bank-customer", ASK, more)
    assert [one.subject for one in owed(found)] == ["m1"]
    assert broken(facts("bank-customer", ASK, more, turn(3, late(12), "li", "statement"))) == []


def test_two_customers_each_get_an_answer():
    other = turn(2, late(1), "sun", "question")
    first = turn(3, late(5), "li", "statement")
    assert broken(facts("bank-customer", ASK, other, first)) == [("m2", "admin")]
    second = turn(4, late(6), "li", "statement")
    assert broken(facts("bank-customer", ASK, other, first, second)) == []
    named = replace(first, mentions=("sun",))
    assert broken(facts("bank-customer", ASK, other, named)) == [("m1", "admin")]
    replied = replace(first, reply_to="m2")
    assert broken(facts("bank-customer", ASK, other, replied)) == [("m1", "admin")]


def test_a_colleague_talking_to_another_does_not_answer():
    aside = turn(2, late(5), "li", "statement", mentions=["zhao"])
    assert broken(facts("bank-customer", ASK, aside)) == [("m1", "admin")]


def test_colleagues_are_not_bound_to_answer_each_other_there():
    assert owed(facts("bank-customer", turn(1, late(0), "li", "question"))) == []


def test_a_shirked_question_is_his_who_shirked():
    shirk = turn(2, late(5), "li", "shirk", text="这个不归我管")
    found = facts("bank-customer", ASK, shirk)
    assert broken(found, answering.SHIRKED) == [("m1", "li")]
    (duty,) = owed(found, answering.SHIRKED)
    assert duty.due == at("11-25 18:00:00")
    assert [one.message_id for one in duty.thread] == ["m1", "m2"]
    helped = turn(3, "11-24 15:00:00", "zhao", "statement", reply_to=1)
    assert broken(facts("bank-customer", ASK, shirk, helped), answering.SHIRKED) == []


def test_put_off_until_nothing_comes_of_it():
    busy = turn(2, late(5), "li", "interim", text="我查一下")
    found = facts("bank-customer", ASK, busy)
    assert broken(found) == []
    assert broken(found, answering.SHIRKED) == [("m1", "li")]
    done = turn(3, "11-25 17:59:00", "li", "statement")
    assert broken(facts("bank-customer", ASK, busy, done), answering.SHIRKED) == []


def test_an_instruction_is_for_whom_it_names():
    told = turn(1, late(0), "admin", "request", mentions=["li", "zhao"])
    found = facts("shenzhen", told, turn(2, late(5), "li", "ack"))
    assert broken(found, answering.INSTRUCTED) == [("m1", "zhao")]
    assert owed(found) == [], "it is no question besides"
    asked = turn(1, late(0), "li", "request", mentions=["zhao"])
    assert owed(facts("shenzhen", asked), answering.INSTRUCTED) == [], "li is no lead"


KINDS = st.sampled_from([kind.value for kind in TurnKind])
PEOPLE = st.sampled_from(["wang", "sun", "li", "zhao", "admin"])
TALK = st.lists(st.tuples(st.integers(0, 3000), PEOPLE, KINDS), max_size=25)


def said(talk: list[tuple[int, str, str]]):
    return [turn(n, late(minute), who, kind) for n, (minute, who, kind) in enumerate(talk)]


@given(TALK, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(talk, shuffled: random.Random):
    turns = said(talk)
    mixed = list(turns)
    shuffled.shuffle(mixed)
    for name in (answering.ANSWERED, answering.SHIRKED):
        assert owed(facts("bank-customer", *turns), name) == owed(
            facts("bank-customer", *mixed), name
        )


@given(TALK, st.integers(0, 6000))
def test_after_a_quiet_moment_the_rest_is_enough(talk, minute):
    turns = said(talk)
    whole = facts("bank-customer", *turns)
    quiet = answering.quiet_since(whole, at(late(minute)), timedelta(0))
    if quiet is None:
        return
    rest = facts("bank-customer", *(one for one in turns if one.sent_at > quiet))
    for name in (answering.ANSWERED, answering.SHIRKED):
        after = [duty for duty in owed(whole, name) if duty.since > quiet]
        assert [one.duty_id for one in owed(rest, name)] == [one.duty_id for one in after]
        assert [one.met_at for one in owed(rest, name)] == [one.met_at for one in after]


@given(TALK)
def test_what_is_found_by_a_time_is_what_is_found_later_of_it(talk):
    """A duty whose time is over does not change by what is said afterwards."""
    found = facts("bank-customer", *said(talk))
    end = at(late(1500))
    then = {one.duty_id: one for one in answering.answered(found, rule(found), end)}
    for duty in owed(found):
        if duty.due < end and duty.since <= end:
            assert then[duty.duty_id].met_in_time == duty.met_in_time

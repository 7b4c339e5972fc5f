"""Laws of all duties that are read off histories: of who is in a group, who runs it, under what name."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.types import SenderRole
from service.conduct.states import short
from tests.conductfacts import at
from tests.rosterfacts import EVER, PEOPLE, found

RULES = ["group_name", "admin_nickname", "member_nickname", "roster", "admin_handover"]

moments = st.builds("11-{:02} {:02}:00".format, st.integers(3, 20), st.integers(0, 23))
who = st.sampled_from([*PEOPLE, "sun"])


def _versions(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    changes = st.fixed_dictionaries({}, optional=fields)
    return st.dictionaries(moments, changes, max_size=4).map(lambda made: sorted(made.items()))


histories = st.fixed_dictionaries(
    {
        "group": _versions(
            name=st.sampled_from(["生产一群", "恒川生产一群"]),
            admin=st.none() | who,
            owner=who,
            dissolved=st.booleans(),
            departments=st.sampled_from([(), ("生产部",), ("生产部", "销售部")]),
        ),
        "members": st.dictionaries(
            who,
            _versions(
                nickname=st.sampled_from(
                    [None, "小李", *PEOPLE.values(), "秦岭(群负责人)", "群主"]
                ),
                present=st.booleans(),
                role=st.sampled_from(SenderRole),
            ),
            max_size=3,
        ),
        "people": st.dictionaries(
            who,
            st.fixed_dictionaries(
                {"department": st.sampled_from(["生产部", "销售部"])},
                optional={"employed_until": moments.map(at)},
            ),
        ),
    }
)


@pytest.mark.parametrize("rule", RULES)
@given(given_facts=histories, one=moments, other=moments)
def test_time_adds_duties_and_ends_them_and_takes_none_back(rule, given_facts, one, other):
    first, second = sorted([at(one), at(other)])
    before = found("suzhou-2017", rule, company="恒川", until=first, **given_facts)
    after = {
        duty.duty_id: duty
        for duty in found("suzhou-2017", rule, company="恒川", until=second, **given_facts)
    }
    for duty in before:
        later = after[duty.duty_id]
        assert (later.since, later.due, later.about) == (duty.since, duty.due, duty.about)
        assert duty.met_at in (None, later.met_at)


@pytest.mark.parametrize("rule", RULES)
@given(given_facts=histories)
def test_every_duty_is_one_stretch_of_time_and_has_words(rule, given_facts):
    duties = found("suzhou-2017", rule, company="恒川", **given_facts)
    assert len({duty.duty_id for duty in duties}) == len(duties)
    for duty in duties:
        assert duty.since <= duty.due
        assert duty.about
    stretches = sorted((duty.party, duty.subject.partition("@")[0], duty.since) for duty in duties)
    ends = {
        (duty.party, duty.subject.partition("@")[0], duty.since): duty.met_at for duty in duties
    }
    for one, following in pairwise(stretches):
        assert one[:2] != following[:2] or one[2] < ends[one] <= following[2]


def test_very_long_ids_still_fit_their_column():
    assert short("u-1") == "u-1"
    assert len(short("x" * 200)) <= 160
    assert short("x" * 200) != short("x" * 199 + "y")


def test_what_is_so_from_ever_is_a_duty_from_when_it_was_told():
    members = {"sun": [(EVER, {"nickname": "孙悟空"}), ("11-09 10:00", {})]}
    people = {"sun": {"name": "孙晴", "department": "销售部"}}
    group = [("11-05 10:00", {"departments": ("生产部",)})]
    for rule in ("member_nickname", "roster"):
        duties = found("suzhou-2017", rule, members=members, people=people, group=group)
        assert {duty.since for duty in duties} == {at("11-09 10:00")}


def test_who_was_there_from_ever_was_never_missing():
    members = {"sun": [(EVER, {"nickname": "孙晴"}), ("11-19 10:00", {})]}
    people = {"sun": {"name": "孙晴", "department": "生产部"}}
    group = [("11-05 10:00", {"departments": ("生产部",)})]
    assert found("suzhou-2017", "roster", members=members, people=people, group=group) == []

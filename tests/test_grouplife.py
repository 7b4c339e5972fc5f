"""Temporary groups that outlive their task, and admins who leave without handing over."""

from __future__ import annotations

import pytest

from tests.conductfacts import at
from tests.rosterfacts import LEFT, found, told

TASK = [
    ("11-03 09:00", {"temporary": True}),
    ("11-05 15:00", {"ended_at": at("11-05 15:00")}),
]


def test_a_temporary_group_is_to_be_dissolved_within_three_working_days():
    (duty,) = found("suzhou-2017", "temporary_group", group=TASK)
    assert told([duty]) == [("group_admin", "qin")]
    assert (duty.article, duty.since, duty.due) == ("21", at("11-05 15:00"), at("11-10 18:00"))
    assert duty.met_at is None
    assert duty.about == "临时群“生产一群”的工作已于11月5日结束，群未解散"


def test_it_is_met_when_dissolved():
    group = [*TASK, ("11-09 10:00", {"dissolved": True})]
    (duty,) = found("suzhou-2017", "temporary_group", group=group)
    assert duty.met_at == at("11-09 10:00")


def test_an_end_told_later_counts_from_when_it_was():
    group = [TASK[0], ("11-09 10:00", {"ended_at": at("11-05 15:00")})]
    (duty,) = found("suzhou-2017", "temporary_group", group=group)
    assert duty.since == at("11-05 15:00")


def test_an_end_in_sight_is_none_yet():
    group = [TASK[0], ("11-04 10:00", {"ended_at": at("12-05 15:00")})]
    until = at("12-01 00:00")
    assert found("suzhou-2017", "temporary_group", group=group, until=until) == []


@pytest.mark.parametrize(
    "group",
    [
        [],
        TASK[:1],
        TASK[1:],
        [*TASK, ("11-06 09:00", {"ended_at": None})],
        [TASK[0], ("11-04 09:00", {"dissolved": True}), TASK[1]],
    ],
    ids=["lasting", "not ended", "not temporary", "goes on", "dissolved before"],
)
def test_when_nothing_is_to_be_dissolved(group):
    assert found("suzhou-2017", "temporary_group", group=group) == []


def test_a_new_admin_has_the_whole_time():
    group = [*TASK, ("11-09 10:00", {"admin": "li"})]
    old, new = found("suzhou-2017", "temporary_group", group=group)
    assert (old.person, old.met_at) == ("qin", at("11-09 10:00"))
    assert (new.person, new.since, new.due) == ("li", at("11-09 10:00"), at("11-12 18:00"))


GONE = {"qin": [("11-05 10:00", LEFT)]}
QUIT = {"qin": {"employed_until": at("11-05 10:00")}}


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({"members": GONE}, "群负责人秦岭已离开本群，未移交群管理"),
        ({"people": QUIT}, "群负责人秦岭已离职，未移交群管理"),
        ({"members": GONE, "people": QUIT}, "群负责人秦岭已离职，未移交群管理"),
    ],
)
def test_an_admin_who_leaves_is_to_hand_over(given, about):
    (duty,) = found("suzhou-2017", "admin_handover", **given)
    assert told([duty]) == [("group_admin", "qin")]
    assert (duty.article, duty.since, duty.due) == ("20", at("11-05 10:00"), at("11-06 18:00"))
    assert (duty.about, duty.met_at) == (about, None)


def test_handed_over_in_time_and_too_late():
    for moment, in_time in [("11-06 17:59", True), ("11-06 18:01", False)]:
        group = [(moment, {"admin": "li"})]
        (duty,) = found("suzhou-2017", "admin_handover", members=GONE, group=group)
        assert duty.met_at == at(moment)
        assert duty.met_in_time is in_time


@pytest.mark.parametrize("moment", ["11-04 10:00", "11-05 10:00"])
def test_who_hands_over_before_or_as_he_leaves_owes_nothing(moment):
    group = [(moment, {"admin": "li"})]
    assert found("suzhou-2017", "admin_handover", members=GONE, people=QUIT, group=group) == []


def test_who_comes_back_has_not_left_it_behind():
    members = {"qin": [*GONE["qin"], ("11-05 15:00", {"present": True})]}
    (duty,) = found("suzhou-2017", "admin_handover", members=members)
    assert duty.met_at == at("11-05 15:00")


def test_nobody_hands_over_a_dissolved_group():
    group = [("11-05 09:00", {"dissolved": True})]
    assert found("suzhou-2017", "admin_handover", members=GONE, group=group) == []


def test_an_admin_who_stays_owes_nothing():
    assert found("suzhou-2017", "admin_handover") == []
    group = [("11-04 10:00", {"admin": "stranger"})]
    assert found("suzhou-2017", "admin_handover", group=group) == []

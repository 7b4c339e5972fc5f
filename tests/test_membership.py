"""Who is missing from a group, who has no business in it, and who brought outsiders in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moderation.policyfiles import PolicyBook
from moderation.types import GroupKind
from service.conduct import membership
from tests.conductfacts import at
from tests.rosterfacts import CUSTOMER, END, LEFT, START, event, found, roster_facts, rows, told

SET = [(START, {"departments": ("生产部",)})]
"""The group is that of a department."""
SUN = {"sun": {"name": "孙晴", "department": "销售部"}}
JOINED = {"sun": [("11-03 10:00", {"nickname": "孙晴"})]}


def test_a_well_kept_group_owes_nothing():
    assert found("suzhou-2017", "roster", group=SET) == []
    assert found("suzhou-2017", "roster") == []


def test_somebody_of_another_department_is_to_leave_within_two_working_days():
    (duty,) = found("suzhou-2017", "roster", group=SET, members=JOINED, people=SUN)
    assert told([duty]) == [("group_admin", "qin")]
    assert (duty.article, duty.since, duty.due) == ("18", at("11-03 10:00"), at("11-05 18:00"))
    assert duty.about == "孙晴属于销售部，不属于本群的生产部"


def test_it_is_met_when_he_leaves():
    members = {"sun": [*JOINED["sun"], ("11-04 10:00", LEFT)]}
    (duty,) = found("suzhou-2017", "roster", group=SET, members=members, people=SUN)
    assert duty.met_at == at("11-04 10:00")


def test_somebody_unknown_to_hr_is_to_leave_too():
    (duty,) = found("suzhou-2017", "roster", group=SET, members=JOINED)
    assert duty.about == "孙晴不在人事花名册中，却在群内"
    (duty,) = found("division", "roster", group=SET, members=JOINED)
    assert told([duty]) == [("member", "sun")]


@pytest.mark.parametrize("departments", [(), ("生产部",)])
def test_who_has_left_the_firm_is_to_leave_every_group(departments):
    (duty,) = found(
        "suzhou-2017",
        "roster",
        group=[(START, {"departments": departments})],
        people={"li": {"employed_until": at("11-07 00:00")}},
    )
    assert (duty.since, duty.due) == (at("11-07 00:00"), at("11-10 18:00"))
    assert duty.about == "李想已离职，仍在群内"


def test_each_head_is_a_duty_of_its_own():
    people = {who: {"employed_until": at("11-07 00:00")} for who in ("li", "zhao")}
    duties = found("factory", "roster", people=people)
    assert told(duties) == [("member", "li"), ("member", "zhao")]
    assert len({duty.duty_id for duty in duties}) == 2


def test_somebody_of_the_department_is_missing_from_the_day_of_his_employment():
    sun = {"name": "孙晴", "department": "生产部", "employed_from": at("11-09 00:00")}
    (duty,) = found("suzhou-2017", "roster", group=SET, people={"sun": sun})
    assert told([duty]) == [("group_admin", "qin")]
    assert (duty.since, duty.due) == (at("11-09 00:00"), at("11-11 18:00"))
    assert duty.about == "生产部员工孙晴未在群内"
    (duty,) = found(
        "factory",
        "roster",
        group=SET,
        people={"sun": sun},
        members={"sun": [("11-10 09:00", {"nickname": "生产部孙晴"})]},
    )
    assert duty.met_at == at("11-10 09:00")


def test_who_leaves_the_group_but_not_the_firm_is_missing():
    (duty,) = found("suzhou-2017", "roster", group=SET, members={"li": [("11-03 10:00", LEFT)]})
    assert (duty.about, duty.since) == ("生产部员工李想未在群内", at("11-03 10:00"))


def test_who_leaves_group_and_firm_is_neither_missing_nor_too_many():
    duties = found(
        "suzhou-2017",
        "roster",
        group=SET,
        members={"li": [("11-06 18:00", LEFT)]},
        people={"li": {"employed_until": at("11-06 18:00")}},
    )
    assert duties == []


def test_departments_set_later_count_from_then():
    later = [("11-10 10:00", {"departments": ("生产部",)})]
    (duty,) = found("suzhou-2017", "roster", group=later, members=JOINED, people=SUN)
    assert duty.since == at("11-10 10:00")


@pytest.mark.parametrize(
    "given",
    [
        {"group": [*SET, ("11-03 10:00", {"admin": "sun"})]},
        {"group": [*SET, ("11-03 10:00", {"owner": "sun"})]},
        {"members": {"li": [(START, {"supervisor": "sun"})]}},
        {"events": [event("consent", "11-03 09:00", "sun", by="qin")]},
        {"events": [event("consent", "11-03 09:00", "sun", by="luo")]},
        {"people": {"sun": {"name": "孙晴"}}},
        {"members": {"sun": [("11-03 10:00", CUSTOMER)]}},
    ],
)
def test_who_has_business_in_the_group_may_stay(given):
    given = {"group": SET, "people": SUN, **given}
    given["members"] = JOINED | given.get("members", {})
    assert found("suzhou-2017", "roster", **given) == []


def test_consent_of_somebody_else_is_none():
    events = [event("consent", "11-03 09:00", "sun", by="li")]
    given = {"group": SET, "members": JOINED, "people": SUN}
    assert len(found("suzhou-2017", "roster", events=events, **given)) == 1


def test_consent_afterwards_meets_the_duty():
    events = [event("consent", "11-04 09:00", "sun", by="qin")]
    (duty,) = found("division", "roster", group=SET, members=JOINED, people=SUN, events=events)
    assert duty.met_at == at("11-04 09:00")


def test_who_changes_his_department_has_the_time_from_then():
    moved = {"li": {"department": "销售部", "department_since": at("11-16 10:00")}}
    (duty,) = found("suzhou-2017", "roster", group=SET, people=moved)
    assert (duty.since, duty.due) == (at("11-16 10:00"), at("11-18 18:00"))
    came = {"sun": {"name": "孙晴", "department": "生产部", "department_since": at("11-16 10:00")}}
    (duty,) = found("suzhou-2017", "roster", group=SET, people=came)
    assert (duty.about, duty.since) == ("生产部员工孙晴未在群内", at("11-16 10:00"))


def test_nobody_is_missing_from_a_group_whose_members_nobody_has_told():
    policy = PolicyBook.load()["suzhou-2017"]
    facts = roster_facts(policy, SET, {}, {})
    empty = replace(facts, members={})
    assert membership.roster(empty, rows(policy, "roster")[0], END) == []


def test_a_dissolved_group_owes_nothing_more():
    group = [*SET, ("11-04 10:00", {"dissolved": True})]
    (duty,) = found("suzhou-2017", "roster", group=group, members=JOINED, people=SUN)
    assert duty.met_at == at("11-04 10:00")


GUEST = {"guest": [("11-03 10:00", {"nickname": "外人"})]}


def invited(by: str | None = "li", **given):
    events = [event("joined", "11-03 10:00", "guest", by=by), *given.pop("events", [])]
    members = GUEST | given.pop("members", {})
    return found("shenzhen", "outsider_invited", events=events, members=members, **given)


def test_who_brings_an_outsider_in_is_answerable_at_once():
    (duty,) = invited()
    assert told([duty]) == [("inviter", "li")]
    assert duty.article == "2.5.3"
    assert duty.due == duty.since == at("11-03 10:00")
    assert duty.met_at is None
    assert duty.about == "李想未经群主或群负责人同意，将外部人员外人拉入群"


def test_each_outsider_is_a_duty_of_its_own():
    second = event("joined", "11-03 10:01", "guest-2", by="li")
    duties = invited(events=[second], members={"guest-2": [("11-03 10:01", {})]})
    assert len({duty.duty_id for duty in duties}) == 2


def test_his_leaving_is_noted():
    (duty,) = invited(members={"guest": [*GUEST["guest"], ("11-03 11:00", LEFT)]})
    assert duty.met_at == at("11-03 11:00")


@pytest.mark.parametrize("by", ["qin", "luo", "guest", None])
def test_whose_invitation_is_in_order(by):
    assert invited(by) == []


def test_an_admin_of_yesterday_is_none():
    group = [("11-03 09:00", {"admin": "zhao"})]
    assert told(invited("qin", group=group)) == [("inviter", "qin")]
    assert invited("zhao", group=group) == []


@pytest.mark.parametrize(
    ("when", "by", "count"),
    [
        ("11-03 10:00", "qin", 0),
        ("11-02 10:00", "luo", 0),
        ("11-03 10:01", "qin", 1),
        ("11-02 10:00", "zhao", 1),
        ("11-02 10:00", None, 1),
    ],
)
def test_consent_must_come_before_and_from_those_who_run_the_group(when, by, count):
    assert len(invited(events=[event("consent", when, "guest", by=by)])) == count


def test_consent_for_one_is_none_for_another():
    assert len(invited(events=[event("consent", "11-02 10:00", "somebody", by="qin")])) == 1


@pytest.mark.parametrize(
    ("kind", "role", "known", "count"),
    [
        (GroupKind.WORK, {}, {}, 1),
        (GroupKind.WORK, CUSTOMER, {}, 1),
        (GroupKind.INTEREST, {}, {}, 1),
        (GroupKind.CUSTOMER, {}, {}, 1),
        (GroupKind.CUSTOMER, CUSTOMER, {}, 0),
        (GroupKind.WORK, {}, {"name": "郭外"}, 0),
        (GroupKind.WORK, {}, {"name": "郭外", "employed_from": at("11-05 00:00")}, 0),
        (GroupKind.WORK, {}, {"name": "郭外", "employed_until": at("11-02 00:00")}, 1),
    ],
)
def test_who_is_an_outsider(kind, role, known, count):
    duties = invited(
        group=[(START, {"kind": kind})],
        members={"guest": [("11-03 10:00", role)]},
        people={"guest": known} if known else {},
    )
    assert len(duties) == count


def test_customers_may_invite():
    assert invited("buyer", members={"buyer": [(START, CUSTOMER)]}) == []


def test_without_hrs_roster_nobody_is_an_outsider():
    policy = PolicyBook.load()["shenzhen"]
    events = [event("joined", "11-03 10:00", "guest", by="li")]
    facts = roster_facts(policy, [], GUEST, {}, events)
    empty = replace(facts, people={})
    row = rows(policy, "outsider_invited")[0]
    assert len(membership.outsider_invited(facts, row, END)) == 1
    assert membership.outsider_invited(empty, row, END) == []
    assert membership.outsider_invited(facts, row, at("11-03 09:59")) == []

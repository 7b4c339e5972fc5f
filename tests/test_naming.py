"""Names of groups and nicknames: what counts as the same, whose duty it is, from when until when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.conduct.naming import fits, plain
from tests.conductfacts import at
from tests.rosterfacts import CUSTOMER, LEFT, START, found, told

PLAIN = {"qin": [(START, {"nickname": "秦岭"})], "luo": [(START, {"nickname": "罗澜"})]}
"""Nicknames where no office has one of its own."""

ADMIN = "{name}(群负责人)"
LI = {"name": "李想", "department": "生产部", "company": "恒川"}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("李想", "{name}"),
        (" 李 想 ", "{name}"),
        ("李想(群负责人)", ADMIN),
        ("李想（群负责人）", ADMIN),
        ("李想 （ 群负责人 ）", ADMIN),
        ("李想【群负责人】", ADMIN),
        ("生产部李想", "{department}{name}"),
        ("生产部-李想", "{department}{name}"),
        ("生产部－李想", "{department}{name}"),
        ("生产部_李想", "{department}{name}"),
        ("生产部/李想", "{department}{name}"),
        ("生产部·李想", "{department}{name}"),
        ("生产部—李想", "{department}-{name}"),
        ("恒川生产一群", "{company}{text}"),
        ("恒川-1", "{company}{text}"),
    ],
)
def test_right_names(name, pattern):
    assert fits(name, [pattern], LI) is True


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("小李", "{name}"),
        ("李想想", "{name}"),
        ("李想🌹", "{name}"),
        ("群负责人", ADMIN),
        ("李想", ADMIN),
        ("李想(群主)", ADMIN),
        ("李想生产部", "{department}{name}"),
        ("采购部李想", "{department}{name}"),
        ("恒川", "{company}{text}"),
        ("恒川 - ", "{company}{text}"),
        ("生产一群", "{company}{text}"),
        ("", "{name}"),
    ],
)
def test_wrong_names(name, pattern):
    assert fits(name, [pattern], LI) is False


def test_any_of_several_patterns_will_do():
    assert fits("群主", ["群主", "{name}(群主)"], LI)
    assert fits("李想（群主）", ["群主", "{name}(群主)"], LI)


@pytest.mark.parametrize("unknown", [{}, {"department": None}, {"department": "  "}])
def test_what_is_not_known_is_not_wrong(unknown):
    values = {"name": "李想"} | unknown
    assert fits("小李", ["{department}{name}"], values) is None
    assert fits("小李", ["{department}{name}", "{name}"], values) is None
    assert fits("李想", ["{department}{name}", "{name}"], values) is True


def test_a_name_is_no_pattern():
    assert fits("abc", ["{name}"], {"name": "a.c"}) is False
    assert fits("a.c", ["{name}"], {"name": "a.c"}) is True
    assert fits("a", ["{name}"], {"name": "{text}"}) is False


words = st.text("李想王芳生产部aB1", min_size=1, max_size=6)


@given(st.lists(words, min_size=2, max_size=4), st.lists(st.sampled_from(" -_·/－—　"), min_size=4))
def test_separators_and_width_never_matter(parts, separators):
    joined = "".join(a + b for a, b in zip(parts, separators, strict=False))
    assert plain(joined) == plain("".join(parts))


@given(words, words)
def test_a_filled_pattern_fits(department, name):
    values = {"name": name, "department": department}
    assert fits(f"{department}（{name}）", ["{department}({name})"], values)
    assert fits(f"x{department}{name}", ["{department}{name}"], values) is (
        True if plain(f"x{department}{name}") == plain(department + name) else False
    )


def test_well_kept_names_owe_nothing():
    for rule in ("group_name", "admin_nickname", "member_nickname"):
        assert found("suzhou-2017", rule, company="生产") == []


def test_a_wrong_nickname_costs_the_member_and_the_admin():
    duties = found(
        "suzhou-2017", "member_nickname", members={"li": [("11-03 10:00", {"nickname": "阿想"})]}
    )
    assert told(duties) == [("group_admin", "qin"), ("member", "li")]
    for duty in duties:
        assert (duty.article, duty.since) == ("17", at("11-03 10:00"))
        assert (duty.due, duty.met_at) == (at("11-04 18:00"), None)
        assert duty.about == "李想的群昵称“阿想”不合格，应为“李想”"
    assert len({duty.duty_id for duty in duties}) == 2


def test_it_is_met_when_put_right_and_begins_anew_when_wrong_again():
    changes = [
        ("11-03 10:00", {"nickname": "阿想"}),
        ("11-03 15:00", {"nickname": "想想"}),
        ("11-04 09:00", {"nickname": "李 想"}),
        ("11-05 09:00", {"nickname": "阿想"}),
    ]
    first, second = found("bank-customer", "member_nickname", members=PLAIN | {"li": changes})
    assert (first.since, first.met_at) == (at("11-03 10:00"), at("11-04 09:00"))
    assert (second.since, second.met_at) == (at("11-05 09:00"), None)
    assert first.duty_id != second.duty_id


@pytest.mark.parametrize(
    ("change", "kind"),
    [(LEFT, "members"), (CUSTOMER, "members"), ({"dissolved": True}, "group")],
)
def test_it_is_met_by_leaving_or_the_end_of_the_group(change, kind):
    wrong = PLAIN | {"li": [("11-03 10:00", {"nickname": "阿想"})]}
    later = ("11-03 16:00", change)
    if kind == "members":
        duties = found(
            "bank-customer", "member_nickname", members=wrong | {"li": [*wrong["li"], later]}
        )
    else:
        duties = found("bank-customer", "member_nickname", members=wrong, group=[later])
    assert [duty.met_at for duty in duties] == [at("11-03 16:00")]


def test_who_joins_under_a_wrong_name_has_the_time_from_then():
    (duty,) = found(
        "division",
        "member_nickname",
        members=PLAIN | {"sun": [("11-06 17:00", {"nickname": "孙悟空"})]},
        people={"sun": {"name": "孙晴", "department": "生产部"}},
    )
    assert (duty.since, duty.due) == (at("11-06 17:00"), at("11-09 18:00"))


def test_of_whom_too_little_is_known_owes_nothing():
    members = PLAIN | {
        "unknown": [("11-03 10:00", {"nickname": "谁"})],
        "nameless": [("11-03 10:00", {"nickname": "谁"})],
        "customer": [("11-03 10:00", {"nickname": "某客户", **CUSTOMER})],
        "li": [("11-03 10:00", {"nickname": None})],
    }
    people = {"nameless": {"department": "生产部"}, "customer": {"name": "钱多"}}
    assert found("bank-customer", "member_nickname", members=members, people=people) == []


def test_who_has_left_the_firm_is_left_to_the_roster():
    (duty,) = found(
        "bank-customer",
        "member_nickname",
        members=PLAIN | {"li": [("11-03 10:00", {"nickname": "阿想"})]},
        people={"li": {"employed_until": at("11-04 00:00")}},
    )
    assert duty.met_at == at("11-04 00:00")


def test_department_and_name():
    members = {
        "li": [("11-03 10:00", {"nickname": "生产部-李想"})],
        "zhao": [("11-03 10:00", {"nickname": "赵敏"})],
        "qin": [("11-03 10:00", {"nickname": "生产部秦岭"})],
        "luo": [("11-03 10:00", {"nickname": "（生产部）罗澜"})],
    }
    wrong = found("factory", "member_nickname", members=members)
    latest = [duty for duty in wrong if duty.met_at is None]
    assert told(latest) == [("member", "luo"), ("member", "zhao")]
    assert latest[1].about == "赵敏的群昵称“赵敏”不合格，应为“生产部赵敏”"


def test_a_new_department_gives_time_for_a_new_nickname():
    moved = {"zhao": {"department": "质检部", "department_since": at("11-09 10:00")}}
    members = {
        who: [(START, {"nickname": f"生产部{name}"})]
        for who, name in [("zhao", "赵敏"), ("li", "李想"), ("qin", "秦岭"), ("luo", "罗澜")]
    }
    (duty,) = found("factory", "member_nickname", members=members, people=moved)
    assert (duty.person, duty.since, duty.due) == ("zhao", at("11-09 10:00"), at("11-10 18:00"))


@pytest.mark.parametrize(
    ("who", "nickname", "party"),
    [
        ("qin", "秦岭", "group_admin"),
        ("qin", "群负责人", "group_admin"),
        ("qin", "群主", "group_admin"),
        ("luo", "罗澜", "group_owner"),
        ("luo", "罗澜(群负责人)", "group_owner"),
    ],
)
def test_the_nickname_of_an_office_is_its_holders_duty(who, nickname, party):
    members = {who: [("11-03 10:00", {"nickname": nickname})]}
    duties = found("suzhou-2017", "admin_nickname", members=members)
    assert told(duties) == [(party, who)]
    assert {duty.article for duty in duties} == {"16"}
    assert found("suzhou-2017", "member_nickname", members=members) == []


def test_who_holds_both_offices_owes_one_name_of_either():
    group = [(START, {"owner": "qin"})]
    for nickname, count in [("秦岭(群负责人)", 0), ("群主", 0), ("秦岭", 1)]:
        members = {"qin": [(START, {"nickname": nickname})]}
        assert len(found("suzhou-2017", "admin_nickname", members=members, group=group)) == count


def test_a_new_admin_has_the_whole_time_and_the_old_one_a_members_name():
    group = [("11-04 10:00", {"admin": "li"})]
    (admin,) = found("suzhou-2017", "admin_nickname", group=group)
    assert (admin.person, admin.since, admin.due) == ("li", at("11-04 10:00"), at("11-05 18:00"))
    assert admin.about == "李想的群昵称“李想”不合格，应为“李想(群负责人)”"
    former = found("suzhou-2017", "member_nickname", group=group)
    assert told(former) == [("group_admin", "li"), ("member", "qin")]
    assert {duty.since for duty in former} == {at("11-04 10:00")}


def test_a_duty_for_others_names_goes_over_to_the_new_admin():
    members = {"zhao": [("11-03 10:00", {"nickname": "敏敏"})]}
    duties = found(
        "suzhou-2017",
        "member_nickname",
        members=members | {"qin": [("11-04 10:00", {"nickname": "秦岭"})]},
        group=[("11-04 10:00", {"admin": "li"})],
    )
    old, new, own = duties
    assert (old.person, old.since, old.met_at) == ("qin", at("11-03 10:00"), at("11-04 10:00"))
    assert (new.person, new.since, new.met_at) == ("li", at("11-04 10:00"), None)
    assert (own.person, own.since, own.met_at) == ("zhao", at("11-03 10:00"), None)


def test_without_a_rule_for_offices_their_holders_are_members():
    duties = found("bank-customer", "member_nickname")
    assert told(duties) == [("member", "luo"), ("member", "qin")]


def test_the_groups_name_is_checked_where_the_companys_is_known():
    assert found("suzhou-2017", "group_name") == []
    (duty,) = found("suzhou-2017", "group_name", company="恒川")
    assert told([duty]) == [("group_owner", "luo")]
    assert duty.about == "群名“生产一群”不合格，应为“恒川……”"
    group = [("11-03 09:00", {"name": "恒川 生产一群"}), ("11-05 09:00", {"name": "摸鱼群"})]
    first, second = found("suzhou-2017", "group_name", company="恒川", group=group)
    assert first.met_at == at("11-03 09:00")
    assert (second.since, second.met_at) == (at("11-05 09:00"), None)


def test_a_group_of_which_the_id_alone_is_known_has_no_wrong_name():
    assert found("suzhou-2017", "group_name", company="恒川", group=[(START, {"name": "g"})]) == []


def test_what_happens_later_is_not_known_yet():
    members = {"li": [("11-03 10:00", {"nickname": "阿想"}), ("11-04 09:00", {"nickname": "李想"})]}
    for moment, count, met in [
        ("11-03 09:59", 0, []),
        ("11-03 12:00", 1, [None]),
        ("11-05 00:00", 1, [at("11-04 09:00")]),
    ]:
        duties = found("division", "member_nickname", members=members, until=at(moment))
        own = [duty for duty in duties if duty.person == "li"]
        assert (len(own), [duty.met_at for duty in own]) == (count, met)

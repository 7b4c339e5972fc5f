"""Groups and members: what files bring in, what held at which time, and what messages make of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from moderation.types import GroupKind, SenderRole
from service import cli, rosterfiles
from service.rights import Role
from service.rosterrows import GroupIn, MemberIn
from service.storage import roster, rosterbook
from service.storage.database import Database
from tests.accounts import service, with_key
from tests.support import Api

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
POLICY = """id = "joint"
title = "某公司群管理办法"
groups = ["work"]

[[article]]
article = "3"
labels = ["illicit_ad"]
summary = "不得发布黑产广告，罚款20元，直属上级负连带责任"
penalty = { kind = "fine", min = "20.00", max = "20.00" }
liable = ["sender", "supervisor", "group_admin"]
"""
GROUPS = """群ID,群名,类型,制度,群主,群负责人
g-1,生产一部,工作群,factory,u-1,u-2
g-2,羽毛球群,兴趣群,,u-1,
"""
MEMBERS = """群ID,成员ID,群昵称,角色,直属上级,姓名,部门,月薪,入群时间,退群时间
g-1,u-1,生产部-李想,员工,,李想,生产部,"12,000.00",2026/3/1,
g-1,u-2,生产部-王岚,,u-1,王岚,生产部,8500,2026-03-01 08:30,2026年6月30日
g-2,u-1,李想,,,,,,,
g-1,k-9,周先生,客户,,,,,,
"""


def read(*texts: str | bytes) -> rosterfiles.RosterFiles:
    """Read files named f1, f2, …"""
    named = [
        (f"f{number}", text.encode() if isinstance(text, str) else text)
        for number, text in enumerate(texts, 1)
    ]
    return rosterfiles.read(named, ["factory", "shenzhen", "suzhou-2017"], ZONE)


def mistakes(*texts: str | bytes) -> list[str]:
    return [str(error) for error in read(*texts).errors]


def day(month: int, number: int) -> datetime:
    return datetime(2026, month, number, 12, tzinfo=ZONE)


def bring_in(database: Database, *texts: str, at: datetime = NOW, **options) -> rosterbook.Plan:
    return rosterbook.bring_in(database, at, "test", read(*texts), at, **options)


def members_of(database: Database, group_id: str, at: datetime) -> list[str]:
    with database.read() as connection:
        return [one.member_id for one in roster.members_of(connection, group_id, at)]


@pytest.fixture
def brought_in(database):
    assert not bring_in(database, GROUPS, MEMBERS).errors
    return database


def test_a_spreadsheet_in_chinese_is_understood():
    found = read(GROUPS, MEMBERS)
    assert not found.errors
    first, second = (line.row for line in found.groups)
    assert (first.group_id, first.name, first.policy) == ("g-1", "生产一部", "factory")
    assert (second.kind, second.policy, second.admin) == (GroupKind.INTEREST, None, None)
    one, other, _, guest = (line.row for line in found.members)
    assert (one.nickname, one.name, str(one.wage)) == ("生产部-李想", "李想", "12000.00")
    assert one.joined == datetime(2026, 3, 1, tzinfo=ZONE)
    assert other.joined == datetime(2026, 3, 1, 8, 30, tzinfo=ZONE)
    assert other.left == datetime(2026, 7, 1, tzinfo=ZONE), "the last day is still his"
    assert guest.role is SenderRole.CUSTOMER


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_way_a_spreadsheet_writes_it(encoding, separator):
    text = GROUPS.replace(",", separator).replace("\n", "\r\n")
    assert read(text.encode(encoding)).groups == read(GROUPS).groups


def test_json_as_array_and_as_lines():
    rows = [
        {"group_id": "g-1", "name": "生产一部", "kind": "work", "owner": None},
        {"群ID": "g-1", "成员ID": 1007, "月薪": 8500.50, "dissolved": ""},
    ]
    rows[1].pop("dissolved")
    array = read(json.dumps(rows, ensure_ascii=False, indent=1))
    lines = read("\n".join(json.dumps(row) for row in rows))
    assert not array.errors
    assert [one.row for one in array.groups] == [one.row for one in lines.groups]
    assert [one.row for one in array.members] == [one.row for one in lines.members]
    assert array.members[0].row.member_id == "1007"
    assert str(array.members[0].row.wage) == "8500.5"


def test_every_mistake_is_named_with_line_and_column():
    groups = GROUPS + "g-3,三部,工做群,factroy,,\n\ng-1,又一个,,,,\n,没有号,,,,\n"
    members = MEMBERS + "g-1,u-3,,员工,,,,很多,2026-13-01,\ng-1,u-4,,,,,,,2026-03-02,2026-03-01\n"
    assert mistakes(groups, members) == [
        "f1:4: 类型: unknown kind '工做群'; did you mean '工作群'?",
        "f1:4: 制度: unknown policy 'factroy'; did you mean 'factory'?",
        "f1:7: 群ID: is missing",
        "f2:6: 入群时间: no time: '2026-13-01'; write 2026-03-01 or 2026-03-01 09:30",
        "f2:6: 月薪: Input should be a valid decimal",
        "f2:7: left must be after joined",
        "f1:6: the same as f1:2",
    ]


def test_a_wrong_column_is_one_mistake_in_the_header():
    text = "群ID,成员ID,直属上及\n" + "".join(f"g-1,u-{n},u-1\n" for n in range(50))
    assert mistakes(text) == ["f1:1: 直属上及: unknown column of members; did you mean '直属上级'?"]
    assert mistakes("群名\n甲\n乙\n") == ["f1:1: group_id: is missing"]
    twice = mistakes("群ID,群号,群名\ng-1,g-1,甲\n")
    assert twice == ["f1:1: 群号: means the same as '群ID'"]


def test_a_person_has_one_wage_in_all_groups():
    text = "群ID,成员ID,月薪\ng-1,u-1,8000\ng-2,u-1,8000.00\ng-3,u-1,9000\n"
    assert mistakes(text) == ["f1:4: wage: 'u-1' has another wage in f1:2"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('[{"group_id": "g-1", "name": "甲"},\n {"group_id": }]', "f1:2: not JSON"),
        ('[{"group_id": "g-1", "name": "甲"}', "f1:1: not JSON: the array does not end"),
        ("[1]", "f1:1: a record must be an object"),
        ('[{"group_id": ["a"], "name": "甲"}]', "f1:1: group_id: must be text or a number"),
        ('{"group_id": "a\\u0000b", "name": "甲"}', "f1:1: group_id: String should match"),
        ('群ID,群名\ng-1,"甲\n', "f1:2: not CSV"),
        ("群ID,群名\ng-1,甲,乙\n", "f1:2: has 3 cells, the header 2"),
        ("群ID,群名\ng-1," + "甲" * 201, "f1:2: 群名: String should have at most 200"),
        ("群ID,成员ID,退群时间\ng-1,u-1,9999-12-31", "f1:2: 退群时间: must be between 1970"),
        ("群ID,成员ID,入群时间\ng-1,u-1,1890-01-01", "f1:2: 入群时间: must be between 1970"),
        (b"\x81\xff\xff", "f1:1: neither UTF-8 nor GB18030"),
        (b" " * 20_000_001, "f1:1: the file has 20000001 bytes"),
    ],
)
def test_what_cannot_be_read_is_said(text, mistake):
    (found,) = mistakes(text)
    assert found.startswith(mistake)


@given(
    st.one_of(st.binary(), st.text().map(str.encode), st.text("[]{},\"':g\\u0 1\n").map(str.encode))
)
def test_no_file_breaks_the_reader(content):
    for error in read(content).errors:
        str(error).encode()


def test_who_is_in_a_group_depends_on_the_time(brought_in):
    assert members_of(brought_in, "g-1", day(2, 1)) == ["k-9"], "who knows since when"
    assert members_of(brought_in, "g-1", day(5, 1)) == ["k-9", "u-1", "u-2"]
    assert members_of(brought_in, "g-1", day(6, 30)) == ["k-9", "u-1", "u-2"]
    assert members_of(brought_in, "g-1", day(7, 2)) == ["k-9", "u-1"]


def test_the_same_file_again_changes_nothing(brought_in):
    again = bring_in(brought_in, GROUPS, MEMBERS, at=NOW + timedelta(days=30))
    assert again.counts["groups"] == {"added": 0, "changed": 0, "same": 2}
    assert again.counts["members"] == {"added": 0, "changed": 0, "left": 0, "same": 4}
    assert not again.members


PEOPLE = """工号,姓名,部门,月薪,入职日期,离职日期
u-1,李想,生产部,12000,2024-03-01,
u-2,王岚,生产部,8500,2024-03-01,2026-06-30
"""


def test_a_spreadsheet_of_hr_is_understood():
    found = read(PEOPLE)
    assert not found.errors
    first, second = (line.row for line in found.people)
    assert (first.member_id, first.department, first.employed_until) == ("u-1", "生产部", None)
    assert first.employed_from == datetime(2024, 3, 1, tzinfo=ZONE)
    assert second.employed_until == datetime(2026, 7, 1, tzinfo=ZONE), "the last day is still his"


def test_departments_of_a_group_are_divided_by_semicolons():
    table = read(
        "群ID,群名,部门,临时群,任务结束时间\ng-1,甲,生产部;质检部；生产部,是,2026-06-30\ng-2,乙,,否,\n"
    )
    objects = read('[{"group_id": "g-1", "name": "甲", "departments": ["生产部", "质检部"]}]')
    assert not [*table.errors, *objects.errors]
    first, second = (line.row for line in table.groups)
    assert first.departments == objects.groups[0].row.departments == ("生产部", "质检部")
    assert (first.temporary, second.temporary, second.departments) == (True, False, None)
    assert first.ended_at == datetime(2026, 7, 1, tzinfo=ZONE)
    wrong = mistakes('[{"group_id": "g-1", "name": "甲", "departments": {"a": 1}}]')
    assert wrong == ["f1:1: departments: must be a list of names, in a table divided by semicolons"]


def test_mistakes_of_hr_are_named_with_line_and_column():
    people = PEOPLE + "u-3,周,生产部,很多,2024-13-01,\nu-1,,,,,\nu-4,吴,,,2024-03-01,2024-02-01\n"
    members = "群ID,成员ID,姓名\ng-1,u-2,王兰\n"
    assert mistakes(people, members, "工号,入职日\nu-9,2024-03-01\n") == [
        "f1:4: 入职日期: no time: '2024-13-01'; write 2026-03-01 or 2026-03-01 09:30",
        "f1:4: 月薪: Input should be a valid decimal",
        "f1:6: employed_until must be after employed_from",
        "f3:1: 入职日: unknown column of people; did you mean '入职日期'?",
        "f1:5: the same as f1:2",
        "f2:2: name: 'u-2' has another name in f1:3",
    ]


def test_what_hr_says_is_kept_and_what_it_leaves_out_stays(database):
    made = bring_in(database, PEOPLE)
    assert made.counts["people"] == {"added": 2, "changed": 0, "same": 0}
    again = bring_in(database, PEOPLE)
    assert again.counts["people"] == {"added": 0, "changed": 0, "same": 2}
    moved = "工号,部门,入职日期\nu-1,质检部,\nu-2,,2026-09-01\n"
    tried = bring_in(database, moved, dry_run=True)
    assert tried.counts["people"] == {"added": 0, "changed": 2, "same": 0}
    assert bring_in(database, moved).counts["people"]["changed"] == 2
    with database.read() as connection:
        found = roster.people_by_id(connection, ["u-1", "u-2"])
    assert (found["u-1"].department, str(found["u-1"].wage)) == ("质检部", "12000.00")
    back = found["u-2"]
    assert back.employed_from == datetime(2026, 9, 1, tzinfo=ZONE)
    assert back.employed_until is None, "who is employed again has no end before him"


def test_a_change_of_department_is_dated_when_it_is_told(database):
    def since(text: str, at: datetime) -> datetime | None:
        bring_in(database, text, at=at)
        with database.read() as connection:
            return roster.people_by_id(connection, ["u-1"])["u-1"].department_since

    later = NOW + timedelta(days=9)
    assert since(PEOPLE, NOW) is None, "employed from a day that is known, so in it from then"
    moved = "工号,部门,月薪\nu-1,质检部,12000.00\n"
    assert since(moved, later) == later
    assert since("工号,部门,月薪\nu-1,质检部,13000.00\n", later + timedelta(days=1)) == later
    assert since("工号,部门\nu-1,生产部\n", later + timedelta(days=2)) == later + timedelta(days=2)


def test_what_a_later_file_leaves_out_stays_known(brought_in):
    later = NOW + timedelta(days=1)
    bring_in(
        brought_in, "群ID,群名\ng-1,生产一车间\n", "群ID,成员ID,昵称\ng-1,k-9,周总\n", at=later
    )
    with brought_in.read() as connection:
        (group,) = roster.groups_at(connection, ["g-1"], later)
        assert (group.name, group.policy, group.owner) == ("生产一车间", "factory", "u-1")
        (before,) = roster.groups_at(connection, ["g-1"], NOW)
        assert before.name == "生产一部"
        guest = roster.member_at(connection, "g-1", "k-9", later)
        assert guest is not None
        assert (guest.nickname, guest.role) == ("周总", SenderRole.CUSTOMER)


def test_one_who_left_may_come_back(brought_in):
    back = "群ID,成员ID,入群时间,退群时间\ng-1,u-2,2026-09-01,\n"
    assert bring_in(brought_in, back).counts["members"]["changed"] == 1
    at = {month: "u-2" in members_of(brought_in, "g-1", day(month, 15)) for month in (5, 8, 10)}
    assert at == {5: True, 8: False, 10: True}
    both = "群ID,成员ID,入群时间,退群时间\ng-2,u-2,2026-09-01,\ng-2,u-2,2026-03-01,2026-04-01\n"
    assert not bring_in(brought_in, both).errors
    at = {month: "u-2" in members_of(brought_in, "g-2", day(month, 15)) for month in (3, 5, 10)}
    assert at == {3: True, 5: False, 10: True}


def test_a_change_that_comes_to_light_late_takes_its_place(brought_in):
    ids = ("g-1", "u-2")
    with brought_in.write() as connection:
        for month, boss in ((5, "u-5"), (4, "u-4")):
            said = MemberIn(supervisor=boss)
            rosterbook.put_member(connection, NOW, "test", ids, said, day(month, 1))
        found = [
            roster.place_at(connection, *ids, day(month, 15)).liable("supervisor", "u-2")
            for month in (3, 4, 5)
        ]
    assert found == ["u-1", "u-4", "u-5"]
    assert "u-2" not in members_of(brought_in, "g-1", day(7, 2)), "he has left all the same"


def test_a_change_said_of_an_earlier_time_holds_until_now(database):
    ids = ("g-1", "u-1")
    with database.write() as connection:
        for name, since in (("一部", NOW), ("二部", day(3, 1))):
            rosterbook.put_group(connection, NOW, "test", "g-1", GroupIn(name=name), since)
            said = MemberIn(nickname=name)
            rosterbook.put_member(connection, NOW, "test", ids, said, since)
        (group,) = roster.groups_at(connection, ["g-1"])
        member = roster.member_at(connection, *ids)
        (before,) = roster.groups_at(connection, ["g-1"], day(2, 1))
    assert member is not None
    assert (group.name, member.nickname, before.name) == ("二部", "二部", "一部")


def test_nothing_is_brought_in_when_a_line_is_wrong(database):
    wrong = MEMBERS + "g-l,u-7,,,,,,,,\n"
    made = bring_in(database, GROUPS, wrong)
    assert [str(error) for error in made.errors] == [
        "f2:6: group_id: no group 'g-l'; did you mean 'g-2'?"
    ]
    with database.read() as connection:
        assert not roster.groups_at(connection)
    made = bring_in(database, GROUPS, wrong, skip_bad=True)
    assert len(made.errors) == 1
    assert members_of(database, "g-1", NOW) == ["k-9", "u-1"]


def test_five_thousand_members_of_two_hundred_groups(database):
    groups = "group_id,name\n" + "".join(f"g{n},第{n}群\n" for n in range(200))
    rows = (f"g{n % 200},u{n},员工{n},u{n % 50},2026-01-0{1 + n % 9}\n" for n in range(5000))
    members = "group_id,member_id,nickname,supervisor,joined\n" + "".join(rows)
    made = bring_in(database, groups, members)
    assert made.counts["members"]["added"] == 5000
    assert len(members_of(database, "g7", NOW)) == 25
    moved = members.replace(",u7,2026", ",u8,2026")
    changed = bring_in(database, moved, at=NOW + timedelta(days=1))
    assert changed.counts["members"] == {"added": 0, "changed": 100, "left": 0, "same": 4900}
    with database.read() as connection:
        assert sum(roster.member_counts(connection, NOW).values()) == 5000


@pytest.fixture
def app(database_url, quiet_model, tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "joint.toml").write_text(POLICY, "utf-8")
    app = service(tmp_path / "data", quiet_model, database=database_url, policies_dir=folder)
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def admin(app):
    return with_key(app, Role.ADMIN)


def put(api: Api, url: str, body: object, **query: str):
    answer = api.request("PUT", url, json=body, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def classify(app, text: str = "代开发票，加微信", **given) -> dict:
    answer = Api(app).post("/v1/classify", json={"text": text, "sender_id": "u-2"} | given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_groups_and_members_over_http(app, admin):
    body = {"name": "生产一部", "policy": "factory", "owner": "u-1"}
    group = put(admin, "/v1/groups/g-1", body)
    assert group | body == group
    assert (group["kind"], group["members"], group["dissolved"]) == ("work", 0, False)
    member = put(
        admin,
        "/v1/groups/g-1/members/u-2",
        {"nickname": "生产部-王岚", "name": "王岚", "supervisor": "u-1", "wage": "8500.00"},
    )
    assert (member["name"], member["supervisor"], member["present"]) == ("王岚", "u-1", True)
    assert "wage" not in member
    (listed,) = admin.get("/v1/groups").json()
    assert (listed["group_id"], listed["members"]) == ("g-1", 1)
    assert [one["member_id"] for one in admin.get("/v1/groups/g-1/members").json()] == ["u-2"]
    left = datetime.now(UTC).isoformat()
    assert admin.request("DELETE", "/v1/groups/g-1/members/u-2").status_code == 204
    assert admin.get("/v1/groups/g-1/members").json() == []
    was = admin.get("/v1/groups/g-1/members", params={"at": left}).json()
    assert [one["member_id"] for one in was] == ["u-2"]
    (gone,) = admin.get("/v1/groups/g-1/members", params={"gone": True}).json()
    assert not gone["present"]
    assert admin.request("DELETE", "/v1/groups/g-1/members/u-2").status_code == 404


def test_departments_and_temporary_groups_over_http(admin):
    body = {
        "name": "备货",
        "departments": ["生产部", "质检部", "生产部"],
        "temporary": True,
        "ended_at": "2026-06-30T10:00:00Z",
    }
    group = put(admin, "/v1/groups/g-1", body)
    assert group | body | {"departments": ["生产部", "质检部"]} == group
    assert admin.get("/v1/groups").json() == [group]
    plain = put(admin, "/v1/groups/g-1", {"name": "备货"})
    assert (plain["departments"], plain["temporary"], plain["ended_at"]) == ([], False, None)


def test_people_over_http(admin):
    body = {
        "name": "李想",
        "department": "生产部",
        "employed_from": "2024-03-01T00:00:00Z",
        "employed_until": None,
    }
    person = put(admin, "/v1/people/u-1", body | {"wage": "12000.00"})
    assert person == body | {"member_id": "u-1"}, "a wage is in the payroll export alone"
    assert admin.get("/v1/people/u-1").json() == person
    put(admin, "/v1/people/u-1", body | {"wage": "12000.00"})
    changes = admin.get("/v1/audit", params={"verb": "people.put"}).json()
    assert len(changes["entries"]) == 1, "the same again is no change"
    put(admin, "/v1/people/u-2", {"department": "质检部"})
    page = admin.get("/v1/people", params={"limit": 1}).json()
    assert (page["people"], page["next"]) == ([person], "u-1")
    page = admin.get("/v1/people", params={"after": "u-1"}).json()
    assert ([one["member_id"] for one in page["people"]], page["next"]) == (["u-2"], None)
    assert put(admin, "/v1/people/u-2", {})["department"] is None, "what is absent is unset"
    put(admin, "/v1/groups/g-1", {"name": "甲"})
    put(admin, "/v1/groups/g-1/members/u-1", {"name": "李想"})
    assert admin.get("/v1/people/u-1").json() == person, "a membership says nothing of employment"


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "told"),
    [
        ("GET", "/v1/people/nobody", None, 404, "nothing is known of 'nobody'"),
        ("PUT", "/v1/people/u-1", {"wage": "-1"}, 422, "/wage"),
        ("PUT", "/v1/people/u-1", {"employed_from": "1890-01-01T00:00:00Z"}, 422, "between 1970"),
        ("GET", "/v1/people?after=a%00b", None, 422, "/after"),
        ("PUT", "/v1/groups/g-1", {"name": "甲", "departments": [""]}, 422, "/departments/0"),
        ("GET", "/v1/groups/nowhere", None, 404, "no group 'nowhere'"),
        ("GET", "/v1/groups/nowhere/members", None, 404, "no group"),
        ("PUT", "/v1/groups/nowhere/members/u-1", {}, 404, "no group"),
        ("PUT", "/v1/groups/g-1", {"name": "甲", "policy": "factroy"}, 422, "'factory'"),
        ("PUT", "/v1/groups/g-1", {"name": "a\0b"}, 422, "/name"),
        ("PUT", "/v1/groups/g-1?since=2199-01-01T00:00:00Z", {"name": "甲"}, 422, "future"),
        ("GET", "/v1/groups?at=1890-01-01T00:00:00Z", None, 422, "between 1970"),
        ("GET", "/v1/groups/a%00b", None, 422, "/group_id"),
    ],
)
def test_what_is_wrong_is_said(admin, method, url, body, status, told):
    answer = admin.request(method, url, json=body)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_a_file_over_http(admin):
    url = "/v1/groups/import"
    tried = admin.post(url, content=GROUPS.encode("gb18030"), params={"dry_run": True})
    assert tried.json()["groups"] == {"added": 2, "changed": 0, "same": 0}
    assert admin.get("/v1/groups").json() == []
    assert admin.post(url, content=GROUPS.encode()).status_code == 200
    wrong = (MEMBERS + "g-1,u-3,,主管,,,,,,\n").encode()
    refused = admin.post(url, content=wrong)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"pointer": "/6/角色", "detail": refused.json()["errors"][0]["detail"]}
    ]
    assert "unknown role '主管'" in refused.json()["detail"]
    taken = admin.post(url, content=wrong, params={"skip_bad": True}).json()
    assert taken["members"] == {"added": 3, "changed": 0, "left": 1, "same": 0}
    assert [one["pointer"] for one in taken["errors"]] == ["/6/角色"]


def test_a_message_is_judged_under_the_policy_and_kind_of_its_group(app, admin):
    assert classify(app, group_id="g-unknown")["policy"].startswith("suzhou-2017@")
    put(admin, "/v1/groups/g-1", {"name": "一部", "policy": "factory", "kind": "interest"})
    judged = classify(app, group_id="g-1", message_id="m-1")
    assert judged["policy"].startswith("factory@")
    assert judged["penalty"]["kind"] == "reminder"
    case = with_key(app, Role.REVIEWER).get(f"/v1/cases/{judged['case_id']}").json()
    assert case["group_kind"] == "interest"


def test_a_customer_of_the_roster_gets_no_penalty(app, admin):
    put(admin, "/v1/groups/g-1", {"name": "一部", "policy": "shenzhen"})
    assert classify(app, group_id="g-1")["penalty"]["kind"] == "warning"
    put(admin, "/v1/groups/g-1/members/u-2", {"role": "customer"})
    assert classify(app, group_id="g-1")["penalty"] is None


def test_a_group_whose_policy_is_gone_goes_to_review(app, admin, quiet_model, tmp_path):
    put(admin, "/v1/groups/g-1", {"name": "一部", "policy": "joint"})
    assert classify(app, "收到", group_id="g-1")["action"] == "pass"
    (tmp_path / "policies" / "joint.toml").unlink()
    later = service(
        tmp_path / "data",
        quiet_model,
        database=app.state.settings.database,
        policies_dir=tmp_path / "policies",
    )
    judged = classify(later, "收到", group_id="g-1")
    assert (judged["action"], judged["degraded"]) == ("review", ["policy"])
    assert judged["policy"].startswith("suzhou-2017@")
    assert judged["case_id"]
    later.state.recorder.close()
    later.state.database.close()


def test_who_is_liable_is_read_off_the_roster_at_the_time_of_the_message(app, admin):
    put(admin, "/v1/groups/g-1", {"name": "一部", "policy": "joint", "admin": "u-8"})
    start, change, end = (f"2026-0{month}-15T09:00:00+08:00" for month in (3, 4, 5))
    first = {"supervisor": "u-1", "joined": "2026-01-01T00:00:00+08:00"}
    put(admin, "/v1/groups/g-1/members/u-2", first)
    put(admin, "/v1/groups/g-1/members/u-2", {"supervisor": "u-9"}, since=change)
    reviewer = with_key(app, Role.REVIEWER)
    liable = []
    for number, sent_at in enumerate((start, end)):
        case = classify(app, group_id="g-1", message_id=f"m-{number}", sent_at=sent_at)["case_id"]
        for verb in ("claim", "confirm"):
            assert reviewer.post(f"/v1/cases/{case}/{verb}", json={}).status_code == 200
        found = with_key(app, Role.APPROVER).get("/v1/notices", params={"state": "draft"}).json()
        notice = next(one for one in found["notices"] if one["case_id"] == case)
        liable.append({one["party"]: one["member_id"] for one in notice["liable"]})
    assert liable == [
        {"sender": "u-2", "supervisor": "u-1", "group_admin": "u-8"},
        {"sender": "u-2", "supervisor": "u-9", "group_admin": "u-8"},
    ]


@pytest.fixture
def command(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MODERATION_DATABASE", database_url)

    def run(*words: object, code: int = 0) -> str:
        result = CliRunner().invoke(cli.app, [str(word) for word in words])
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_files_from_the_command_line(command, tmp_path):
    (tmp_path / "groups.csv").write_text(GROUPS, "gb18030")
    (tmp_path / "members.csv").write_text(MEMBERS, "utf-8-sig")
    files = tmp_path / "groups.csv", tmp_path / "members.csv"
    assert "would bring in groups: 2 added" in command("groups", "import", *files, "--dry-run")
    assert json.loads(command("groups", "list", "--json")) == []
    done = json.loads(command("groups", "import", *files, "--json"))
    assert done["brought_in"]
    assert done["members"]["added"] + done["members"]["left"] == 4
    assert "生产一部" in command("groups", "list")
    shown = json.loads(command("groups", "show", "g-1", "--at", "2026-05-01", "--json"))
    assert [one["name"] for one in shown["members"]] == [None, "李想", "王岚"]
    assert "王岚" not in command("groups", "show", "g-1")


def test_wrong_files_on_the_command_line(command, tmp_path):
    (tmp_path / "groups.csv").write_text(GROUPS + "g-3,三部,工做群,,,\n", "utf-8")
    told = command("groups", "import", tmp_path / "groups.csv", code=1)
    assert "groups.csv:4: 类型: unknown kind '工做群'; did you mean '工作群'?" in told
    assert "nothing was brought in" in told
    told = command("groups", "import", tmp_path / "groups.csv", "--skip-bad", code=1)
    assert "brought in groups: 2 added" in told
    command("groups", "import", tmp_path / "missing.csv", code=2)


def test_people_from_the_command_line(command, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE, "gb18030")
    told = command("groups", "import", tmp_path / "people.csv")
    assert "people: 2 added" in told
    listed = json.loads(command("groups", "people", "--json"))
    assert [one["member_id"] for one in listed] == ["u-1", "u-2"]
    assert "wage" not in listed[0]
    assert "王岚" in command("groups", "people", "--after", "u-1")

"""The bots as programs, against a real service."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from service.bots.archive import ArchiveError
from service.bots.groupinfo import rows
from service.bots.sample_bot import carry_out
from service.client import Asked, Client
from service.clientcalls import Call
from service.rights import Role
from tests.processes import Firm, free_port
from tests.support import cases

STAFF, OUTSIDE = "liqiang", "wmKqZbBwAAhT5rQ2nV8xYpLs0dEfGjAc"
ROOM = "wrKqZbBwAAp6SlXeHtUiQyNcMvGbRoFk"
FOUL = "诚信代开发嘌，加薇详谈"
CUSTOMER_GROUP = {
    "errcode": 0,
    "errmsg": "ok",
    "group_chat": {
        "chat_id": ROOM,
        "name": "销售客服群",
        "owner": STAFF,
        "create_time": 1764000000,
        "notice": "工作时间回复",
        "member_list": [
            {
                "userid": STAFF,
                "type": 1,
                "join_time": 1764000000,
                "join_scene": 1,
                "group_nickname": "客服小李",
                "name": "李强",
            },
            {
                "userid": OUTSIDE,
                "type": 2,
                "join_time": 1764000600,
                "join_scene": 3,
                "name": "王女士",
            },
        ],
        "admin_list": [{"userid": "chenjing"}, {"userid": STAFF}],
        "member_version": "f7b1",
    },
}
INTERNAL_GROUP = {
    "roomid": "wrInside",
    "roomname": "",
    "creator": STAFF,
    "room_create_time": 1764000000,
    "notice": "",
    "members": [{"memberid": STAFF, "jointime": 1764000000}, {"memberid": "wangfang"}],
    "errcode": 0,
}


def test_a_customer_group_becomes_rows_of_the_roster():
    group, *members = (
        row.model_dump(mode="json", exclude_unset=True) for row in rows(CUSTOMER_GROUP)
    )
    assert group == {
        "group_id": ROOM,
        "name": "销售客服群",
        "kind": "customer",
        "owner": STAFF,
        "admin": "chenjing",
    }
    assert members == [
        {
            "group_id": ROOM,
            "member_id": STAFF,
            "role": "staff",
            "nickname": "客服小李",
            "name": "李强",
            "joined": "2025-11-24T16:00:00Z",
        },
        {
            "group_id": ROOM,
            "member_id": OUTSIDE,
            "role": "customer",
            "name": "王女士",
            "joined": "2025-11-24T16:10:00Z",
        },
    ]


def test_an_internal_group_without_a_name_is_called_by_its_id():
    group, *members = (
        row.model_dump(mode="json", exclude_unset=True) for row in rows(INTERNAL_GROUP)
    )
    assert (group["name"], group["kind"], group["admin"]) == ("wrInside", "work", STAFF)
    assert [member["member_id"] for member in members] == [STAFF, "wangfang"]
    assert "joined" not in members[1]


def test_an_internal_group_with_somebody_outside_is_a_customer_group():
    info = INTERNAL_GROUP | {"members": [{"memberid": OUTSIDE}]}
    group, member = rows(info)
    assert (group.kind, member.role) == ("customer", "customer")


@pytest.mark.parametrize(
    "info",
    [
        {},
        [],
        "text",
        {"group_chat": {}},
        {key: INTERNAL_GROUP[key] for key in ("creator", "members")},
    ],
)
def test_what_is_no_group_is_refused(info):
    with pytest.raises(ArchiveError):
        rows(info)


@pytest.fixture(scope="module")
def firm(quiet_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("firm")
    database = f"sqlite:///{folder / 'firm.db'}"
    with Firm(folder, database, model=str(quiet_model), default_policy="shenzhen") as firm:
        yield firm


@pytest.fixture(scope="module")
def service(firm):
    return firm.start()


@pytest.fixture(scope="module")
def key(firm, service):
    """Every role but those that judge."""
    return firm.key("gateway", Role.BOT, Role.ADMIN)


def _run(bot: str, *args: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"service.bots.{bot}", *args]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)


def _lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def test_the_sample_bot_says_what_it_would_do(service, key):
    said = [
        {"text": FOUL, "message_id": "s-1", "group_id": "g-s", "sender_id": "u-1"},
        {"text": "收到"},
    ]
    done = _run("sample_bot", "--url", service.url, "--key", key, given=_lines(*said))
    assert done.returncode == 0, done.stderr
    assert f"报人工复核] {FOUL}" in done.stdout
    assert "条：" in done.stdout
    assert "案件 c" in done.stdout
    assert "[放行] 收到\n" in done.stdout


def test_the_sample_bot_goes_on_after_a_wrong_line(service, key):
    given = _lines(
        {"text": "收到"},
        {"text": ""},
        {"no": "text"},
        {"text": "好", "policy": "x"},
        {"text": "好的"},
    )
    done = _run("sample_bot", "--url", service.url, "--key", key, "--json", given=given)
    assert done.returncode == 1
    assert [json.loads(line)["does"] for line in done.stdout.splitlines()] == ["放行", "放行"]
    assert len(done.stderr.splitlines()) == 3


def test_the_sample_bot_carries_out_what_people_decided(firm, service, key, capsys):
    with (
        Client(service.url, key) as bot,
        Client(service.url, firm.key("judge", Role.REVIEWER)) as reviewer,
        Client(service.url, firm.key("signer", Role.APPROVER)) as approver,
    ):
        case_id = bot.classify(Asked(FOUL, "s-9", "g-9", sender_id="u-9")).case_id
        reviewer.claim(case_id)
        reviewer.confirm(case_id)
        (notice,) = reviewer.case(case_id).notices
        for verb in ("approve", "publish"):
            approver.ask(Call("POST", f"/v1/notices/{notice.id}/{verb}", dict))
        carry_out(bot, as_json=False)
        assert "[执行] 群 g-9：u-9" in capsys.readouterr().out
        carry_out(bot, as_json=False)
        assert capsys.readouterr().out == ""


def test_an_archive_is_fed_once_however_often(service, key, tmp_path):
    good = [case["record"] for case in cases("wecom") if "error" not in case]
    foul = good[0] | {"msgid": "9001", "text": {"content": FOUL}, "tolist": [OUTSIDE]}
    taken_back = next(r for r in good if r["action"] == "recall" and r["roomid"])
    recall = taken_back | {"revoke": {"pre_msgid": "9001"}}
    unknown = taken_back | {"revoke": {"pre_msgid": "9999"}}
    archive, groups = tmp_path / "archive.jsonl", tmp_path / "groups.jsonl"
    records = [foul, recall, unknown, *(r for r in good if r["msgid"] not in ("7001_1764000000",))]
    archive.write_text(_lines(*records), encoding="utf-8")
    groups.write_text(_lines(CUSTOMER_GROUP, INTERNAL_GROUP), encoding="utf-8")
    args = (
        "--archive",
        str(archive),
        "--groups",
        str(groups),
        "--url",
        service.url,
        "--key",
        key,
        "--json",
    )
    first, second = _run("wecom", *args), _run("wecom", *args)
    assert first.returncode == 0, first.stderr
    (told, counts), (again, counts_again) = (
        [json.loads(line) for line in done.stdout.splitlines()] for done in (first, second)
    )
    assert told == again
    assert told["message_id"] == "9001"
    assert counts["counts"]["群成员资料"] == 4
    assert counts_again["counts"].get("群成员资料", 0) == 0
    assert counts["counts"]["待复核"] == 1
    assert counts["counts"]["撤回"] == 1
    assert counts["counts"]["撤回，原消息未知"] >= 1
    with Client(service.url, key) as client:
        case = client.case(told["case_id"])
    assert case.recalled_at is not None
    assert (case.group_kind, case.sender_role) == ("customer", "staff")


def test_groups_and_callbacks_tell_who_came_and_went_once_however_often(service, key, tmp_path):
    info = json.loads(json.dumps(CUSTOMER_GROUP).replace(ROOM, "wrLeavers"))
    chat = info["group_chat"]
    chat["member_list"][1]["invitor"] = {"userid": STAFF}
    callback = {
        "Event": "change_external_chat",
        "ChatId": "wrLeavers",
        "CreateTime": 1764003600,
        "ChangeType": "update",
        "UpdateDetail": "add_member",
        "MemChangeList": {"Item": ["wangfang"]},
    }
    groups, archive = tmp_path / "groups.jsonl", tmp_path / "archive.jsonl"
    archive.write_text(_lines(callback), encoding="utf-8")
    args = ("--url", service.url, "--key", key, "--groups", str(groups), "--archive", str(archive))

    def fed(*more: str) -> tuple[list[tuple[str, str | None, str | None]], set[str]]:
        groups.write_text(_lines(info), encoding="utf-8")
        done = _run("wecom", *args, *more)
        assert done.returncode == 0, done.stderr
        with Client(service.url, key) as client:
            wanted = {"group_id": "wrLeavers"}
            page = client.ask(Call("GET", "/v1/events", dict, params=wanted))
            present = {one.member_id for one in client.members("wrLeavers")}
        return [(one["kind"], one["member_id"], one["by"]) for one in page["events"]], present

    told, present = fed()
    came = {("joined", STAFF, None), ("joined", OUTSIDE, STAFF), ("joined", "wangfang", None)}
    assert set(told) == came | {("group_created", None, None)}
    assert present == {STAFF, OUTSIDE, "wangfang"}
    assert fed() == (told, present)
    chat["member_list"].pop()
    assert fed("--leavers")[1] == {STAFF}
    assert fed("--leavers") == fed("--leavers")


def test_wrong_lines_of_an_archive_are_told_and_the_rest_goes_on(service, key):
    record = cases("wecom")[0]["record"]
    given = "{\n" + _lines({"action": "send", "roomid": ROOM}, record)
    done = _run("wecom", "--archive", "-", "--url", service.url, "--key", key, given=given)
    assert done.returncode == 1
    assert "通过 1\n" in done.stdout
    assert "出错 2\n" in done.stdout
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("args", "about"),
    [
        (("--archive", "nowhere.jsonl"), "nowhere.jsonl"),
        ((), "--archive"),
        (("--archive", "-"), "401 Unauthorized"),
    ],
)
def test_wrong_use_is_exit_code_2(service, args, about):
    given = _lines(cases("wecom")[0]["record"])
    done = _run("wecom", *args, "--url", service.url, "--key", "wrong", given=given)
    assert done.returncode == 2
    assert about in done.stderr


def test_a_service_that_is_not_there_is_exit_code_2():
    url = f"http://127.0.0.1:{free_port()}"
    done = _run("sample_bot", "--url", url, "--key", "k", given=_lines({"text": "收到"}))
    assert done.returncode == 2
    assert "/v1/classify" in done.stderr

"""What becomes of the records of WeCom's session archive and callbacks; `cases/wecom.json` holds the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from moderation.types import MAX_TEXT
from service.asked import Asked
from service.bots.archive import ArchiveError, Recall, Skipped, convert
from service.bots.groupevents import of_callback, of_group
from tests.support import cases, params


def _expected(case):
    if "recall" in case:
        return Recall(*case["recall"])
    if "skipped" in case:
        return Skipped(case["skipped"])
    given = dict(case["asked"])
    return Asked(**given | {"sent_at": datetime.fromisoformat(given["sent_at"])})


@pytest.mark.parametrize("case", params(cases("wecom")))
def test_a_record_becomes(case):
    if "error" in case:
        with pytest.raises(ArchiveError, match=case["error"]):
            convert(case["record"])
    else:
        assert convert(case["record"]) == _expected(case)


def test_a_text_longer_than_is_judged_is_cut():
    record = cases("wecom")[0]["record"] | {"text": {"content": "好" * (MAX_TEXT + 1)}}
    assert len(convert(record).text) == MAX_TEXT


@pytest.mark.parametrize("record", [None, [], "text", {}, {"action": "send", "roomid": 7}])
def test_what_is_no_record_is_refused(record):
    with pytest.raises(ArchiveError):
        convert(record)


STAFF, OUTSIDE = "liqiang", "wmKqZbBwAAhT5rQ2nV8xYpLs0dEfGjAc"
STARTED = datetime(2025, 11, 24, 16, tzinfo=UTC)
CHAT = {
    "group_chat": {
        "chat_id": "wrCustomers",
        "owner": STAFF,
        "create_time": 1764000000,
        "member_list": [
            {"userid": STAFF, "join_time": 1764000000},
            {"userid": OUTSIDE, "join_time": 1764000600, "invitor": {"userid": STAFF}},
            {"userid": "wangfang"},
        ],
    }
}
ROOM = {
    "roomid": "wrInside",
    "creator": STAFF,
    "members": [{"memberid": STAFF, "jointime": 1764000000}],
}
CALLBACK = {
    "Event": "change_external_chat",
    "ChatId": "wrCustomers",
    "CreateTime": 1764000060,
    "ChangeType": "update",
    "UpdateDetail": "add_member",
    "MemChangeList": {"Item": [STAFF, OUTSIDE]},
}


def _short(events):
    return [(one.kind.value, one.member_id, one.by, one.at - STARTED) for one in events]


def test_a_group_says_since_when_it_is_who_came_when_and_who_brought_him():
    minute = timedelta(minutes=1)
    created, *came = of_group(CHAT)
    assert _short([created]) == [("group_created", None, None, 0 * minute)]
    assert _short(came) == [
        ("joined", STAFF, None, 0 * minute),
        ("joined", OUTSIDE, STAFF, 10 * minute),
    ]
    assert [one.role.value for one in came] == ["staff", "customer"]
    assert _short(of_group(ROOM)) == [("joined", STAFF, None, 0 * minute)]


def test_the_same_told_again_has_the_same_ids_and_anything_else_another():
    ids = [one.event_id for one in (*of_group(CHAT), *of_group(ROOM), *of_callback(CALLBACK))]
    again = [one.event_id for one in (*of_group(CHAT), *of_group(ROOM), *of_callback(CALLBACK))]
    assert ids == again
    assert len(set(ids)) == len(ids)
    assert not [one for one in ids if STAFF in one]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, [("joined", STAFF), ("joined", OUTSIDE)]),
        ({"UpdateDetail": "del_member", "MemChangeList": {"Item": STAFF}}, [("left", STAFF)]),
        ({"UpdateDetail": "del_member", "MemChangeList": [STAFF]}, [("left", STAFF)]),
        ({"ChangeType": "dismiss", "CreateTime": "1764000060"}, [("dissolved", None)]),
    ],
)
def test_a_callback_becomes(change, told):
    assert [(one.kind.value, one.member_id) for one in of_callback(CALLBACK | change)] == told


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ChangeType": "create"}, "待群资料 add_member"),
        ({"UpdateDetail": "change_name"}, "待群资料 change_name"),
        ({"MemChangeList": None}, "没有成员 add_member"),
    ],
)
def test_what_a_callback_does_not_say_itself_waits_for_the_group(change, reason):
    assert of_callback(CALLBACK | change) == Skipped(reason)


@pytest.mark.parametrize("change", [{"ChatId": 7}, {"CreateTime": "soon"}, {"MemChangeList": 7}])
def test_a_callback_that_is_none_is_refused(change):
    with pytest.raises(ArchiveError):
        of_callback(CALLBACK | change)


@pytest.mark.parametrize("info", [{}, {"group_chat": {}}, {"members": [{"memberid": 7}]}])
def test_a_group_that_is_none_has_no_events(info):
    with pytest.raises(ArchiveError):
        of_group(info)

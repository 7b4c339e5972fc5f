"""Events of groups: kept once each, and folded into the same history in whatever order they come."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import insert, select
from typer.testing import CliRunner

from moderation.types import GroupKind, SenderRole
from service import cli
from service.conduct.model import Duty, Event
from service.eventforms import EventIn, Kind
from service.events import OF_GROUP, OF_MEMBER, fold_group, fold_member
from service.rights import Role
from service.rosterrows import GroupIn, MemberIn
from service.storage import events, retention, roster, rosterbook
from service.storage.database import Database
from service.storage.erasure import erase
from service.storage.roster import Group, Member
from service.storage.schema import audit, checks, duties, turns
from service.storage.schema import events as table
from tests.accounts import service, with_key
from tests.support import Api

KEY = b"k" * 32
T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(days=20)
MEMBERS = ("u-1", "u-2")


def hours(count: float) -> datetime:
    return T0 + timedelta(hours=count)


def event(number: int, kind: str, at: datetime, **said: Any) -> EventIn:
    given = {"event_id": f"e-{number}", "kind": kind, "group_id": "g-1", "at": at}
    return EventIn.model_validate(given | said)


def folded(said: EventIn) -> Event:
    return Event(
        said.event_id,
        said.kind,
        said.group_id,
        said.at,
        said.member_id,
        said.by,
        said.detail(),
    )


names = st.sampled_from(["甲", "乙", "丙"])
moments = st.integers(0, 40).map(hours)
"""So few that several things happen at the same time."""


@st.composite
def happenings(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(list(Kind)))
    said: dict[str, Any] = {"kind": kind.value, "at": draw(moments)}
    if kind in OF_MEMBER or kind in (Kind.OWNER_CHANGED, Kind.ADMIN_CHANGED, Kind.CONSENT):
        said["member_id"] = draw(st.sampled_from(MEMBERS))
    if kind in (Kind.JOINED, Kind.RENAMED_MEMBER) and draw(st.booleans()):
        said["nickname"] = draw(names)
    if kind in (Kind.GROUP_RENAMED, Kind.GROUP_CREATED):
        said["name"] = draw(names)
    if kind is Kind.GROUP_CREATED:
        said |= {"temporary": draw(st.booleans()), "owner": draw(st.sampled_from(MEMBERS))}
    if kind is Kind.CONSENT:
        said["by"] = "u-9"
    if kind is Kind.NOTICE_POSTED:
        said["message_id"] = "m-1"
    return said


@st.composite
def weeks(draw: st.DrawFn) -> list[EventIn]:
    """Some events of a group, each with an id of its own."""
    said = draw(st.lists(happenings(), max_size=12))
    return [event(number, **one) for number, one in enumerate(said)]


@st.composite
def arrivals(draw: st.DrawFn, all_events: list[EventIn]) -> list[EventIn]:
    """The same events in another order, some of them more than once."""
    more = draw(st.lists(st.sampled_from(all_events))) if all_events else []
    return draw(st.permutations([*all_events, *more]))


stated_groups = st.dictionaries(moments, st.builds(Group, st.just("g-1"), names), max_size=3)
stated_members = st.dictionaries(
    moments,
    st.builds(
        Member, st.just("g-1"), st.just("u-1"), nickname=st.none() | names, present=st.booleans()
    ),
    max_size=3,
)


@given(data=st.data(), week=weeks(), groups=stated_groups, members=stated_members)
def test_any_order_of_events_folds_into_the_same_history(data, week, groups, members):
    again = data.draw(arrivals(week))
    first, second = (list(map(folded, one)) for one in (week, again))
    of_groups, of_members = sorted(groups.items()), sorted(members.items())
    assert fold_group(of_groups, first) == fold_group(of_groups, second)
    own = [[one for one in some if one.member_id == "u-1"] for some in (first, second)]
    assert fold_member(of_members, own[0]) == fold_member(of_members, own[1])


@given(week=weeks(), groups=stated_groups)
def test_what_is_stated_holds_from_its_time_until_something_happens(week, groups):
    stated = sorted(groups.items())
    made = fold_group(stated, map(folded, week))
    assert not {at for at, _ in made} & groups.keys(), "a stated version is never replaced"
    history = sorted([*stated, *made])
    for at, version in stated:
        assert roster.in_force(history, at) == version
        later = [one.at for one in week if one.at > at and one.kind in OF_GROUP]
        until = min([*later, *(other for other in groups if other > at)], default=None)
        if until is not None:
            assert roster.in_force(history, until - timedelta(seconds=1)) == version


def test_a_group_from_its_creation_to_its_end():
    said = [
        event(1, "group_created", hours(0), name="双十一备货", owner="u-1", temporary=True),
        event(2, "admin_changed", hours(1), member_id="u-2"),
        event(3, "group_renamed", hours(2), name="双十一备货(李想)"),
        event(4, "owner_changed", hours(3), member_id="u-3"),
        event(5, "task_ended", hours(4)),
        event(6, "dissolved", hours(5)),
    ]
    made = fold_group([], map(folded, said))
    assert [at for at, _ in made] == [hours(n) for n in range(6)]
    last = made[-1][1]
    assert last == Group(
        "g-1",
        "双十一备货(李想)",
        owner="u-3",
        admin="u-2",
        dissolved=True,
        temporary=True,
        ended_at=hours(4),
    )


def test_nothing_is_made_up_of_a_group_that_nobody_has_named():
    said = [event(1, "admin_changed", hours(1), member_id="u-2"), event(2, "dissolved", hours(2))]
    assert fold_group([], map(folded, said)) == []
    named = fold_group([(hours(0), Group("g-1", "一部"))], map(folded, said))
    assert [(one.admin, one.dissolved) for _, one in named] == [("u-2", False), ("u-2", True)]


def test_a_member_comes_renames_himself_leaves_and_comes_back():
    said = [
        event(1, "joined", hours(1), member_id="u-1", role="customer", by="u-9"),
        event(2, "renamed_member", hours(2), member_id="u-1", nickname="周先生"),
        event(3, "left", hours(3), member_id="u-1"),
        event(4, "joined", hours(4), member_id="u-1"),
        event(5, "renamed_member", hours(5), member_id="u-1"),
    ]
    made = [one for _, one in fold_member([], map(folded, said))]
    assert [one.present for one in made] == [True, True, False, True, True]
    assert [one.nickname for one in made] == [None, "周先生", "周先生", "周先生", None]
    assert {one.role for one in made} == {SenderRole.CUSTOMER}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from([*EventIn.model_fields, "other"]),
        json_values | st.sampled_from([*Kind, "g-1", "2026-11-02T09:00:00Z"]),
    )
)
def test_whatever_is_sent_is_kept_whole_or_refused(item):
    with suppress(ValidationError):
        said = EventIn.model_validate(item)
        json.dumps(said.detail())
        assert "\0" not in f"{said.detail()}{said.event_id}{said.member_id}{said.by}"


def keep(database: Database, said: list[EventIn], now: datetime = NOW) -> list[Any]:
    with database.write() as connection:
        return events.record(connection, now, "test", said, KEY)


def history(database: Database) -> Any:
    with database.read() as connection:
        groups = roster.group_history(connection)
        return groups, roster.member_history(connection, ["g-1", "g-2"])


def forget_all(database: Database) -> None:
    with database.write() as connection:
        for one in (table, roster.groups, roster.members, audit, checks):
            connection.execute(one.delete())


def state(database: Database) -> None:
    """Bring in what a roster says, whole, in the midst of the events."""
    with database.write() as connection:
        rosterbook.put_group(connection, NOW, "test", "g-1", GroupIn(name="名册"), hours(20))
        said = MemberIn(nickname="名册")
        rosterbook.put_member(connection, NOW, "test", ("g-1", "u-1"), said, hours(20))


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_arrival_leaves_the_same_history(database, seed):
    """Sixty events in batches of any size, some sent again, over a roster that was brought in before."""
    chance = random.Random(seed)
    said = []
    for number in range(60):
        kind = chance.choice(["joined", "left", "renamed_member", "group_renamed", "owner_changed"])
        more: dict[str, Any] = {"member_id": chance.choice(MEMBERS)}
        if kind == "renamed_member":
            more["nickname"] = chance.choice("甲乙丙")
        if kind == "group_renamed":
            more = {"name": chance.choice("甲乙丙")}
        at, group = hours(chance.randrange(40)), chance.choice(["g-1", "g-2"])
        said.append(event(number, kind, at, group_id=group, **more))
    state(database)
    keep(database, said)
    whole = history(database)
    assert roster.in_force(whole[0]["g-1"], hours(20)).name == "名册"
    assert roster.in_force(whole[1]["g-1", "u-1"], hours(20)).nickname == "名册"
    forget_all(database)
    state(database)
    coming = [*said, *chance.sample(said, 20)]
    chance.shuffle(coming)
    while coming:
        size = chance.randrange(1, 9)
        keep(database, coming[:size])
        del coming[:size]
    assert history(database) == whole


def test_what_a_roster_says_holds_whatever_event_comes_to_light_late(database):
    late = event(1, "group_renamed", hours(3), name="旧名")
    state(database)
    keep(database, [late])
    found, _ = history(database)
    assert [one.name for _, one in found["g-1"]] == ["名册", "旧名", "名册"]
    forget_all(database)
    keep(database, [late])
    state(database)
    assert history(database)[0] == found


def test_an_event_goes_on_from_a_roster_that_comes_in_later(database):
    keep(database, [event(1, "left", hours(30), member_id="u-1")])
    state(database)
    _, members = history(database)
    last = members["g-1", "u-1"][-1]
    assert last == (hours(30), Member("g-1", "u-1", nickname="名册", present=False))


def test_the_same_again_gets_the_same_answer_and_another_is_refused(database):
    said = [event(1, "joined", hours(1), member_id="u-1"), event(2, "dissolved", hours(2))]
    first = keep(database, said)
    assert keep(database, [*said, *said], NOW + timedelta(days=1)) == first * 2
    other = said[0].model_copy(update={"member_id": "u-2"})
    refused, *rest = keep(database, [other, said[1]])
    assert isinstance(refused, events.OtherEventError)
    assert rest == first[1:]
    with database.read() as connection:
        assert len(events.of_group(connection, "g-1")) == 2
        assert not roster.member_at(connection, "g-1", "u-2")


def next_at(database: Database, group_id: str = "g-1") -> datetime | None:
    with database.read() as connection:
        query = select(checks.c.next_at).where(checks.c.group_id == group_id)
        return connection.execute(query).scalar()


def test_whatever_changes_what_is_known_of_a_group_wakes_it(database):
    def sleep() -> None:
        with database.write() as connection:
            connection.execute(checks.update().values(next_at=NOW + timedelta(days=9)))

    keep(database, [event(0, "group_created", hours(0), name="一部")])
    joined = event(1, "joined", hours(1), member_id="u-1")
    keep(database, [joined])
    assert next_at(database) == NOW
    sleep()
    keep(database, [joined], NOW + timedelta(hours=1))
    assert next_at(database) == NOW + timedelta(days=9), "nothing new was said"
    with database.write() as connection:
        person = roster.Person("u-1", employed_until=NOW)
        roster.put_people(connection, NOW, "test", [person])
    assert next_at(database) == NOW
    sleep()
    with database.write() as connection:
        said = GroupIn(name="一部", departments=("生产部",))
        rosterbook.put_group(connection, NOW, "test", "g-1", said, NOW)
    assert next_at(database) == NOW


def test_the_audit_log_says_how_many_events_came_and_names_nobody(database):
    notice = event(2, "notice_posted", hours(2), message_id="m-1", text="李想请确认", by="u-1")
    keep(database, [event(1, "joined", hours(1), member_id="u-1", nickname="李想"), notice])
    with database.read() as connection:
        (row,) = connection.execute(select(audit)).all()
    assert (row.verb, row.subject) == ("events.add", "g-1")
    assert row.detail == {"joined": 1, "notice_posted": 1}


def everything(database: Database) -> str:
    with database.read() as connection:
        found = [
            [tuple(row) for row in connection.execute(select(one))]
            for one in (table, roster.groups, roster.members)
        ]
    return str(found)


def test_an_erased_person_is_in_no_event_and_no_history(database):
    said = [
        event(1, "joined", hours(1), member_id="lixiang-7", nickname="南哥", by="u-2"),
        event(2, "group_created", hours(0), name="李想的群", owner="lixiang-7"),
        event(3, "notice_posted", hours(2), message_id="m-1", members=["lixiang-7", "u-2"]),
        event(4, "notice_posted", hours(3), message_id="m-2", text="本人手机", by="lixiang-7"),
        event(5, "notice_posted", hours(3), message_id="m-3", text="李想请看", by="u-2"),
        event(6, "renamed_member", hours(4), member_id="u-2", nickname="跟着李想"),
    ]
    keep(database, said)
    with database.write() as connection:
        roster.put_people(connection, NOW, "test", [roster.Person("lixiang-7", "李想")])
    erase(database, NOW, "test", "lixiang-7", KEY)
    for word in ("lixiang-7", "李想", "南哥", "本人手机"):
        assert word not in everything(database)
    before = history(database)
    keep(database, said)
    assert history(database) == before, "sent again he stays forgotten"
    with database.write() as connection:
        members = [("g-1", "u-2"), *(("g-1", one) for _, one in before[1])]
        events.refold(connection, ["g-1"], members)
    assert history(database) == before
    assert len(before[1]) == 2


def test_an_erased_person_is_in_no_turn_and_his_duties_stay_the_same_ones(database):
    owed = Duty(
        rule="notice_acknowledged",
        article="4.2",
        group_id="g-1",
        party="member",
        person="lixiang-7",
        subject="m-1/lixiang-7",
        since=T0,
        due=NOW,
        about="李想没有回复通知",
    )
    said = {"group_id": "g-1", "sent_at": T0, "kind": "question", "mentions": ["李想", "王岚"]}
    with database.write() as connection:
        roster.put_people(connection, NOW, "test", [roster.Person("lixiang-7", "李想")])
        connection.execute(
            insert(turns),
            [
                said | {"message_id": "m-2", "sender_id": "lixiang-7", "text": "我的手机坏了"},
                said | {"message_id": "m-3", "sender_id": "u-2", "text": "李想在吗"},
            ],
        )
        row = {name: getattr(owed, name) for name in ("rule", "article", "group_id", "party")}
        row |= {name: getattr(owed, name) for name in ("person", "subject", "since", "due")}
        row |= {"policy_id": "factory", "state": "breached", "detail": {"about": owed.about}}
        connection.execute(insert(duties), [row | {"duty_id": owed.duty_id}])
    erase(database, NOW, "test", "lixiang-7", KEY)
    with database.read() as connection:
        (kept,) = connection.execute(select(duties)).all()
        told = str([kept, *connection.execute(select(turns)).all()])
    for word in ("lixiang-7", "李想", "我的手机"):
        assert word not in told
    assert "王岚" in told
    assert kept.person.startswith("erased-")
    again = replace(owed, person=kept.person, subject=f"m-1/{kept.person}")
    assert again.duty_id == kept.duty_id


def test_the_text_of_an_old_notice_goes_and_the_notice_stays_known(database):
    said = [event(1, "notice_posted", hours(0), message_id="m-1", text="请确认放假安排")]
    first = keep(database, said)
    later = NOW + timedelta(days=400)
    assert retention.purge(database, later, "test", 365, dry_run=True).group_notices == 1
    assert retention.purge(database, later, "test", 365).group_notices == 1
    assert retention.purge(database, later, "test", 365).group_notices == 0
    with database.read() as connection:
        (kept,) = events.of_group(connection, "g-1")
    assert kept.detail == {"message_id": "m-1"}
    (again,) = keep(database, said)
    assert again.received_at == first[0].received_at


@pytest.fixture
def app(database_url, quiet_model, tmp_path):
    app = service(tmp_path / "data", quiet_model, database=database_url)
    yield app
    app.state.recorder.close()
    app.state.database.close()


def sent(app, *said: Any) -> list[Any]:
    answer = Api(app).post("/v1/events", json={"events": list(said)})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def raw(number: int, kind: str, **said: Any) -> dict[str, Any]:
    at = "2026-11-02T17:00:00+08:00"
    return {"event_id": f"e-{number}", "kind": kind, "group_id": "g-1", "at": at} | said


def test_events_over_http(app):
    joined = raw(1, "joined", member_id="u-1", by="u-2", nickname="生产部-李想")
    created = raw(2, "group_created", name="一部", group_kind="customer", policy="factory")
    first = sent(app, joined, created)
    assert first[0]["event"] | joined | {"at": "2026-11-02T09:00:00Z"} == first[0]["event"]
    assert sent(app, joined, created) == first
    reader = with_key(app, Role.REVIEWER)
    (group,) = reader.get("/v1/groups").json()
    assert group["kind"] == GroupKind.CUSTOMER.value
    assert (group["policy"], group["members"]) == ("factory", 1)
    page = reader.get("/v1/events", params={"group_id": "g-1", "limit": 1}).json()
    assert [one["event_id"] for one in page["events"]] == ["e-1"]
    rest = {"group_id": "g-1", "after": page["next"]}
    page = reader.get("/v1/events", params=rest).json()
    assert ([one["event_id"] for one in page["events"]], page["next"]) == (["e-2"], None)
    lost = reader.get("/v1/events", params={"group_id": "g-1", "after": "e-9"})
    assert lost.status_code == 404


def test_one_bad_event_does_not_sink_the_rest(app):
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    results = sent(
        app,
        raw(1, "joined"),
        raw(2, "vanished"),
        raw(3, "left", member_id="u-1", at=ahead),
        raw(4, "group_created", policy="factroy"),
        raw(5, "left", member_id="u-1", nickname="甲"),
        raw(6, "left", member_id="a\x00b"),
        "left",
        raw(7, "dissolved"),
        raw(7, "task_ended"),
    )
    told = [one["error"]["detail"] if one["error"] else None for one in results]
    assert told[0] == "/events/0: 'joined' needs member_id"
    assert told[1].startswith("/events/1/kind: ")
    assert told[2] == "/events/2/at: lies in the future"
    assert told[3] == "/events/3/policy: unknown policy 'factroy'; did you mean 'factory'?"
    assert told[4] == "/events/4: nickname does not go with 'left'"
    assert told[5].startswith("/events/5/member_id: ")
    assert told[6].startswith("/events/6: ")
    assert told[7] is None
    assert (results[8]["error"]["status"], told[8]) == (
        409,
        "event_id 'e-7' was used for another event",
    )


def test_the_text_of_a_notice_is_not_shown(app):
    (answer,) = sent(app, raw(1, "notice_posted", message_id="m-1", text="放假安排", by="u-1"))
    assert answer["event"]["message_id"] == "m-1"
    shown = with_key(app, Role.ADMIN).get("/v1/events", params={"group_id": "g-1"})
    assert "放假安排" not in json.dumps(answer, ensure_ascii=False) + shown.text


@pytest.mark.parametrize("body", [{}, {"events": []}, {"events": [{}] * 1001}, {"events": {}}, []])
def test_a_request_that_is_none_is_refused(app, body):
    assert Api(app).post("/v1/events", json=body).status_code == 422


@pytest.fixture
def command(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MODERATION_DATABASE", database_url)

    def run(*words: object, code: int = 0, typed: str | None = None) -> str:
        result = CliRunner().invoke(cli.app, [str(word) for word in words], input=typed)
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_events_from_the_command_line(command, tmp_path):
    lines = [json.dumps(raw(1, "joined", member_id="u-1", nickname="生产部-李想"))]
    lines += ["", json.dumps(raw(2, "group_created", name="一部"))]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines), "utf-8")
    assert "2 events" in command("events", "import", file)
    wrong = f"{lines[0]}\nno JSON\n{json.dumps(raw(3, 'joined'))}\n"
    told = json.loads(command("events", "import", "-", "--json", code=1, typed=wrong))
    assert (told["kept"], [one["line"] for one in told["errors"]]) == (1, [2, 3])
    assert told["errors"][1]["problem"] == "'joined' needs member_id"
    listed = json.loads(command("events", "list", "--group", "g-1", "--json"))
    assert [one["event_id"] for one in listed] == ["e-1", "e-2"]
    assert "group_created" in command("events", "list", "--group", "g-1")
    command("events", "import", tmp_path / "none.jsonl", code=2)

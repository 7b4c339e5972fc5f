"""What a message leaves behind, on both databases: cases, fingerprints, floods, and no more than that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from moderation.policyfiles import PolicyBook
from moderation.types import GroupKind, SenderRole
from service.asked import Asked
from service.storage import intake as storage
from service.storage import roster
from service.storage.intake import ConflictError, Intake, UnknownMessageError
from service.storage.schema import audit, cases, metadata, seen, snapshots
from tests.support import CLEAN

KEY = b"k" * 32
T0 = datetime(2026, 11, 3, 1, tzinfo=UTC)
AD = "诚信代开发票，加微信详谈"
LINE = "本周六商场大促，全场五折起，欢迎选购"


class Replica:
    """A process of the service: an intake of its own over the shared database."""

    def __init__(self, database, moderator) -> None:
        self.database = database
        self.moderator = moderator
        self.intake = Intake(PolicyBook.load(), "suzhou-2017", KEY)

    def hears(self, *asked: Asked, at: datetime = T0) -> list[Any]:
        decisions = self.moderator.moderate([one.message() for one in asked])
        with self.database.write() as connection:
            return self.intake.record(
                connection,
                list(zip(asked, decisions, strict=True)),
                at,
                self.moderator.lexicon,
            )

    def hear(self, text: str, at: float = 0, **given: Any) -> Any:
        asked = Asked(**{"text": text, "group_id": "g-1", "sender_id": "u-1"} | given)
        return self.hears(asked, at=T0 + timedelta(seconds=at))[0]


@pytest.fixture
def replica(database, quiet) -> Replica:
    return Replica(database, quiet)


def counted(database, table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def dump(database) -> str:
    """Return everything that is in the database."""
    with database.read() as connection:
        return "\n".join(
            repr(tuple(row))
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
        )


def labels(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["label"], finding["source"]) for finding in answer["findings"]]


def test_a_flagged_message_becomes_a_case(replica, database):
    answer = replica.hear(AD, message_id="m-1")
    assert answer["action"] == "review"
    with database.read() as connection:
        row = connection.execute(select(cases)).one()
    assert row.case_id == answer["case_id"]
    assert (row.text, row.state, row.decision) == (AD, "open", answer)


def test_the_same_message_again_is_the_same_case(replica, database):
    first = replica.hear(AD, message_id="m-1")
    again = [
        replica.hear(AD, at=5, message_id="m-1"),
        Replica(database, replica.moderator).hear(AD, at=9, message_id="m-1"),
    ]
    assert again == [first, first]
    assert counted(database, cases) == counted(database, seen) == 1


def test_the_same_message_twice_in_one_batch(replica, database):
    one = Asked(AD, message_id="m-1", group_id="g-1", sender_id="u-1")
    first, second = replica.hears(one, one)
    assert first == second
    assert counted(database, cases) == counted(database, seen) == 1


def test_an_id_belongs_to_its_group(replica, database):
    first = replica.hear(AD, message_id="m-1")
    other = replica.hear(AD, message_id="m-1", group_id="g-2")
    assert first["case_id"] != other["case_id"]
    assert counted(database, cases) == 2


def test_another_text_under_a_known_id_is_a_conflict(replica, database):
    for text in (AD, CLEAN[0]):
        replica.hear(text, message_id=text)
        answer = replica.hear(text + "。", message_id=text)
        assert isinstance(answer, ConflictError)
    assert counted(database, cases) == 1
    assert counted(database, seen) == 2


def test_a_conflict_sinks_nobody_else(replica):
    replica.hear(AD, message_id="m-1")
    group = {"group_id": "g-1", "sender_id": "u-1"}
    conflict, fine = replica.hears(
        Asked("别的", message_id="m-1", **group), Asked(AD, message_id="m-2", **group)
    )
    assert isinstance(conflict, ConflictError)
    assert fine["case_id"]


def test_a_clean_message_again_passes_again(replica, database):
    first = replica.hear(CLEAN[0], message_id="m-1")
    again = replica.hear(CLEAN[0], message_id="m-1")
    assert first["action"] == again["action"] == "pass"
    assert counted(database, seen) == 1


def test_clean_messages_leave_no_text_and_no_names(replica, database):
    for number, text in enumerate(CLEAN):
        answer = replica.hear(
            text, message_id=f"clean-{number}", group_id="工艺组", sender_id="赵小溪"
        )
        assert answer["action"] == "pass"
    assert counted(database, seen) == len(CLEAN)
    everything = dump(database)
    for private in (*CLEAN, "工艺组", "赵小溪", "clean-"):
        assert private not in everything


def test_a_dry_run_leaves_nothing(replica, database):
    before = dump(database)
    asked = Asked(AD, message_id="m-1", group_id="g-1", sender_id="u-1", policy="shenzhen")
    decision = replica.moderator.moderate([asked.message()])[0]
    with database.read() as connection:
        answer = replica.intake.rulings.preview(connection, asked, decision, T0)
    assert answer["action"] == "review"
    assert answer["penalty"]["kind"] == "warning"
    assert answer["case_id"] is None
    assert dump(database) == before


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("数据库密码是 Tiger-2024x 别外传", "Tiger-2024x"),
        ("我的身份证号 11010519491231002X 请登记", "11010519491231002X"),
    ],
)
def test_private_parts_are_masked_in_answer_and_decision(replica, database, text, secret):
    answer = replica.hear(text, message_id="m-1")
    again = replica.hear(text, message_id="m-1")
    assert answer["findings"]
    assert secret not in str(answer)
    assert secret not in str(again)
    with database.read() as connection:
        row = connection.execute(select(cases)).one()
    assert secret not in str(row.decision)
    assert row.text == text


def test_a_recalled_message_stays_and_is_marked(replica, database):
    case_id = replica.hear(AD, message_id="m-1")["case_id"]
    replica.hear(CLEAN[0], message_id="m-2")
    with database.write() as connection:
        assert storage.recall(connection, KEY, "g-1", "m-1", T0) == case_id
        assert storage.recall(connection, KEY, "g-1", "m-1", T0 + timedelta(hours=1)) == case_id
        assert storage.recall(connection, KEY, "g-1", "m-2", T0) is None
        row = connection.execute(select(cases)).one()
        told = connection.execute(select(audit.c.verb)).scalars().all()
        marked = connection.execute(select(func.count()).where(seen.c.recalled)).scalar()
    assert (row.recalled_at, row.state) == (T0, "open")
    assert (told.count("case.recall"), marked) == (1, 2)


def test_an_unknown_message_cannot_be_recalled(replica, database):
    replica.hear(AD, message_id="m-1")
    for group_id, message_id in (("g-1", "m-9"), ("g-2", "m-1"), (None, "m-1")):
        with database.write() as connection, pytest.raises(UnknownMessageError):
            storage.recall(connection, KEY, group_id, message_id, T0)


@pytest.mark.parametrize("replicas", [1, 2])
def test_repeats_are_found_over_time(database, quiet, replicas):
    processes = [Replica(database, quiet) for _ in range(replicas)]
    answers = [processes[n % replicas].hear(LINE, at=n * 10) for n in range(5)]
    assert [labels(answer) for answer in answers] == [[]] * 4 + [[("flooding", "conversation")]]
    (finding,) = answers[4]["findings"]
    assert "01:00:00Z、01:00:10Z、01:00:20Z、01:00:30Z" in finding["evidence"][0]["reason"]
    assert answers[4]["action"] == "review"
    assert answers[4]["articles"]


def test_walls_of_nearly_equal_lines_are_found_by_two_processes(database, quiet):
    processes = [Replica(database, quiet) for _ in range(2)]
    answers = [
        processes[n % 2].hear(f"编号{1000 + n}的包裹已到，请尽快领取", at=n) for n in range(8)
    ]
    assert [n for n, answer in enumerate(answers, 1) if labels(answer)] == [8]


def test_bursts_are_found_in_one_batch(replica):
    asked = [
        Asked(f"{'甲乙丙丁戊己庚辛壬癸'[n % 10]}{n}号", group_id="g-1", sender_id="u-1")
        for n in range(20)
    ]
    answers = replica.hears(*asked)
    assert [n for n, answer in enumerate(answers, 1) if labels(answer)] == [20]


def test_one_text_by_several_senders_is_found_by_two_processes(database, quiet):
    processes = [Replica(database, quiet) for _ in range(2)]
    answers = [processes[n % 2].hear(LINE, at=n, sender_id=f"u-{n}") for n in range(5)]
    assert [n for n, answer in enumerate(answers, 1) if labels(answer)] == [5]


def test_a_repeated_delivery_is_no_flood(replica):
    answers = [replica.hear(LINE, at=n, message_id="m-1") for n in range(9)]
    assert not [answer for answer in answers if labels(answer)]


def test_messages_without_sender_or_group_are_no_flood(replica):
    for missing in ({"sender_id": None}, {"group_id": None}):
        answers = [replica.hear(LINE, at=n, **missing) for n in range(9)]
        assert not [answer for answer in answers if labels(answer)]


def test_thresholds_are_the_policys(database, quiet, tmp_path):
    file = tmp_path / "strict.toml"
    file.write_text(
        'id = "strict"\ntitle = "严"\n[flooding]\nrepeats = 2\n'
        '[[article]]\narticle = "1"\nlabels = ["flooding"]\nsummary = "不刷屏"\n',
        encoding="utf-8",
    )
    replica = Replica(database, quiet)
    replica.intake = Intake(PolicyBook.load(tmp_path), "strict", KEY)
    answers = [replica.hear(LINE, at=n) for n in range(2)]
    assert labels(answers[1]) == [("flooding", "conversation")]


def test_a_rolled_back_batch_is_forgotten_by_the_window(replica, database):
    for n in range(3):
        replica.hear(LINE, at=n)
    asked = Asked(LINE, group_id="g-1", sender_id="u-1")
    decision = replica.moderator.moderate([asked.message()])[0]

    def interrupted() -> None:
        with database.write() as connection:
            replica.intake.record(connection, [(asked, decision)], T0, replica.moderator.lexicon)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    replica.intake.forget()
    assert not labels(replica.hear(LINE, at=4))
    assert labels(replica.hear(LINE, at=5))


def in_group(database, **given: Any) -> None:
    """Put u-1 as a customer, and the group, into the roster."""
    group = roster.Group(**{"group_id": "g-1", "name": "客户群"} | given)
    customer = roster.Member("g-1", "u-1", role=SenderRole.CUSTOMER)
    with database.write() as connection:
        roster.put_groups(connection, T0, "test", [group], T0)
        roster.put_members(connection, T0, "test", [customer], T0)


def test_group_and_role_come_from_the_roster(replica, database):
    in_group(database, kind=GroupKind.CUSTOMER, policy="bank-customer")
    answer = replica.hear("弄死你，要你狗命")
    assert answer["policy"].startswith("bank-customer@")
    with database.read() as connection:
        row = connection.execute(select(cases)).one()
    assert (row.group_kind, row.sender_role) == ("customer", "customer")


def test_a_customer_who_floods_gets_no_penalty(replica, database):
    in_group(database)
    answers = [replica.hear(LINE, at=n) for n in range(5)]
    assert labels(answers[4]) == [("flooding", "conversation")]
    assert answers[4]["articles"]
    assert answers[4]["penalty"] is None
    assert replica.hear(LINE, at=9, sender_id="u-2", sender_role=None)["action"] == "pass"


def test_an_unknown_group_has_the_default_policy(replica):
    assert replica.hear(AD, group_id="never-heard-of")["policy"].startswith("suzhou-2017@")


def test_a_group_whose_policy_is_gone_goes_to_a_person(replica, database):
    in_group(database, policy="abolished")
    answer = replica.hear(CLEAN[0])
    assert (answer["action"], answer["degraded"]) == ("review", ["policy"])
    assert answer["policy"].startswith("suzhou-2017@")


def test_policy_and_lexicon_of_a_case_are_kept_once(replica, database):
    for n in range(3):
        replica.hear(AD, message_id=f"m-{n}")
    assert counted(database, snapshots) == 2


def test_a_case_of_flooding_alone_names_its_lexicon(replica, database):
    for n in range(5):
        replica.hear(LINE, at=n)
    with database.read() as connection:
        version = connection.execute(select(cases.c.lexicon_version)).scalar_one()
        kept = connection.execute(select(snapshots.c.version)).scalars().all()
    assert version == replica.moderator.lexicon.current().version
    assert version in kept


def test_cases_of_one_moment_are_in_the_order_of_coming_in(replica, database):
    asked = [Asked(f"{AD}{n}", message_id=f"m-{n}", group_id="g-1") for n in range(12)]
    came = [answer["case_id"] for answer in replica.hears(*asked)]
    assert came == sorted(came)

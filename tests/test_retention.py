"""Forgetting: what purge and erasure remove, and that everything that counts stands as it stood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from typer.testing import CliRunner

from moderation.types import GroupKind, SenderRole
from service import cli, ledger
from service.auth import secret
from service.replay import Outcome, replay
from service.rights import Role
from service.storage import audit, erasure, retention, roster
from service.storage.database import Database
from service.storage.schema import cases, entries, metadata, notices, seen
from service.storage.snapshots import Snapshots
from tests.accounts import service, with_key
from tests.support import Api

NAME, MEMBER, NICKNAME = "李想南", "lixiangnan-07", "生产部-南哥"
SECRET = "abc12800"
TEXT = f"代开发票，加微信 {SECRET}，量大从优"
COMMENT = f"他又发了 {SECRET} 的广告"
APPEAL = f"我只是转发 {SECRET} 给同事"


@pytest.fixture
def app(database_url, quiet_model, tmp_path) -> Iterator[FastAPI]:
    app = service(tmp_path / "data", quiet_model, database=database_url)
    yield app
    app.state.recorder.close()
    app.state.database.close()


@pytest.fixture
def firm(app) -> FastAPI:
    """Return the service of a firm where somebody has advertised twice and others speak of him."""
    admin = with_key(app, Role.ADMIN)
    groups = {"name": f"{NAME}的客户群", "policy": "shenzhen", "owner": MEMBER, "admin": "u-2"}
    ask(admin, "PUT", "/v1/groups/g-1", groups)
    member = {"nickname": NICKNAME, "name": NAME, "department": "生产部", "wage": "9000.00"}
    ask(admin, "PUT", f"/v1/groups/g-1/members/{MEMBER}", member)
    ask(admin, "PUT", "/v1/groups/g-1/members/u-3", {"supervisor": MEMBER})
    first = flagged(app, 1)
    second = flagged(app, 2)
    other = flagged(app, 3, f"{NAME}你这个骗子，nmsl，代开发票", "u-3")
    for case in (first, second, other):
        confirm(app, case)
    do(app, first, "comment", COMMENT)
    do(app, other, "comment", f"说的是{NAME}（{MEMBER}）")
    do(app, first, "appeal", APPEAL)
    publish(app, first)
    return app


def ask(api: Api, method: str, url: str, body: Any = None) -> Any:
    answer = api.request(method, url, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def message(number: int, text: str = TEXT, sender: str = MEMBER) -> dict[str, Any]:
    return {"text": text, "sender_id": sender, "group_id": "g-1", "message_id": f"m-{number}"}


def flagged(app: FastAPI, number: int, *given: str) -> str:
    return ask(Api(app), "POST", "/v1/classify", message(number, *given))["case_id"]


def confirm(app: FastAPI, case: str) -> None:
    reviewer = with_key(app, Role.REVIEWER)
    for verb in ("claim", "confirm"):
        ask(reviewer, "POST", f"/v1/cases/{case}/{verb}", {})


def do(app: FastAPI, case: str, what: str, told: str) -> None:
    ask(with_key(app, Role.REVIEWER), "POST", f"/v1/cases/{case}/{what}", {"text": told})


def publish(app: FastAPI, case: str) -> None:
    approver = with_key(app, Role.APPROVER)
    with app.state.database.read() as connection:
        query = select(notices.c.id).where(notices.c.case_id == case)
        number = connection.execute(query).scalar_one()
    for verb in ("approve", "publish"):
        ask(approver, "POST", f"/v1/notices/{number}/{verb}", {})


def cases_of(app: FastAPI) -> dict[str, Any]:
    """Return cases by message id."""
    with app.state.database.read() as connection:
        return {row.message_id: row for row in connection.execute(select(cases))}


def quotations(case: Any) -> set[str]:
    pieces = [piece for found in case.decision["findings"] for piece in found["evidence"]]
    return {piece[name] for piece in pieces for name in ("text", "read_as", "reason")}


def dump(database: Database) -> str:
    """Return every cell of every table as it is kept."""
    with database.read() as connection:
        return "\n".join(
            str(tuple(row))
            for table in metadata.tables
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        )


def standing(database: Database) -> Any:
    """Return the ledger and the notices but for who they are about."""
    with database.read() as connection:
        ledger_rows = [
            (row.case_id, row.policy_id, row.at, row.ruling, row.occurrences, row.kind, row.amount)
            for row in connection.execute(select(entries).order_by(entries.c.case_id))
        ]
        notice_rows = [
            (row.id, row.number, row.state, row.changed, row.penalty, row.amount, row.articles)
            for row in connection.execute(select(notices).order_by(notices.c.id))
        ]
    return ledger_rows, notice_rows


def assert_ledger_is_as_computed_afresh(database: Database) -> None:
    with database.read() as connection:
        kept = {row.case_id: row for row in connection.execute(select(entries))}
        confirmed = connection.execute(select(cases).where(cases.c.state == "confirmed")).all()
        breaches = [
            ledger.Breach(
                row.case_id,
                row.sender_id,
                Snapshots(()).policy(connection, row.policy_version),
                tuple(row.labels),
                row.sent_at,
                GroupKind(row.group_kind),
                SenderRole(row.sender_role),
            )
            for row in confirmed
        ]
    computed = ledger.record(breaches)
    assert len(computed) == len(kept) > 0
    for entry in computed:
        row = kept[entry.breach.case_id]
        assert (row.person, row.occurrences) == (entry.breach.person, entry.occurrences)
        assert row.ruling == entry.ruling.to_dict()


def assert_chain_holds(database: Database) -> None:
    with database.read() as connection:
        found = audit.verify(connection)
    assert found.problem is None
    assert found.rows > 5


def assert_replay_says_erased(app: FastAPI, case: str) -> None:
    found = replay(app.state.database, case, app.state.settings.registry, app.state.settings.model)
    assert (found.outcome, found.reason) == (Outcome.IMPOSSIBLE, "the text was erased")


def erase(app: FastAPI, member: str = MEMBER) -> Any:
    return ask(with_key(app, Role.ADMIN), "POST", f"/v1/members/{member}/erase")


def test_nothing_is_left_of_a_person(firm):
    before = dump(firm.state.database)
    assert all(word in before for word in (NAME, MEMBER, NICKNAME, SECRET, APPEAL))
    assert erase(firm)["cases"] == 2
    after = dump(firm.state.database)
    assert not [word for word in (NAME, MEMBER, NICKNAME, SECRET, APPEAL) if word in after]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_left_in_the_file_either(firm, database_url):
    erase(firm)
    file = Path(database_url.removeprefix("sqlite:///"))
    for path in (file, file.with_name(f"{file.name}-wal")):
        content = path.read_bytes()
        assert not [word for word in (NAME, MEMBER, NICKNAME, SECRET) if word.encode() in content]


def test_what_counts_stands_after_an_erasure(firm):
    before = standing(firm.state.database)
    erase(firm)
    assert standing(firm.state.database) == before
    assert_chain_holds(firm.state.database)
    assert_ledger_is_as_computed_afresh(firm.state.database)
    found = cases_of(firm)
    (pseudonym,) = {found["m-1"].sender_id, found["m-2"].sender_id}
    with firm.state.database.read() as connection:
        liable = connection.execute(select(notices.c.liable).order_by(notices.c.id)).scalars().all()
        supervisor = roster.place_at(connection, "g-1", "u-3", datetime.now(UTC))
    assert liable[0] == [{"party": "sender", "member_id": pseudonym}]
    assert supervisor.liable("supervisor", "u-3") == pseudonym
    assert supervisor.liable("group_owner", "u-3") == pseudonym


def test_of_his_cases_the_findings_stay_and_the_words_go(firm):
    before = cases_of(firm)["m-1"].decision
    erase(firm)
    row = cases_of(firm)["m-1"]
    assert row.text is None
    assert row.erased_at is not None
    for name in ("action", "articles", "penalty", "policy", "model", "case_id"):
        assert row.decision[name] == before[name]
    for old, new in zip(before["findings"], row.decision["findings"], strict=True):
        assert (new["label"], new["score"]) == (old["label"], old["score"])
        for piece, was in zip(new["evidence"], old["evidence"], strict=True):
            assert (piece["start"], piece["end"]) == (was["start"], was["end"])
            assert not piece["text"] + piece["read_as"] + piece["reason"]
    assert_replay_says_erased(firm, row.case_id)


def test_what_others_wrote_stays_without_his_name(firm):
    erase(firm)
    row = cases_of(firm)["m-3"]
    assert row.text == f"{'•' * len(NAME)}你这个骗子，nmsl，代开发票"
    assert row.sender_id == "u-3"
    pieces = [
        p for f in row.decision["findings"] for p in f["evidence"] if f["source"] == "lexicon"
    ]
    assert any(piece["text"] == "代开发票" for piece in pieces)
    assert_replay_says_erased(firm, row.case_id)
    shown = with_key(firm, Role.REVIEWER).get(f"/v1/cases/{row.case_id}").text
    assert f"说的是{'•' * len(NAME)}（{'•' * len(MEMBER)}）" in shown


def test_a_later_message_of_the_same_id_begins_afresh(firm):
    third = ask(Api(firm), "POST", "/v1/classify", message(4) | {"dry_run": True})
    assert third["penalty"]["occurrence"] == 3
    erase(firm)
    first = ask(Api(firm), "POST", "/v1/classify", message(4))
    assert first["penalty"]["occurrence"] == 1
    again = ask(Api(firm), "POST", "/v1/classify", message(1))
    assert again["case_id"] == cases_of(firm)["m-1"].case_id
    assert erase(firm)["cases"] == 1
    assert len({row.sender_id for row in cases_of(firm).values()}) == 3, "one for each record"


def test_the_audit_log_tells_of_an_erasure_and_not_of_whom(firm):
    erase(firm)
    print_ = erasure.fingerprint(secret(firm.state.settings), MEMBER)
    found = with_key(firm, Role.ADMIN).get("/v1/audit", params={"subject": print_}).json()
    assert [one["verb"] for one in found["entries"]] == ["person.erase"]
    again = with_key(firm, Role.ADMIN).post(f"/v1/members/{MEMBER}/erase")
    assert again.status_code == 404


def test_only_an_admin_erases(firm):
    others = [role for role in Role if role is not Role.ADMIN]
    answer = with_key(firm, *others).post(f"/v1/members/{MEMBER}/erase")
    assert answer.status_code == 403
    assert NAME in dump(firm.state.database)


def test_an_instruction_about_a_person_erased_is_cancelled(firm):
    bot = Api(firm)
    assert [one["member_id"] for one in bot.get("/v1/actions").json()["actions"]] == [MEMBER]
    erase(firm)
    assert bot.get("/v1/actions").json()["actions"] == []


def test_a_short_or_common_id_does_not_eat_the_texts_of_others(app):
    ask(with_key(app, Role.ADMIN), "PUT", "/v1/groups/g-1", {"name": "一部", "owner": "20"})
    flagged(app, 1, "代开发票，20元一张")
    erase(app, "20")
    assert cases_of(app)["m-1"].text == "代开发票，20元一张"


def later(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_old_closed_cases_lose_their_words(firm):
    database = firm.state.database
    flagged(firm, 5)
    before = standing(database)
    assert retention.purge(database, later(364), "test", 365).cases == 0
    expected = retention.purge(database, later(366), "test", 365, dry_run=True)
    assert expected.cases == 2, "not the open one, not the one with an open appeal"
    assert quotations(cases_of(firm)["m-2"]) > {"代开发票"}
    assert retention.purge(database, later(366), "test", 365) == expected
    found = cases_of(firm)
    assert {name: row.text is None for name, row in found.items()} == {
        "m-1": False,
        "m-2": True,
        "m-3": True,
        "m-5": False,
    }
    assert quotations(found["m-2"]) == {""}
    assert found["m-2"].sender_id == MEMBER, "the record stays his"
    assert standing(database) == before
    assert_chain_holds(database)
    assert_ledger_is_as_computed_afresh(database)
    assert_replay_says_erased(firm, found["m-2"].case_id)
    assert retention.purge(database, later(366), "test", 365).cases == 0


def test_a_purged_case_can_still_be_overturned(firm):
    database = firm.state.database
    retention.purge(database, later(366), "test", 365)
    case = cases_of(firm)["m-1"].case_id
    approver = with_key(firm, Role.APPROVER)
    ask(approver, "POST", f"/v1/cases/{case}/appeal/decision", {"outcome": "overturned"})
    second = cases_of(firm)["m-2"].case_id
    with database.read() as connection:
        query = select(entries.c.kind).where(entries.c.case_id == second)
        assert connection.execute(query).scalar_one() == "warning"
    assert_ledger_is_as_computed_afresh(database)


def prints(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(select(seen.c.id).order_by(seen.c.id)).scalars())


def test_fingerprints_go_when_they_have_no_more_use(app):
    database = app.state.database
    case = flagged(app, 1)
    for number in range(2, 6):
        ask(Api(app), "POST", "/v1/classify", message(number, f"第{number}车间已开工"))
    assert retention.purge(database, later(7), "test", 365).fingerprints == 0
    assert retention.purge(database, later(8), "test", 365).fingerprints == 3
    assert prints(database) == [1, 5], "that of the open case, and the newest"
    assert flagged(app, 1) == case
    ask(Api(app), "POST", "/v1/classify", message(6, "收到"))
    assert prints(database) == [1, 5, 6]
    confirm(app, case)
    retention.purge(database, later(400), "test", 365)
    assert prints(database) == [6]


def test_a_replica_that_starts_after_a_purge_numbers_on(app, quiet_model, tmp_path):
    for number in range(1, 4):
        ask(Api(app), "POST", "/v1/classify", message(number, f"第{number}车间已开工"))
    retention.purge(app.state.database, later(30), "test", 365)
    other = service(tmp_path / "data", quiet_model, database=app.state.settings.database)
    for number, one in enumerate((other, app, other), 4):
        ask(Api(one), "POST", "/v1/classify", message(number, f"第{number}车间已开工"))
    assert prints(app.state.database) == [3, 4, 5, 6]
    other.state.recorder.close()
    other.state.database.close()


@pytest.fixture
def command(firm, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MODERATION_DATABASE", firm.state.settings.database)

    def run(*words: str, code: int = 0, **given: str) -> str:
        result = CliRunner().invoke(cli.app, words, **given)
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_from_the_command_line(command, firm):
    done = json.loads(command("purge", "--days", "1", "--dry-run", "--json"))
    nothing = {"cases": 0, "fingerprints": 0, "group_notices": 0, "duties": 0}
    assert done == {"dry_run": True} | nothing
    assert "removed the text of 0 cases" in command("purge")
    command("erase", MEMBER, code=1, input="n\n")
    assert MEMBER in dump(firm.state.database)
    assert json.loads(command("erase", MEMBER, "--yes", "--json"))["cases"] == 2
    assert MEMBER not in dump(firm.state.database)

"""The audit log: nothing is altered, taken out or put in unseen, on both databases; paging; commands."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from typer.testing import CliRunner

from service import cli
from service.rights import Role
from service.storage import audit
from service.storage.audit import START, Change
from tests import accounts

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROWS = 6


@pytest.fixture
def chain(database):
    """Return a database with a chain of six rows, of three writes."""
    for number in range(ROWS // 2):
        with database.write() as connection:
            at = AT + number * timedelta(hours=1)
            changes = [
                Change(
                    "li.na", "case.confirm", f"案-{number}", {"labels": ["insult"], "n": number}
                ),
                Change("root", "notice.publish", str(number), {}),
            ]
            audit.append(connection, at, changes)
    return database


class _UndoneError(Exception):
    """Leaves a transaction without keeping it."""


def _tamper(database, *statements: str, **values) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def _after(database, *statements: str, noted: str | None = None, **values) -> audit.Verified:
    """Return what is found after statements, which are undone again."""
    found = audit.Verified(-1, "")
    with suppress(_UndoneError), database.write() as connection:
        for statement in statements:
            connection.execute(text(statement), values)
        found = audit.verify(connection, noted)
        raise _UndoneError
    return found


def _verified(database, noted: str | None = None) -> audit.Verified:
    with database.read() as connection:
        return audit.verify(connection, noted)


def _head(database) -> str:
    return _verified(database).head


def test_a_chain_left_alone_holds(chain):
    found = _verified(chain)
    assert (found.rows, found.problem) == (ROWS, None)
    assert found.head != START


def test_an_empty_chain_holds(database):
    assert _verified(database) == audit.Verified(0, START)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", 1_700_000_000_000),
        ("actor", "wang.wu"),
        ("verb", "case.reject"),
        ("subject", "案-9"),
        ("detail", '{"labels":["insult"],"n":7}'),
        ("detail", "{ }"),
        ("detail", "no longer JSON"),
        ("hash", "f" * 64),
    ],
)
def test_a_row_altered_is_found(chain, column, value):
    for number in range(1, ROWS + 1):
        update = f"UPDATE audit SET {column} = :value WHERE number = {number}"
        found = _after(chain, update, value=value)
        assert (found.rows, found.problem) == (number - 1, f"row {number} was altered")


def test_a_row_taken_out_is_found(chain):
    for number in range(1, ROWS):
        found = _after(chain, f"DELETE FROM audit WHERE number = {number}")
        assert found.problem == f"row {number} is missing"


def test_a_row_taken_out_and_the_gap_closed_is_found(chain):
    for number in range(1, ROWS):
        found = _after(
            chain,
            f"DELETE FROM audit WHERE number = {number}",
            f"UPDATE audit SET number = -number WHERE number > {number}",
            "UPDATE audit SET number = -number - 1 WHERE number < 0",
        )
        assert found.problem == f"row {number} was altered"


def test_a_row_put_in_is_found(chain):
    for number in range(1, ROWS + 2):
        found = _after(
            chain,
            f"UPDATE audit SET number = -number WHERE number >= {number}",
            "UPDATE audit SET number = -number + 1 WHERE number < 0",
            "INSERT INTO audit (number, at, actor, verb, subject, detail, hash) "
            f"VALUES ({number}, 1772442000000, 'root', 'case.reject', '案-0', '{{}}', :hash)",
            hash="0" * 64,
        )
        assert found.problem == f"row {number} was altered"


def test_a_row_made_to_fit_its_place_breaks_the_next(chain):
    """Who knows how the hash is made must make all that follow anew, and so change the head."""
    with chain.read() as connection:
        before, row, _ = reversed(audit.listed(connection, before=5, limit=3))
    forged = audit._hash(
        *(before.hash, 3, int(AT.timestamp() * 1000), "root", "case.reject", "案-1", "{}")
    )
    found = _after(
        chain,
        "UPDATE audit SET at = :at, actor = 'root', verb = 'case.reject', subject = '案-1', "
        "detail = '{}', hash = :hash WHERE number = 3",
        at=int(AT.timestamp() * 1000),
        hash=forged,
    )
    assert row.number == 3
    assert found.problem == "row 4 was altered"


def test_two_rows_exchanged_are_found(chain):
    found = _after(
        chain,
        "UPDATE audit SET number = -2 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = -2",
    )
    assert found.problem == "row 2 was altered"


def test_rows_cut_off_at_the_end_are_missed_by_who_noted_the_head(chain):
    head = _head(chain)
    for left in range(ROWS):
        cut = f"DELETE FROM audit WHERE number > {left}"
        assert _after(chain, cut).problem is None
        assert _after(chain, cut, noted=head).problem == "the head noted is not in the chain"


def test_a_head_noted_stays_good_while_the_chain_grows(chain):
    head = _head(chain)
    with chain.write() as connection:
        audit.append(connection, AT, [Change("root", "key.add", "1", {})])
    assert _verified(chain, head).problem is None
    assert _verified(chain, START).problem is None
    assert _head(chain) != head


ANY = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)


@given(
    actor=ANY,
    detail=st.dictionaries(
        ANY, st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.booleans() | ANY
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_verifies(database, actor, detail):
    with database.write() as connection:
        audit.append(connection, AT, [Change(actor, "group.put", actor, detail)])
    assert _verified(database).problem is None


@pytest.fixture
def admin(chain, quiet_model, tmp_path):
    app = accounts.service(tmp_path, quiet_model, database=chain.url)
    yield accounts.with_key(app, Role.ADMIN)
    app.state.database.close()


def _subjects(api, query: str) -> list[str]:
    return [row["subject"] for row in api.get(f"/v1/audit?{query}").json()["entries"]]


def test_pages_show_every_row_once_newest_first(admin):
    seen, query = [], ""
    while query is not None:
        page = admin.get(f"/v1/audit?limit=2{query}").json()
        assert len(page["entries"]) <= 2
        seen += page["entries"]
        query = None if page["next"] is None else f"&before={page['next']}"
    assert [row["number"] for row in seen] == list(range(ROWS + 1, 0, -1))
    assert seen[0]["verb"] == "key.add"
    assert seen[-1] == {
        **{"number": 1, "actor": "li.na", "verb": "case.confirm", "subject": "案-0"},
        **{"at": "2026-03-02T09:00:00Z", "detail": {"labels": ["insult"], "n": 0}},
        "hash": seen[-1]["hash"],
    }


def test_rows_are_filtered(admin):
    assert _subjects(admin, "actor=li.na") == ["案-2", "案-1", "案-0"]
    assert _subjects(admin, "verb=notice.publish&limit=1") == ["2"]
    assert _subjects(admin, "subject=案-1") == ["案-1"]
    assert _subjects(admin, "actor=root&since=2026-03-02T18:00:00%2B08:00") == ["2", "1"]
    assert _subjects(admin, "actor=li.na&verb=notice.publish") == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "before=0", "before=x", "since=2026-03-02", "actor=a%00b"]
)
def test_a_query_that_is_wrong(admin, query):
    refused = admin.get(f"/v1/audit?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_verifying_over_http(admin, chain):
    whole = admin.get("/v1/audit/verify").json()
    assert whole == {"ok": True, "rows": ROWS + 1, "head": whole["head"], "problem": None}
    assert admin.get(f"/v1/audit/verify?head={whole['head']}").json()["ok"]
    assert not admin.get(f"/v1/audit/verify?head={'a' * 64}").json()["ok"]
    _tamper(chain, "UPDATE audit SET actor = 'x' WHERE number = 2")
    broken = admin.get("/v1/audit/verify").json()
    assert (broken["ok"], broken["rows"], broken["problem"]) == (False, 1, "row 2 was altered")


@pytest.fixture
def run(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_DATABASE", chain.url)
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "var"))

    def _run(*arguments: str, code: int = 0):
        result = CliRunner().invoke(cli.app, ["audit", *arguments])
        assert result.exit_code == code, result.output
        return result

    return _run


def test_the_command_verifies(run, chain):
    head = _head(chain)
    assert head in run("verify").stdout
    assert json.loads(run("verify", "--head", head, "--json").stdout)["ok"]
    assert "row" not in run("verify", "--head", "f" * 64, code=1).stdout
    _tamper(chain, "DELETE FROM audit WHERE number = 3")
    assert "row 3 is missing" in run("verify", code=1).stderr
    told = json.loads(run("verify", "--json", code=1).stdout)
    assert (told["ok"], told["rows"]) == (False, 2)


def test_the_command_lists(run):
    rows = json.loads(run("list", "--actor", "li.na", "--limit", "2", "--json").stdout)
    assert [row["subject"] for row in rows] == ["案-2", "案-1"]
    rows = json.loads(run("list", "--before", str(rows[-1]["number"]), "--json").stdout)
    assert [row["number"] for row in rows] == [2, 1]
    shown = run("list", "--verb", "case.confirm", "--since", "2026-03-02T17:30:00").stdout
    assert "案-1" in shown
    assert "案-0" not in shown
    assert "2026-03-02 18:00:00+08:00" in shown
    run("list", "--since", "yesterday", code=2)

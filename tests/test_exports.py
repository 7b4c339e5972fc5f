"""Tables for analysts: read back with pandas as an analyst would, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from service import cli, exports
from tests.firm import AD, Firm

PHONE = "12800001234"
PRIVATE = f"代开发票，找张三，电话{PHONE}，\n@李四 也行"
SUFFIXES = ("csv", "parquet")


@pytest.fixture
def firm(database_url, quiet_model, tmp_path) -> Iterator[Firm]:
    firm = Firm(tmp_path / "data", quiet_model, database_url)
    yield firm
    firm.close()


@pytest.fixture
def run(firm, monkeypatch, tmp_path) -> Any:
    """Return a function that exports a table and gives the file."""
    settings = firm.app.state.settings
    monkeypatch.setenv("MODERATION_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MODERATION_DATABASE", settings.database_url)

    def export(table: str, suffix: str = "parquet", *more: str) -> Path:
        path = tmp_path / f"out.{suffix}"
        args = ["export", table, "--output", str(path), *more]
        result = CliRunner().invoke(cli.app, args)
        assert result.exit_code == 0, result.output
        return path

    return export


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("table", exports.TABLES)
def test_every_table_has_its_columns_and_opens_also_without_a_row(run, table, suffix):
    frame = read(run(table, suffix))
    assert list(frame.columns) == [column.name for column in exports.TABLES[table]]
    assert frame.empty


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cases_tell_what_was_found_and_decided(firm, run, suffix):
    fined = firm.flag(policy="suzhou-2017")
    firm.confirm(fined)
    rejected = firm.flag(sender_id="u-2")
    firm.do(firm.wang, rejected, "claim")
    firm.do(firm.wang, rejected, "reject")
    waiting = firm.flag()
    frame = read(run("cases", suffix)).set_index("case_id")
    assert list(frame.index) == [fined, rejected, waiting]
    assert list(frame["state"]) == ["confirmed", "rejected", "open"]
    found = " ".join(firm.case(fined)["labels"])
    assert frame.loc[fined, "labels"] == frame.loc[fined, "found"] == found
    assert frame.loc[rejected, "labels"] in ("", None) or pd.isna(frame.loc[rejected, "labels"])
    assert frame.loc[waiting, "policy"].startswith("shenzhen")
    assert frame["decided_by"].nunique() == 2
    assert frame.loc[fined, "sender"] == frame.loc[waiting, "sender"]
    assert frame.loc[fined, "sender"] != frame.loc[rejected, "sender"]
    times = pd.to_datetime(frame["opened_at"])
    assert times.dt.tz is not None
    assert times.is_monotonic_increasing
    assert not frame["recalled"].any()
    assert frame["certainty"].between(0, 1).all()


def test_parquet_keeps_sums_and_times_as_such(firm, run):
    firm.flag()
    frame = read(run("cases"))
    assert str(frame["opened_at"].dtype).startswith("datetime64[ms, UTC")
    assert frame["recalled"].dtype == bool
    rows = [{"case_id": "c", "amount": Decimal("20"), "opened_at": None}]
    names = [column.name for column in exports.TABLES["cases"]]
    path = run("cases").with_name("one.parquet")
    exports.write(path, "cases", [dict.fromkeys(names) | rows[0] | {"found": ("fraud", "porn")}])
    (row,) = read(path).to_dict("records")
    assert row["amount"] == Decimal("20.00")
    assert row["found"] == "fraud porn"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nobody_is_named(firm, run, suffix):
    member = {"nickname": "张三"}
    put = firm.admin.request("PUT", "/v1/groups/g-1", json={"name": "一群", "kind": "work"})
    assert put.status_code < 300, put.text
    put = firm.admin.request("PUT", "/v1/groups/g-1/members/zhang.san", json=member)
    assert put.status_code < 300, put.text
    firm.confirm(firm.flag(PRIVATE, sender_id="zhang.san"))
    for table in exports.TABLES:
        told = read(run(table, suffix)).to_json(force_ascii=False, date_format="iso")
        assert "confirmed" in told
        for private in (PHONE, "张三", "李四", "zhang.san", '"li"'):
            assert private not in told, table


def test_erased_texts_stay_away(firm, run):
    case_id = firm.confirmed(sender_id="u-9")
    answer = firm.admin.post("/v1/members/u-9/erase")
    assert answer.status_code == 200, answer.text
    frame = read(run("cases")).set_index("case_id")
    assert frame.loc[case_id, "text"] is None or pd.isna(frame.loc[case_id, "text"])
    assert read(run("feedback")).empty


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_scores_say_who_was_right(firm, run, suffix):
    firm.confirmed()
    firm.flag()
    frame = read(run("scores", suffix))
    assert set(frame["source"]) <= {"lexicon", "pattern", "model", "conversation"}
    judged = frame[frame["state"] == "confirmed"]
    assert judged["right"].astype(bool).all()
    assert frame[frame["state"] == "open"]["right"].isna().all()


def test_feedback_is_what_training_learns_from(firm, run):
    case_id = firm.confirmed()
    firm.flag()
    (row,) = read(run("feedback")).to_dict("records")
    assert row["case_id"] == case_id
    assert row["text"] == AD
    assert row["labels"].split() == firm.case(case_id)["labels"]


def test_since_leaves_out_what_was_before(firm, run):
    firm.flag()
    assert len(read(run("cases", "csv", "--since", "2026-11-03"))) == 1
    assert len(read(run("cases", "csv", "--since", "2026-11-04"))) == 0


def test_another_file_name_is_refused_and_a_broken_export_leaves_nothing(tmp_path):
    args = ["export", "cases", "--output", str(tmp_path / "cases.xlsx")]
    assert CliRunner().invoke(cli.app, args).exit_code == 2
    with pytest.raises(KeyError):
        exports.write(tmp_path / "out.csv", "cases", [{"case_id": "c"}])
    assert list(tmp_path.iterdir()) == []


def test_the_columns_are_told():
    result = CliRunner().invoke(cli.app, ["export", "columns", "--json"])
    told = json.loads(result.output)
    assert set(told) == set(exports.TABLES)
    assert all(column["about"] for found in told.values() for column in found)
    assert CliRunner().invoke(cli.app, ["export", "columns"]).exit_code == 0

"""The sample of passed messages: drawn by a key, kept from all others, and recall measured by it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from typer.testing import CliRunner

from service import cli
from service.estimates import Drawn, estimate, wilson
from service.replay import Outcome, replay
from service.rights import Role
from service.storage.erasure import erase
from service.storage.feedback import gold
from service.storage.retention import purge
from service.storage.schema import cases, metadata, seen
from tests.accounts import service, with_key, with_session
from tests.support import Api

AD = "诚信代开发票，加微信详谈"
MISSED = "晚上老地方摇两把骰子，输赢都算我的"


def clean(number: int) -> str:
    """Return a clean message that no other one repeats."""
    return f"托盘{number}已入库，单据放在{number}号文件夹里"


class Firm:
    """A service that draws a share of what passes, and those who use it."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.database = app.state.database
        self.bot = with_key(app, Role.BOT)
        self.reviewer = with_session(app, Role.REVIEWER)

    def send(self, *texts: str, first: int = 0, **given: Any) -> list[dict[str, Any]]:
        """Send messages, each by a sender of its own so that nothing floods."""
        messages = [
            {"text": one, "message_id": f"m-{n}", "group_id": f"g-{n % 9}", "sender_id": f"u-{n}"}
            | given
            for n, one in enumerate(texts, first)
        ]
        answer = self.bot.post("/v1/classify/batch", json={"messages": messages})
        assert answer.status_code == 200, answer.text
        return [one["decision"] for one in answer.json()["results"]]

    def rows(self, table: Any = cases) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table)))

    def drawn(self) -> dict[str, str]:
        """Return cases of the sample by text."""
        return {row.text: row.case_id for row in self.rows() if row.origin == "sample"}

    def listed(self, **query: Any) -> set[str]:
        answer = self.reviewer.get("/v1/cases", params=query | {"limit": 200})
        return {one["text"] for one in answer.json()["cases"]}

    def judge(self, case: str, labels: list[str]) -> None:
        item = {"case_id": case, "labels": labels}
        answer = self.reviewer.post("/v1/feedback", json={"items": [item]})
        assert answer.json()["results"][0]["error"] is None, answer.text

    def estimate(self, **query: Any) -> dict[str, Any]:
        answer = self.reviewer.get("/v1/recall-estimate", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def make(database_url, quiet_model, tmp_path) -> Iterator[Any]:
    made: list[FastAPI] = []

    def make(rate: float) -> Firm:
        secret = {"secret": "same for all"}
        app = service(
            tmp_path / f"d{len(made)}",
            quiet_model,
            database=database_url,
            sample_rate=rate,
            **secret,
        )
        made.append(app)
        return Firm(app)

    yield make
    for app in made:
        app.state.recorder.close()
        app.state.database.close()


def dump(firm: Firm) -> str:
    with firm.database.read() as connection:
        return "\n".join(
            str(tuple(row))
            for table in metadata.tables
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        )


def test_nothing_is_drawn_unless_asked_for(make):
    firm = make(0)
    firm.send(*map(clean, range(50)))
    assert not firm.rows()
    assert "托盘" not in dump(firm)


def test_the_rate_is_honoured_and_no_other_clean_text_is_kept(make):
    firm = make(0.1)
    texts = [clean(number) for number in range(600)]
    answers = firm.send(*texts)
    drawn = firm.drawn()
    assert 30 <= len(drawn) <= 95  # four standard deviations around 60
    kept = dump(firm)
    assert not [one for one in texts if one in kept and one not in drawn]
    assert {answer["case_id"] for answer in answers} == {None}
    assert {answer["action"] for answer in answers} == {"pass"}


def test_the_sample_is_the_same_whoever_draws_it(make):
    firm, replica = make(0.2), make(0.2)
    texts = [clean(number) for number in range(100)]
    first = firm.send(*texts)
    drawn = firm.drawn()
    again = replica.send(*texts)
    assert len(drawn) == len(firm.rows()) > 5
    assert firm.drawn() == drawn
    assert len(firm.rows(seen)) == 100
    without = [answer | {"request_id": None} for answer in first]
    assert [answer | {"request_id": None} for answer in again] == without


def test_a_message_is_not_drawn_by_what_it_says(make):
    firm = make(0.5)
    firm.send(*["收到，马上处理"] * 40, message_id=None)
    assert 5 <= sum(row.origin == "sample" for row in firm.rows()) <= 35


def test_a_sample_is_in_its_own_list_alone(make):
    firm = make(1)
    firm.send(clean(1), AD)
    assert firm.listed() == firm.listed(state="open") == {AD}
    assert firm.listed(sampled=True) == {clean(1)}
    counts = firm.reviewer.get("/v1/cases").json()["counts"]
    assert (counts["by_state"]["open"], counts["sampled"]) == (1, 1)
    queue = firm.reviewer.get("/cases").text
    assert clean(1) not in queue
    assert clean(1) in firm.reviewer.get("/cases?sampled=true&state=open").text
    assert "抽检" in queue
    assert "标出</span><strong>1</strong>" in firm.reviewer.get("/overview").text
    flagged = next(row.case_id for row in firm.rows() if row.origin == "flag")
    assert firm.reviewer.get(f"/v1/cases/{flagged}").json()["around"] == []


def test_the_bot_is_not_told(make):
    firm = make(1)
    (answer,) = firm.send(clean(1))
    recalled = firm.bot.post("/v1/messages/m-0/recall", json={"group_id": "g-0"})
    assert answer["case_id"] is recalled.json()["case_id"] is None
    assert firm.rows()[0].recalled_at is not None


def test_a_breach_in_the_sample_becomes_a_case_like_any_other(make):
    firm = make(1)
    firm.send(MISSED, clean(1))
    firm.judge(firm.drawn()[MISSED], ["gambling"])
    firm.judge(firm.drawn()[clean(1)], [])
    assert firm.listed() == {MISSED}
    assert firm.listed(state="rejected") == set()
    record = firm.reviewer.get("/v1/members/u-0/record").json()["entries"]
    assert len(record) == 1
    with firm.database.read() as connection:
        lines = {one.text: one.note for one in gold(connection)}
    assert lines[MISSED] == "relabelled,sample"
    assert "hard" not in "".join(lines.values())


def test_a_reported_sample_is_shown_among_all_and_still_counts_as_drawn(make):
    firm = make(1)
    firm.send(MISSED)
    item = {"group_id": "g-0", "message_id": "m-0", "labels": ["gambling"]}
    (result,) = firm.bot.post("/v1/feedback", json={"items": [item]}).json()["results"]
    assert result["became"] == "reported"
    assert firm.listed() == {MISSED}
    assert firm.listed(sampled=True) == set()
    assert firm.estimate()["sampled"] == 1


def test_the_text_of_a_sample_goes_after_thirty_days(make):
    firm = make(1)
    firm.send(clean(1), clean(2), MISSED, AD)
    firm.judge(firm.drawn()[clean(2)], [])
    firm.judge(firm.drawn()[MISSED], ["gambling"])
    before = firm.estimate()
    now = datetime.now(UTC)
    assert purge(firm.database, now + timedelta(days=29), "test", 365).cases == 0
    assert purge(firm.database, now + timedelta(days=31), "test", 365).cases == 2
    kept = dump(firm)
    assert MISSED in kept
    assert AD in kept
    assert clean(1) not in kept
    assert clean(2) not in kept
    assert firm.estimate() == before
    assert firm.listed(sampled=True) == {MISSED}


def test_who_is_erased_is_erased_from_the_sample(make):
    firm = make(1)
    firm.send(clean(1))
    erase(firm.database, datetime.now(UTC), "test", "u-0", firm.app.state.recorder.intake.key)
    assert clean(1) not in dump(firm)


def test_a_sample_can_be_replayed(make):
    firm = make(1)
    firm.send(clean(1))
    (case,) = firm.drawn().values()
    settings = firm.app.state.settings
    found = replay(firm.database, case, settings.registry, settings.model)
    assert found.outcome is Outcome.SAME, found


def test_recall_is_found_by_reviewing_the_sample(make, tmp_path, monkeypatch):
    """A firm where the machine misses 40 of 80 breaches among 800 messages: half is drawn."""
    firm = make(0.5)
    rng = random.Random(7)
    hidden = {f"第{n}桌晚上摇骰子，{n}块一把" for n in range(40)}
    plain = [clean(number) for number in range(720)] + sorted(hidden)
    rng.shuffle(plain)
    firm.send(*plain)
    firm.send(*[f"代开发票，第{n}家，加微信详谈" for n in range(40)], first=1000)
    flagged = [row.case_id for row in firm.rows() if row.origin == "flag"]
    assert len(flagged) == 40
    nothing = firm.estimate()
    assert (nothing["reviewed"], nothing["recall"], nothing["miss_rate"]) == (0, None, None)
    for case in flagged:
        found = next(row.found for row in firm.rows() if row.case_id == case)
        firm.judge(case, found)
    for said, case in list(firm.drawn().items())[:200]:
        firm.judge(case, ["gambling"] if said in hidden else [])
    found = firm.estimate()
    assert (found["reviewed"], found["found"]) == (200, 40)
    low, high = found["miss_interval"]
    assert low <= 40 / 760 <= high
    assert abs(found["passed"] - 760) < 120
    assert found["recall_interval"][0] <= 0.5 <= found["recall_interval"][1]
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert firm.estimate(since=later)["sampled"] == 0
    monkeypatch.setenv("MODERATION_DATABASE", firm.app.state.settings.database_url)
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "cli"))
    told = CliRunner().invoke(cli.app, ["feedback", "recall", "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["recall"] == found["recall"]
    page = firm.reviewer.get("/feedback").text
    assert "召回率估计" in page
    assert "95% 区间" in page


@pytest.mark.parametrize("share", [0.002, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("rates", [(0.05,), (0.01, 0.05, 0.2)], ids=["one rate", "three rates"])
def test_the_interval_holds_the_truth_as_often_as_it_says(share, rates):
    rng = random.Random(1)
    held = 0
    for _ in range(500):
        drawn = [Drawn(rng.choice(rates), rng.random() < share) for _ in range(300)]
        low, high = estimate(drawn, 10, 10, 10).miss_interval
        held += low <= share <= high
    assert 0.91 <= held / 500


@given(
    drawn=st.lists(
        st.builds(Drawn, st.sampled_from([0.1, 0.5, 1]), st.sampled_from([True, False, None])),
        max_size=50,
    ),
    counts=st.lists(st.integers(0, 100), min_size=3, max_size=3).map(sorted),
)
def test_estimates_lie_within_their_intervals(drawn, counts):
    breaches, closed, flagged = counts
    found = estimate(drawn, flagged, closed, breaches)
    assert (found.miss_rate is None) == (found.reviewed == 0)
    for share, ends in (
        (found.miss_rate, found.miss_interval),
        (found.recall, found.recall_interval),
    ):
        if share is not None and ends is not None:
            assert 0 <= ends[0] <= share + 1e-9
            assert share - 1e-9 <= ends[1] <= 1


def test_wilson_as_published():
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for hits, size, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(hits / size, size) == pytest.approx((low, high), abs=5e-5)


def test_the_estimate_is_for_those_who_see_cases(make):
    firm = make(0)
    assert firm.bot.get("/v1/recall-estimate").status_code == 403
    assert Api(firm.app, None).get("/v1/recall-estimate").status_code == 401
    answer = firm.reviewer.get("/v1/recall-estimate", params={"since": "yesterday"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/since"

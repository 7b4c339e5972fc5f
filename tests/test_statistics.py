"""The counts of the overview are those that one gets by counting the cases one by one."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from statistics import median

import pytest

from service.cases import CLOSED, State
from service.caseschemas import CaseListRequest
from service.storage import statistics
from tests.firm import START, Firm


@pytest.fixture
def firm(quiet_model, tmp_path, database_url):
    firm = Firm(tmp_path, quiet_model, database_url)
    yield firm
    firm.close()


def counted(firm: Firm, since=START - timedelta(days=1), until=START + timedelta(days=1)):
    with firm.database.read() as connection:
        return statistics.overview(connection, since, until, firm.app.state.settings.zone)


@pytest.mark.parametrize("verdicts", [0, 1, 2, 5])
def test_counts_are_those_of_the_cases(firm, verdicts):
    for number in range(verdicts):
        case_id = firm.flag(group_id=f"g-{number % 2}")
        firm.do(firm.li, case_id, "claim")
        for _ in range(number):
            firm.now()
        firm.do(firm.li, case_id, "reject" if number % 2 else "confirm")
    if verdicts:
        firm.overturn(firm.confirmed(group_id="g-9"))
    firm.flag(group_id="g-9")
    found = counted(firm)
    cases = firm.app.state.desk.listed(CaseListRequest(limit=200)).cases
    rows = [firm.app.state.desk.look(case.case_id) for case in cases]
    taken = [
        (max(s.at for s in row.history if s.verb in ("confirm", "reject")) - row.opened_at)
        / timedelta(hours=1)
        for row in rows
        if row.state in CLOSED
    ]
    assert found.by_state == Counter(State(row.state) for row in rows)
    assert found.total == len(rows) == sum(found.per_day.values())
    assert found.per_group == Counter(row.group_id for row in rows)
    assert found.per_label["illicit_ad"] == (
        len(rows),
        sum(row.state == State.CONFIRMED.value for row in rows),
    )
    assert found.hours == (pytest.approx(median(taken)) if taken else None)
    assert (found.appeals, found.overturned) == ((1, 1) if verdicts else (0, 0))


def test_what_was_opened_outside_the_span_is_not_counted(firm):
    firm.confirmed()
    before = counted(firm, until=START)
    assert (before.total, before.hours, before.per_day) == (0, None, {})


def test_a_day_is_one_of_the_firms_zone(firm):
    firm.clock = START.replace(hour=15, minute=58)  # 23:58 in Shanghai
    firm.flag()
    firm.flag(sender_id="u-2")
    assert sorted(counted(firm).per_day.values()) == [1, 1]

"""Jobs: one at a time over all workers; a dead worker's job is taken up again. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.storage import audit, jobs
from service.storage.jobs import LEASE, MAX_TRIES, RETRAIN, JobError, JobState, UnknownJobError

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def asked(database) -> int:
    with database.write() as connection:
        return jobs.ask(connection, NOW, RETRAIN, "zhou", {"promote_if_passed": True})


def claim(database, worker: str, at: datetime = NOW, job_id: int | None = None):
    with database.write() as connection:
        return jobs.claim(connection, at, worker, job_id)


def look(database, job_id: int):
    with database.read() as connection:
        return jobs.job(connection, job_id)


def test_what_is_asked_for_waits_and_is_in_the_audit_log(database, asked):
    row = look(database, asked)
    assert (row.state, row.asked_by, row.asked_at) == (JobState.QUEUED, "zhou", NOW)
    assert row.params == {"promote_if_passed": True}
    with database.read() as connection:
        assert [entry.verb for entry in audit.listed(connection)] == ["job.retrain"]
        assert jobs.last(connection, RETRAIN).id == asked


def test_a_second_retraining_is_refused_until_the_first_has_ended(database, asked):
    with database.write() as connection, pytest.raises(JobError, match=f"job {asked}"):
        jobs.ask(connection, NOW, RETRAIN, "zhou", {})
    claim(database, "a")
    with database.write() as connection:
        jobs.finish(connection, NOW, asked, "a", {"version": "v"})
        assert jobs.ask(connection, NOW, RETRAIN, "zhou", {}) != asked


def test_one_worker_has_it(database, asked):
    taken = claim(database, "a")
    assert (taken.id, taken.worker, taken.state, taken.tries) == (asked, "a", JobState.RUNNING, 1)
    assert claim(database, "b") is None


def test_progress_and_result_stand_in_the_job(database, asked):
    claim(database, "a")
    with database.write() as connection:
        jobs.beat(connection, NOW, asked, "a", "fitting")
        jobs.beat(connection, NOW, asked, "a")
    assert look(database, asked).step == "fitting"
    with database.write() as connection:
        jobs.finish(connection, NOW + LEASE, asked, "a", {"version": "v"})
    row = look(database, asked)
    assert (row.state, row.result, row.step) == (JobState.DONE, {"version": "v"}, None)
    assert row.done_at == NOW + LEASE


def test_the_job_of_a_silent_worker_is_taken_up_and_it_notices(database, asked):
    claim(database, "a")
    with database.write() as connection:
        jobs.beat(connection, NOW + timedelta(seconds=20), asked, "a")
    assert claim(database, "b", NOW + LEASE) is None
    assert claim(database, "b", NOW + timedelta(seconds=20) + LEASE).worker == "b"
    with database.write() as connection, pytest.raises(JobError):
        jobs.finish(connection, NOW + 2 * LEASE, asked, "a", {})


def test_a_job_that_kills_its_workers_is_given_up(database, asked):
    for number in range(MAX_TRIES):
        assert claim(database, f"w{number}", NOW + number * LEASE).tries == number + 1
    assert claim(database, "last", NOW + MAX_TRIES * LEASE) is None
    row = look(database, asked)
    assert row.state == JobState.FAILED
    assert "died" in row.error


def test_one_given_back_waits_as_before(database, asked):
    claim(database, "a")
    with database.write() as connection:
        jobs.give_back(connection, asked, "a")
    row = look(database, asked)
    assert (row.state, row.tries) == (JobState.QUEUED, 0)
    assert claim(database, "b").worker == "b"


def test_a_job_that_fails_says_why(database, asked):
    claim(database, "a")
    with database.write() as connection:
        jobs.fail(connection, NOW, asked, "a", "too few messages")
    assert look(database, asked).error == "too few messages"
    assert claim(database, "b") is None


def test_a_named_job_waits_for_its_own_worker(database, asked):
    assert claim(database, "a", job_id=asked + 1) is None
    assert claim(database, "a", job_id=asked).id == asked


def test_a_number_that_is_none_is_unknown(database):
    with database.read() as connection, pytest.raises(UnknownJobError):
        jobs.job(connection, 7)

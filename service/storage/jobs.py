"""Long work that a worker does: asked for, taken by one worker at a time, with its progress.

    queued ─ running ─ done | failed
       └── given back, or its worker has shown no sign of life for `LEASE`

The transaction that takes a job is the only writer, so two workers never take the same one, and none
starts while another works: training uses the whole machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.storage.audit import Change, append
from service.storage.database import StorageError
from service.storage.schema import jobs

RETRAIN, DRIFT, NOISE = "retrain", "drift", "noise"
"""Kinds of job."""
LEASE = timedelta(seconds=30)
"""A worker that has been silent for this long is taken for dead."""
MAX_TRIES = 3
"""So often is a job taken up: one that kills its worker must not do so for ever."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)


class UnknownJobError(StorageError):
    """No job has this number."""


class JobError(StorageError):
    """A job that the state of the others does not allow now."""


def ask(connection: Connection, at: datetime, kind: str, by: str, params: Mapping[str, Any]) -> int:
    """Put a job into the queue and return its number.

    Raises:
        JobError: one of its kind waits or is at work already.
    """
    query = select(jobs.c.id).where(jobs.c.kind == kind, jobs.c.state.in_(OPEN))
    if (other := connection.execute(query).scalar()) is not None:
        raise JobError(f"job {other} ({kind}) is not finished")
    values = {
        "kind": kind,
        "params": dict(params),
        "state": JobState.QUEUED.value,
        "asked_by": by,
        "asked_at": at,
        "tries": 0,
    }
    key = connection.execute(insert(jobs).values(values)).inserted_primary_key
    number = int(key[0]) if key else 0
    append(connection, at, [Change(by, f"job.{kind}", str(number), dict(params))])
    return number


def claim(
    connection: Connection, at: datetime, worker: str, job_id: int | None = None
) -> Row[Any] | None:
    """Take the next job, or the one named; None while there is none or another worker is at one.

    A job whose worker has died is next; after `MAX_TRIES` it has failed.
    """
    running = select(jobs).where(jobs.c.state == JobState.RUNNING.value)
    for other in connection.execute(running).all():
        if at - other.beat_at < LEASE:
            return None
        _let_go(connection, at, other)
    query = select(jobs).where(jobs.c.state == JobState.QUEUED.value).order_by(jobs.c.id)
    if job_id is not None:
        query = query.where(jobs.c.id == job_id)
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    _set(
        connection,
        row.id,
        state=JobState.RUNNING.value,
        worker=worker,
        tries=row.tries + 1,
        started_at=at,
        beat_at=at,
        step=None,
    )
    return job(connection, row.id)


def beat(
    connection: Connection, at: datetime, job_id: int, worker: str, step: str | None = None
) -> None:
    """Show a sign of life, and what the work is at; raises `JobError` if another has the job."""
    _held(connection, job_id, worker)
    _set(connection, job_id, beat_at=at, **({} if step is None else {"step": step}))


def finish(
    connection: Connection, at: datetime, job_id: int, worker: str, result: Mapping[str, Any]
) -> None:
    """Note that it is done, and what came of it; raises `JobError` if another has the job."""
    _held(connection, job_id, worker)
    done = JobState.DONE.value
    _set(connection, job_id, state=done, done_at=at, step=None, error=None, result=dict(result))


def fail(connection: Connection, at: datetime, job_id: int, worker: str, error: str) -> None:
    """Note that it cannot be done, and why; raises `JobError` if another has the job."""
    _held(connection, job_id, worker)
    _set(connection, job_id, state=JobState.FAILED.value, done_at=at, step=None, error=error)


def give_back(connection: Connection, job_id: int, worker: str) -> None:
    """Put a job back into the queue as if it had not been taken: its worker was asked to end."""
    row = _held(connection, job_id, worker)
    _set(connection, job_id, state=JobState.QUEUED.value, tries=row.tries - 1, step=None)


def job(connection: Connection, job_id: int) -> Row[Any]:
    """Return a job; raises `UnknownJobError`."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise UnknownJobError(f"no job {job_id}")
    return row


def last(connection: Connection, kind: str) -> Row[Any] | None:
    """Return the newest job of a kind."""
    query = select(jobs).where(jobs.c.kind == kind).order_by(jobs.c.id.desc()).limit(1)
    return connection.execute(query).first()


def _held(connection: Connection, job_id: int, worker: str) -> Row[Any]:
    row = job(connection, job_id)
    if row.state != JobState.RUNNING.value or row.worker != worker:
        raise JobError(f"job {job_id} is no longer {worker}'s")
    return row


def _let_go(connection: Connection, at: datetime, row: Any) -> None:
    if row.tries < MAX_TRIES:
        _set(connection, row.id, state=JobState.QUEUED.value, step=None)
        return
    error = f"its worker died {row.tries} times"
    _set(connection, row.id, state=JobState.FAILED.value, done_at=at, step=None, error=error)


def _set(connection: Connection, job_id: int, **values: Any) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))

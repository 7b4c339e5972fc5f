"""Buttons for long work that a worker does, and how far it is: drift and wrong labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import Response

from service.pages.shell import PageError, Visit, in_thread, redirect
from service.storage import jobs

PROGRESS = {jobs.DRIFT: "/drift/job", jobs.NOISE: "/next/noise/job"}
"""Where a page asks how far the work is, by kind of job."""


@dataclass(frozen=True, slots=True)
class Task:
    """The newest job of a kind, None if nobody has asked yet, and where to ask how far it is."""

    job: Any | None
    url: str

    @property
    def is_open(self) -> bool:
        """Return whether it waits or is at work."""
        return self.job is not None and self.job.state in jobs.OPEN


def task(connection: Any, kind: str) -> Task:
    """Return how the newest job of a kind stands."""
    return Task(jobs.last(connection, kind), PROGRESS[kind])


async def ask(visit: Visit, kind: str, params: Mapping[str, Any], back: str) -> Response:
    """Put a job into the queue and lead back to its page.

    Raises:
        PageError: one of its kind is not finished.
    """

    def write() -> None:
        with visit.state.database.write() as connection:
            jobs.ask(connection, datetime.now(UTC), kind, visit.who.name, params)

    try:
        await in_thread(write)
    except jobs.JobError as error:
        raise PageError(409, "已经提交过，还没有算完。") from error
    return redirect(back)


async def progress(visit: Visit, kind: str) -> Response:
    """Show how far a job is; once it has ended, the page that asks loads anew with what was found."""

    def look() -> Task:
        with visit.state.database.read() as connection:
            return task(connection, kind)

    found = await in_thread(look)
    answer = visit.show("part_task.html", task=found)
    if not found.is_open:
        answer.headers["HX-Refresh"] = "true"
    return answer

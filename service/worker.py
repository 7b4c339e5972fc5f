"""The worker: does long work outside the service, one job at a time over all workers.

    claim ─┬─ retrain: project data + reviewed cases ─ train, compare, write ─ promote if asked ─┬─ done
           ├─ drift, noise: what `service/workeranalysis.py` finds, kept for the pages ──────────┘
           └─ a sign of life every few seconds; what it is at stands in the job

Interrupted, it gives the job back and leaves no half-written model. Killed, it falls silent, and
another takes the job up.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.errors import ModerationError
from moderation.registry import CHAMPION
from service import drift, versions, workeranalysis
from service.settings import Settings
from service.storage import feedback, jobs
from service.storage.database import Database, StorageError

if TYPE_CHECKING:
    from service.storage.feedback import Gold
    from training.retrain import Feedback, Retrained

BEAT_SECONDS = 5.0
POLL_SECONDS = 2.0
CORES = 2
"""Processor cores that a job uses unless it says otherwise."""
WEIGHT = 3.0
"""What a verdict counts against a message of the project: it is of the very groups to be judged."""
Progress = Callable[[str], None]


class Worker:
    """Takes jobs and does them."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        shown: Progress = lambda step: None,
    ) -> None:
        self.database = database
        self.settings = settings
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.now = now
        self.shown = shown

    def run(self, until: Callable[[float], bool]) -> Iterator[Any]:
        """Do jobs, and yield each as it ended, until `until(seconds)`, which waits that long, returns true."""
        while True:
            job = self.once()
            if job is not None:
                yield job
            elif until(POLL_SECONDS):
                return

    def once(self, job_id: int | None = None) -> Any | None:
        """Do the next job, or the one named, and return it as it ended; None if there was none to do.

        Interrupted, the next job goes back into the queue; one named was for whoever interrupts it.
        """
        with self.database.write() as connection:
            job = jobs.claim(connection, self.now(), self.name, job_id)
        if job is None:
            return None
        try:
            with self._beating(job.id):
                result = self._result(job)
            with self.database.write() as connection:
                jobs.finish(connection, self.now(), job.id, self.name, result)
        except jobs.JobError:
            return None  # it took too long to show a sign of life: another has taken the job up
        except ModerationError as error:
            with self.database.write() as connection:
                jobs.fail(connection, self.now(), job.id, self.name, str(error))
        except (KeyboardInterrupt, SystemExit):
            with self.database.write() as connection:
                if job_id is None:
                    jobs.give_back(connection, job.id, self.name)
                else:
                    jobs.fail(connection, self.now(), job.id, self.name, "interrupted")
            raise
        with self.database.read() as connection:
            return jobs.job(connection, job.id)

    def _result(self, job: Any) -> dict[str, Any]:
        """Do a job and return what it tells; raises `ModerationError`."""
        work = {jobs.RETRAIN: self._retrain, jobs.DRIFT: self._drift, jobs.NOISE: self._noise}
        return work[job.kind](job)

    def _drift(self, job: Any) -> dict[str, Any]:
        weeks = job.params.get("weeks", drift.WEEKS)
        found = workeranalysis.drift(
            self.database, self.settings, weeks, self.now(), self._step(job)
        )
        return {name: found[name] for name in ("auc", "alert", "threshold")}

    def _noise(self, job: Any) -> dict[str, Any]:
        found = workeranalysis.noise(
            self.database, self.settings, CORES, self.now(), self._step(job)
        )
        return {
            origin: {name: one[name] for name in ("messages", "wrong")}
            for origin, one in found.items()
        }

    def _retrain(self, job: Any) -> dict[str, Any]:
        from training.corpus import load_samples
        from training.fit import Recipe
        from training.retrain import retrain

        registry = self.settings.registry
        champion = registry.resolve(CHAMPION)
        folder = self.settings.datasets_dir
        output = job.params.get("output")
        with self.database.read() as connection:
            gold = feedback.gold(connection)
        done = retrain(
            load_samples(sorted(folder.glob("*.jsonl")) if folder else ()),
            to_feedback(gold, learnt_until(champion)),
            champion,
            registry.folders[0],
            Recipe(jobs=job.params.get("cores", CORES)),
            date.today(),
            self._step(job),
            Path(output) if output else None,
        )
        promoted = bool(job.params.get("promote_if_passed")) and done.passed and not output
        if promoted:
            with self.database.write() as connection:
                versions.promote(connection, self.now(), registry, done.version, job.asked_by)
        return _result(done, promoted)

    def _step(self, job: Any) -> Progress:
        """Return the function that says what the work is at: to who looks on, and in the job."""

        def say(step: str) -> None:
            self.shown(step)
            with self.database.write() as connection:
                jobs.beat(connection, self.now(), job.id, self.name, step)

        return say

    @contextmanager
    def _beating(self, job_id: int) -> Iterator[None]:
        """Show signs of life while the work goes on."""
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(job_id, ended), name="beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _beat(self, job_id: int, ended: threading.Event) -> None:
        while not ended.wait(BEAT_SECONDS):
            try:
                with self.database.write() as connection:
                    jobs.beat(connection, self.now(), job_id, self.name)
            except StorageError:
                continue  # the next step of the work meets the same error and ends it


def learnt_until(champion: Path) -> datetime | None:
    """Return the time of the last verdict that a model has learnt from, None if it knows none."""
    comparison = versions.comparison(champion)
    until = comparison["feedback"]["until"] if comparison else None
    return datetime.fromisoformat(until) if until else None


def to_feedback(gold: list[Gold], known_until: datetime | None) -> Feedback:
    """Return reviewed cases as samples; each may be held out alone, for it came in alone."""
    from training.corpus import Sample
    from training.retrain import Feedback

    samples = [
        Sample(
            text=one.text,
            labels=one.labels,
            group=one.group,
            source=one.source,
            notes=tuple(one.note.split(",")),
            weight=one.weight * WEIGHT,
            place=one.case_id or "",
            unit=f"{one.source}/{one.case_id or number}",
        )
        for number, one in enumerate(gold)
    ]
    new = [known_until is None or one.at > known_until for one in gold]
    return Feedback(samples, new, max(one.at for one in gold).isoformat() if gold else None)


def _result(done: Retrained, promoted: bool) -> dict[str, Any]:
    """Return what the job tells: the rest stands in the version's folder."""
    return {
        "version": done.version,
        "folder": str(done.folder),
        "champion": done.comparison["champion"],
        "passed": done.passed,
        "reasons": [versions.explain(one) for one in done.comparison["verdict"]["reasons"]],
        "feedback": done.comparison["feedback"],
        "promoted": promoted,
    }

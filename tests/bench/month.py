"""`month`: a month of 200 groups, 5,000 members and 500,000 messages through the ledger and the duties, on one core."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from moderation import Moderator
from moderation.turns import TurnModel
from service.storage.database import Database
from tests import month, monthstage
from tests.bench import measure
from tests.bench.measure import Scale
from tests.bench.result import Result, below

LIMIT = 300.0
"""Seconds that the month may take."""


def run(scale: Scale) -> Iterator[Result]:
    """Play the month once; wall time and processor time of the one core."""
    size = month.FULL if scale.month else month.SMALL
    measure.pin(measure.server_core())
    planned = month.plan(size)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'month.db'}")
        database.upgrade()
        monthstage.enrol(database, planned)
        replica = monthstage.Replica(database, Moderator.load(), TurnModel.load())
        wall, core = time.perf_counter(), time.process_time()
        done = monthstage.play(planned, [replica], _told)
        wall, core = time.perf_counter() - wall, time.process_time() - core
        database.close()
    note = f"{len(planned.happenings)} happenings, {done.groups} looks, {done.breached} cases"
    yield Result("month.wall", wall, "s", below(LIMIT), note)
    yield Result("month.core", core, "s", None, "processor time of the same run")


def _told(at: datetime, heard: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{at:%m-%d %H:%M} {heard} messages")

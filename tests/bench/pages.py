"""`pages`: how long a user waits for each page, with a hundred times the demonstration's week behind it."""

from __future__ import annotations

import gc
import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from service import demo
from service.app import create_app
from service.cases import Order, State
from service.caseschemas import CaseListRequest
from tests import accounts
from tests.bench.measure import Scale, clock
from tests.bench.result import Result, below
from tests.databases import queries
from tests.support import Api

PAGE_MS = 100
QUERIES = 5
ROUNDS = 7
BY_NAME = {
    "try": "/",
    "queue": "/cases?state=open&state=claimed",
    "queue.newest": "/cases?order=newest",
    "queue.label": "/cases?label=chatter&state=open&state=claimed",
    "duties": "/duties",
    "duties.breached": "/duties?state=breached",
    "queue.appeals": "/cases?appeal_open=true",
    "notices": "/notices",
    "notice": "/notices/1",
    "payroll": "/payroll",
    "overview": "/overview",
    "groups": "/groups",
    "group": "/groups/g-line3",
    "member": "/members/u-06",
    "policies": "/policies",
    "policy": "/policies/factory",
    "terms": "/terms",
    "users": "/admin",
    "keys": "/admin/keys",
    "audit": "/admin/audit",
    "settings": "/admin/settings",
}
COUNTED = ("queue", "duties", "duties.breached", "queue.next", "case.open", "case.confirmed")


def run(scale: Scale) -> Iterator[Result]:
    """Measure every page in this process, from the request to its last byte."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(demo.settings(Path(folder)))
        demo.fill(app.state, datetime.now(UTC), times=scale.firms)
        gc.collect()
        gc.freeze()  # as the service does when it starts
        try:
            yield from _pages(app, f"{scale.firms} firms")
        finally:
            app.state.recorder.close()
            app.state.database.close()


def _pages(app: FastAPI, note: str) -> Iterator[Result]:
    users = {user.name: _signed_in(app, user.name) for user in demo.users()}
    for name, url in (BY_NAME | _cases(app)).items():
        who = next(api for api in users.values() if api.get(url).status_code == 200)
        seconds = [clock(lambda w=who, u=url: w.get(u)) for _ in range(ROUNDS)]
        median = statistics.median(seconds) * 1e3
        yield Result(f"pages.{name}", median, "ms", below(PAGE_MS), f"median, {note}")
        if name in COUNTED:
            with queries(app.state.database) as asked:
                who.get(url)
            yield Result(f"pages.{name}.queries", len(asked), "", below(QUERIES + 1), note)


def _signed_in(app: FastAPI, name: str) -> Api:
    return accounts.signed_in(app, accounts.open_session(app.state.database, name))


def _cases(app: FastAPI) -> dict[str, str]:
    """Return the addresses of a second page of the queue, of an open and of a confirmed case."""
    desk = app.state.desk
    first = desk.listed(CaseListRequest(state=[State.OPEN], limit=20))
    done = desk.listed(CaseListRequest(state=[State.CONFIRMED], order=Order.NEWEST))
    return {
        "queue.next": f"/cases?state=open&cursor={first.cases[-1].case_id}",
        "case.open": f"/cases/{first.cases[0].case_id}",
        "case.confirmed": f"/cases/{done.cases[-1].case_id}",
    }

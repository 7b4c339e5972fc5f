"""`/models`: versions, retraining with its progress, how a version compares with its champion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from moderation.errors import UnknownNameError
from moderation.registry import CHAMPION, Registry
from service import versions
from service.modelforms import RetrainRequest
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.rights import Right
from service.storage import jobs

router = APIRouter(include_in_schema=False)
Looking = Annotated[Visit, page(Right.SEE_MODELS)]
Retraining = Annotated[Visit, page(Right.RETRAIN)]
Promoting = Annotated[Visit, page(Right.PROMOTE)]
Reason = Annotated[str, Form(max_length=500)]
SHOWN = 50
"""Verdicts listed that are believed least; the version's `compare.json` has more."""
FIGURES = ("label_f1", "category_f1", "attacked_recall", "clean_flagged")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A difference as a row: figures, and its interval on a scale from 0 to 100 with none at 50."""

    name: str
    old: float
    new: float
    left: float
    width: float
    dot: float
    better: bool
    worse: bool

    @property
    def change(self) -> float:
        """Return by how much the figure rose."""
        return self.new - self.old


@router.get("/models")
async def models(visit: Looking) -> Response:
    """List the versions, with the form to retrain and the newest job."""
    return await _models(visit)


@router.get("/models/job")
async def job(visit: Looking) -> Response:
    """Show the newest job alone; it asks again while the job is open."""
    return visit.show("part_job.html", job=await in_thread(lambda: _last(visit)))


@router.post("/models/retrain")
async def retrain(
    visit: Retraining, promote_if_passed: Annotated[bool, Form()] = False
) -> Response:
    """Ask for a retraining."""
    params = RetrainRequest(promote_if_passed=promote_if_passed).model_dump()

    def ask(connection: Any, at: datetime) -> None:
        jobs.ask(connection, at, jobs.RETRAIN, visit.who.name, params)

    return await _change(visit, ask)


@router.post("/models/rollback")
async def rollback(visit: Promoting) -> Response:
    """Make the champion before this one champion again."""
    return await _change(
        visit,
        lambda connection, at: versions.rollback(connection, at, _registry(visit), visit.who.name),
    )


@router.get("/models/{name}")
async def model(visit: Looking, name: str) -> Response:
    """Show a version and how it compares with its champion."""
    found = await in_thread(lambda: _found(visit, name))
    boards = [_board(board) for board in found.comparison["boards"]] if found.comparison else []
    champion = _registry(visit).alias(CHAMPION)
    return visit.show("model.html", model=found, boards=boards, champion=champion, shown=SHOWN)


@router.post("/models/{name}/promote")
async def promote(visit: Promoting, name: str, reason: Reason = "") -> Response:
    """Make a version champion; with a reason also one that the gate has not let through."""
    await in_thread(lambda: _found(visit, name))
    return await _change(
        visit,
        lambda connection, at: versions.promote(
            connection, at, _registry(visit), name, visit.who.name, reason.strip() or None
        ),
    )


async def _change(visit: Visit, work: Callable[[Any, datetime], Any]) -> Response:
    """Change something in one transaction and show the versions; say why where it is refused."""

    def write() -> None:
        with visit.state.database.write() as connection:
            work(connection, datetime.now(UTC))

    try:
        await in_thread(write)
    except (versions.PromotionError, jobs.JobError) as error:
        return await _models(visit, str(error))
    return redirect("/models")


async def _models(visit: Visit, problem: str | None = None) -> Response:
    registry = _registry(visit)
    found = await in_thread(lambda: (versions.listed(registry), _last(visit)))
    return visit.show(
        "models.html",
        409 if problem else 200,
        models=found[0],
        job=found[1],
        previous=registry.previous(CHAMPION),
        fixed=visit.state.settings.model,
        problem=problem,
    )


def _found(visit: Visit, name: str) -> versions.Version:
    try:
        return versions.version(_registry(visit), name)
    except UnknownNameError as error:
        raise PageError(404, "没有这个版本。") from error


def _last(visit: Visit) -> Any:
    with visit.state.database.read() as connection:
        return jobs.last(connection, jobs.RETRAIN)


def _board(board: Mapping[str, Any]) -> dict[str, Any]:
    """Return a board of the comparison with its differences drawn, the labels that changed most first."""
    rows = {name: board[name] for name in FIGURES if board[name]}
    labels = sorted(board["labels"].items(), key=lambda item: item[1]["new"] - item[1]["old"])
    every = [*rows.values(), *board["labels"].values()]
    reach = max([abs(one[side]) for one in every for side in ("low", "high")], default=0) or 1
    return {
        **board,
        "figures": list(_drawn(rows.items(), reach)),
        "labels": list(_drawn(labels, reach)),
    }


def _drawn(rows: Any, reach: float) -> Iterator[Drawn]:
    for name, one in rows:
        low, high, value = (
            50 + 48 * side / reach for side in (one["low"], one["high"], one["new"] - one["old"])
        )
        good = -1 if name == "clean_flagged" else 1
        yield Drawn(
            name=name,
            old=one["old"],
            new=one["new"],
            left=low,
            width=max(high - low, 0.5),
            dot=value,
            better=min(one["low"] * good, one["high"] * good) > 0,
            worse=max(one["low"] * good, one["high"] * good) < 0,
        )


def _registry(visit: Visit) -> Registry:
    found: Registry = visit.state.settings.registry
    return found

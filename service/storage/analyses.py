"""Results of long computations, the last one of each kind; and what metrics ask of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from service.cases import State
from service.notices import ActionState
from service.storage import texts
from service.storage.schema import actions, analyses, cases

VERDICTS, PROJECT = "verdicts", "project"
"""Where suspects come from: cases with a verdict, the project's data set."""
DRIFT, NOISE = "drift", "noise"
"""Kinds of result: what `moderation drift` and `moderation noise` found."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was found, and when."""

    at: datetime
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DriftMark:
    """The last week of a drift report; `auc` is NaN where there were too few texts."""

    auc: float
    alert: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the database now."""

    open_cases: int
    dead_letters: int
    drift: DriftMark | None


def keep(connection: Connection, at: datetime, kind: str, content: dict[str, Any]) -> None:
    """Keep a result in place of the last one of its kind."""
    connection.execute(delete(analyses).where(analyses.c.kind == kind))
    connection.execute(insert(analyses), [{"kind": kind, "at": at, "content": content}])


def last(connection: Connection, kind: str) -> Result | None:
    """Return the last result of a kind, None where it was never computed."""
    query = select(analyses.c.at, analyses.c.content).where(analyses.c.kind == kind)
    row = connection.execute(query).first()
    return None if row is None else Result(row.at, row.content)


def keep_suspects(connection: Connection, at: datetime, found: dict[str, Any]) -> None:
    """Keep suspects by origin, without the texts of cases: what is purged or erased there stays nowhere."""
    if VERDICTS in found:
        bare = [one | {"text": ""} for one in found[VERDICTS]["suspects"]]
        found = found | {VERDICTS: found[VERDICTS] | {"suspects": bare}}
    keep(connection, at, NOISE, found)


def suspects(connection: Connection) -> Result | None:
    """Return the suspects found last, those whose text is gone left out; None if nobody looked yet."""
    result = last(connection, NOISE)
    if result is None or VERDICTS not in result.content:
        return result
    verdicts = result.content[VERDICTS]
    here = texts.of(connection, [one["place"] for one in verdicts["suspects"]])
    told = [
        one | {"text": here[one["place"]]} for one in verdicts["suspects"] if one["place"] in here
    ]
    return Result(result.at, result.content | {VERDICTS: verdicts | {"suspects": told}})


def standing(connection: Connection) -> Standing:
    """Return what metrics show of the database."""
    waiting = cases.c.state.in_([State.OPEN.value, State.CLAIMED.value])
    dead = actions.c.state == ActionState.DEAD.value
    counts = connection.execute(
        select(
            select(func.count()).select_from(cases).where(waiting).scalar_subquery(),
            select(func.count()).select_from(actions).where(dead).scalar_subquery(),
        )
    ).one()
    return Standing(counts[0], counts[1], _mark(last(connection, DRIFT)))


def _mark(found: Result | None) -> DriftMark | None:
    if found is None:
        return None
    auc = found.content["auc"]
    return DriftMark(float("nan") if auc is None else auc, found.content["alert"])

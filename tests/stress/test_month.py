"""A simulated month: nothing depends on the order of arrival, on how many services look, or on restarts.

`python -m tests.bench --only month` plays one of full size.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from moderation import Moderator
from moderation.turns import TurnModel
from service.storage.database import Database
from service.storage.dutybook import Checked
from tests.month import SMALL, TICK, Month, plan, shuffled
from tests.monthstage import Replica, enrol, outcome, play

MONTH = plan(SMALL)


class Killed(Exception):
    """A process is gone."""


@pytest.fixture(scope="module")
def model() -> TurnModel:
    return TurnModel.load()


@pytest.fixture(scope="module")
def moderator() -> Moderator:
    return Moderator.load()


@pytest.fixture(scope="module")
def expected(tmp_path_factory, moderator, model):
    """Return what one service finds that is never restarted."""
    with opened(f"sqlite:///{tmp_path_factory.mktemp('month')}/one.db") as database:
        return played(database, MONTH, Replica(database, moderator, model))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    database.upgrade()
    try:
        yield database
    finally:
        database.close()


def played(database: Database, month: Month, *replicas: Replica):
    enrol(database, month)
    play(month, replicas)
    return outcome(database)


def test_there_is_something_to_find(expected):
    rules = {found for _, _, _, found, _ in expected["cases"]}
    assert len(expected["cases"]) > 30
    assert {"['question_answered']", "['question_shirked']", "['member_nickname']"} <= rules


@pytest.mark.parametrize("seed", [1, 2])
def test_another_order_of_arrival_finds_the_same(expected, database, moderator, model, seed):
    month = shuffled(MONTH, seed)
    assert month.happenings != MONTH.happenings
    assert played(database, month, Replica(database, moderator, model)) == expected


def test_two_services_find_nothing_twice(expected, database, moderator, model):
    replicas = [Replica(database, moderator, model) for _ in range(2)]
    assert played(database, MONTH, *replicas) == expected


def test_a_restart_at_any_moment_loses_nothing(expected, database, moderator, model):
    enrol(database, MONTH)
    draw = random.Random(7)
    rest, end = list(MONTH.happenings), MONTH.ends + timedelta(days=7)
    at, done = MONTH.begins, Checked()
    replica = Replica(database, moderator, model)
    while at < end:
        at += TICK * draw.choice((1, 1, 3, 200 if not rest else 5))
        count = sum(one.arrives <= at for one in rest)
        part, rest = rest[:count], rest[count:]
        if part:
            replica.hear(at, part)
        if draw.random() < 0.3:  # killed in the middle of a check: what it did is undone
            with suppress(Killed), database.write() as connection:
                replica.dutybook.check_due(connection, at, 2, done)
                raise Killed
            replica = Replica(database, moderator, model)
        while replica.check(at, done):
            pass
    assert outcome(database) == expected

"""Every conduct row of the shipped policies, played with times: what is found, what it costs, who is liable.

Each scene is played twice: as it is written, on SQLite, and by two services that look after everything, on
PostgreSQL.
"""

from __future__ import annotations

import pytest

from moderation import Moderator
from moderation.policyfiles import PolicyBook
from moderation.turns import TurnModel
from tests.conductscene import Scene, Stage, scenes

SCENES = scenes()


@pytest.fixture(scope="module")
def model() -> TurnModel:
    return TurnModel.load()


@pytest.fixture(scope="module")
def moderator() -> Moderator:
    return Moderator.load()


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_scene(scene: Scene, database, model, moderator):
    stage = Stage(database, model, moderator)
    stage.play(scene)
    assert stage.cases() == scene.expected


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_two_services_that_look_after_everything_find_the_same(
    scene: Scene, database, model, moderator
):
    stage = Stage(database, model, moderator, services=2, attentive=True)
    stage.play(scene)
    assert stage.cases() == scene.expected


def test_every_conduct_row_of_every_policy_has_a_scene_that_finds_it():
    played = {
        (scene.body["group"]["policy"], one["article"], one["rule"], one["party"])
        for scene in SCENES
        for one in scene.body.get("expect", [])
    }
    rows = {
        (policy.id, row.article, row.rule, party)
        for policy in PolicyBook.load()
        for row in policy.conduct
        for party in row.parties
    }
    assert rows <= played, f"no scene finds {sorted(rows - played)}"

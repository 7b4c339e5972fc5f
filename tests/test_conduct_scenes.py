"""Every conduct row of the shipped policies, played with times: what is found, what it costs, who is liable."""

from __future__ import annotations

import pytest

from moderation import Moderator
from moderation.policyfiles import PolicyBook
from moderation.turns import TurnModel
from tests.conductscene import Scene, Stage, scenes

SCENES = scenes()
EXPECTED = ("rule", "article", "party", "person", "kind", "amount", "state")


@pytest.fixture(scope="module")
def model() -> TurnModel:
    return TurnModel.load()


@pytest.fixture(scope="module")
def moderator() -> Moderator:
    return Moderator.load()


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_scene(scene: Scene, database, model, moderator):
    stage = Stage(database, model, moderator)
    stage.play(scene)
    expected = [{"amount": "", "state": "open"} | one for one in scene.body.get("expect", [])]
    written = [{name: one[name] for name in EXPECTED} for one in expected]
    assert stage.cases() == sorted(written, key=lambda one: [str(one[name]) for name in EXPECTED])


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

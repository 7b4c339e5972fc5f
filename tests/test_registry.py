"""Versions and aliases of models, and a running moderator that follows its champion."""

from __future__ import annotations

import threading
import time

import pytest

from moderation import Message, Moderator
from moderation.errors import ModelError, UnknownNameError
from moderation.lexiconwatch import LexiconWatch
from moderation.modelwatch import ModelWatch
from moderation.policyfiles import PolicyBook
from moderation.registry import CHALLENGER, CHAMPION, Registry
from tests.support import quiet_weights, save


@pytest.fixture
def registry(tmp_path) -> Registry:
    shipped = tmp_path / "shipped"
    save(shipped / "v1", quiet_weights())
    (shipped / CHAMPION).write_text("v1\n", "utf-8")
    return Registry(tmp_path / "own", shipped)


def _loud(folder):
    weights = quiet_weights()
    weights.bias[:] = 8.0
    return save(folder, weights)


def _wait_for(check) -> None:
    until = time.monotonic() + 20
    while not check():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_own_alias_hides_the_shipped_one(registry):
    _loud(registry.folders[0] / "v2")
    assert registry.resolve().name == "v1"
    registry.name(CHAMPION, "v2")
    assert registry.resolve().name == "v2"
    assert registry.previous(CHAMPION) == "v1"
    assert [path.name for path in registry.versions()] == ["v1", "v2"]
    assert (registry.folders[1] / CHAMPION).read_text("utf-8") == "v1\n"


def test_an_alias_can_name_nothing(registry):
    registry.name(CHALLENGER, "v1")
    assert registry.alias(CHALLENGER) == "v1"
    registry.name(CHALLENGER, None)
    assert registry.alias(CHALLENGER) is None


def test_what_cannot_be_loaded_is_not_named(registry):
    broken = _loud(registry.folders[0] / "v2")
    (broken / "weights.npz").write_bytes(b"nothing")
    with pytest.raises(ModelError):
        registry.name(CHAMPION, "v2")
    assert registry.resolve().name == "v1"
    with pytest.raises(UnknownNameError, match="did you mean 'v1'"):
        registry.name(CHAMPION, "v11")


def test_a_moderator_follows_its_champion_between_batches(registry):
    seconds = [0.0]
    watch = ModelWatch(registry, CHAMPION, clock=lambda: seconds[0])
    moderator = Moderator(watch, PolicyBook.load(), LexiconWatch())
    assert moderator.moderate([Message("收到")])[0].findings == ()
    loud = _loud(registry.folders[0] / "v2")
    registry.name(CHAMPION, "v2")
    assert moderator.moderate([Message("收到")])[0].findings == ()
    seconds[0] += 2
    stop = threading.Event()
    seen: list[set[str]] = []

    def judge() -> None:
        while not stop.is_set():
            made = moderator.moderate([Message("收到")] * 50)
            seen.append({f"{one.model} {len(one.findings)}" for one in made})

    judging = threading.Thread(target=judge)
    judging.start()
    _wait_for(lambda: watch.current().version != "" and len(seen) > 2)
    _wait_for(lambda: moderator.moderate([Message("收到")])[0].findings != ())
    stop.set()
    judging.join()
    assert all(len(batch) == 1 for batch in seen), "one model for a whole batch"
    assert watch.problem is None
    assert loud.exists()


def test_a_broken_champion_leaves_the_old_one_in_force(registry):
    seconds = [0.0]
    watch = ModelWatch(registry, CHAMPION, clock=lambda: seconds[0])
    before = watch.current()
    own = registry.folders[0]
    own.mkdir()
    (own / CHAMPION).write_text("v9\n", "utf-8")
    seconds[0] += 2
    watch.current()
    _wait_for(lambda: watch.problem is not None)
    assert watch.current() is before
    assert "'v9'" in watch.problem

"""Fixtures: small models made once, and an application over one of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from moderation import Moderator
from service.app import create_app
from service.settings import Settings
from tests.support import KEY, Api, moderator, quiet_weights, save

settings.register_profile("suite", deadline=None, max_examples=60)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep settings of the machine out of the tests."""
    for name in os.environ:
        if name.startswith("MODERATION_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def quiet_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that finds nothing."""
    return save(tmp_path_factory.mktemp("models") / "quiet", quiet_weights())


@pytest.fixture(scope="session")
def quiet(quiet_model: Path) -> Moderator:
    """Return a moderator that hears the lexicon and the patterns alone."""
    return moderator(quiet_model)


@pytest.fixture(scope="session")
def champion() -> Moderator:
    """Return a moderator over the shipped model."""
    return Moderator.load()


@pytest.fixture(scope="session")
def api(quiet_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """Return a client of the service over the quiet model."""
    data = tmp_path_factory.mktemp("data")
    return Api(create_app(Settings(data_dir=data, api_key=KEY, model=str(quiet_model))))

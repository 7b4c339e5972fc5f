"""A firm whose champion was trained on a part of the project's data: quick, and yet real training."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from moderation.registry import CHAMPION, Registry
from tests.loop.analyst import Loop
from training import corpus, fit

EVERY = 3
"""One line in so many is learnt from."""


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a part of every data file."""
    folder = tmp_path_factory.mktemp("datasets")
    for path in sorted(corpus.DATASETS.glob("*.jsonl")):
        lines = path.read_text("utf-8").splitlines()[::EVERY]
        (folder / path.name).write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="session")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of models with a champion."""
    models = tmp_path_factory.mktemp("loop") / "models"
    samples = corpus.load_samples(sorted(data.glob("*.jsonl")))
    part = models.parent / "part"
    done = fit.train(samples, part, fit.Recipe(), date(2026, 11, 1), lambda step: None)
    models.mkdir()
    part.rename(models / done.about["version"])
    Registry(models).name(CHAMPION, done.about["version"])
    return models


@pytest.fixture
def loop(trained: Path, data: Path, tmp_path: Path) -> Iterator[Loop]:
    """Return a firm with this champion, its service not yet started."""
    shutil.copytree(trained, tmp_path / "models")
    url = f"sqlite:///{tmp_path / 'moderation.db'}"
    with Loop(tmp_path, url, datasets_dir=str(data)) as loop:
        loop.database.upgrade()
        yield loop

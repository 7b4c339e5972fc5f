"""Ctrl-C leaves no half-written model: a folder is whole or it is not there."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from moderation.artifacts import load_model
from service import cli
from training import corpus, placing, publish


@pytest.fixture
def few(tmp_path, monkeypatch):
    part = tmp_path / "datasets"
    part.mkdir()
    lines = (corpus.DATASETS / "basics.jsonl").read_text("utf-8").splitlines()[:80]
    (part / "own.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    monkeypatch.setattr(corpus, "DATASETS", part)


def train(output):
    return CliRunner().invoke(cli.app, ["train", "--output", str(output)])


def test_training_that_is_interrupted_leaves_nothing_and_what_was_there_stays(
    few, tmp_path, monkeypatch
):
    output = tmp_path / "models" / "ours"
    assert train(output).exit_code == 0
    before = load_model(output).version
    assert [path.name for path in output.parent.iterdir()] == ["ours"]

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(publish, "publish", interrupted)
    for target in (output, tmp_path / "models" / "other"):
        assert train(target).exit_code != 0
    assert [path.name for path in output.parent.iterdir()] == ["ours"]
    assert load_model(output).version == before


def test_a_folder_appears_when_it_is_placed(tmp_path):
    target = tmp_path / "v1"
    with placing.part(tmp_path) as folder:
        folder.mkdir()
        (folder / "weights.npz").write_bytes(b"w")
        assert not target.exists()
        placing.place(folder, target)
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]
    assert (target / "weights.npz").read_bytes() == b"w"


def test_the_end_of_one_work_leaves_that_of_another_alone(tmp_path):
    with placing.part(tmp_path) as one:
        one.mkdir()
        with placing.part(tmp_path):
            pass
        assert one.is_dir()
    assert list(tmp_path.iterdir()) == []

"""What a message does in a conversation, by the shipped model; a folder that is not whole is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from moderation.errors import ModelError, UnknownNameError
from moderation.features import FeatureSpec, extract
from moderation.normalize import normalize
from moderation.registry import Registry
from moderation.turns import ABOUT, ASKING, KINDS, TURNS, TurnModel, likeliest
from service import cli
from service.conduct.model import TurnKind
from tests.support import cases, params

MODEL = TurnModel.load()
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TURNS, tmp_path / "turns"))


def edit(folder: Path, **changes) -> None:
    path = folder / ABOUT
    body = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps({k: v for k, v in body.items() if v is not ...}), "utf-8")


def test_kinds_are_those_of_the_conduct_rules():
    assert {kind.value for kind in TurnKind} == set(KINDS)
    assert {kind.value for kind in TurnKind if kind.asks} == set(ASKING)


@pytest.mark.parametrize("case", params(cases("turns")))
def test_a_kind_is_told(case):
    assert MODEL.kinds([case["text"]]) == [case["kind"]]


@given(st.lists(TEXTS, max_size=6))
def test_a_message_is_judged_alike_alone_and_among_others(texts):
    assert MODEL.kinds(texts) == [kind for text in texts for kind in MODEL.kinds([text])]


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_probabilities_are_shared_out_and_kinds_follow_from_them(texts):
    judged = MODEL.probabilities(texts)
    assert judged.shape == (len(texts), len(KINDS))
    assert (judged >= 0).all()
    np.testing.assert_allclose(judged.sum(axis=1), 1)
    for kind, row in zip(MODEL.kinds(texts), judged, strict=True):
        assert (kind in ASKING) == (row[: len(ASKING)].sum() >= 0.5)


def test_more_texts_than_a_batch_holds():
    texts = [f"第{number}箱到了没" for number in range(2500)]
    assert set(MODEL.kinds(texts)) == {"question"}
    assert MODEL.kinds([]) == []


def test_three_unlikely_ways_of_asking_outweigh_the_likeliest_kind():
    row = np.array([[0.25, 0.2, 0.15, 0, 0, 0, 0, 0.4]])
    assert likeliest(row) == ["question"]
    assert likeliest(row[:, ::-1]) == ["statement"]


def test_how_a_question_is_typed_makes_no_difference():
    typed = ("明天几点发车？", "明天几点发车?", "明 天 几 点 发 车 ?", "明天幾點發車？")
    assert set(MODEL.kinds(typed)) == {"question"}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("体检什么时候", "排练什么时候", True),
        ("13号什么时候", "7号什么时候", True),
        ("门锁没锁", "账平没平", True),
        ("体检什么时候，急用", "体检什么时候 急用", True),
        ("体检什么时候", "体检那个时候", False),
        ("门锁没锁", "门锁没关", False),
        ("", "体检", False),
    ],
)
def test_the_frame_of_a_sentence_leaves_out_what_it_is_about(one, other, alike):
    spec = FeatureSpec(16, (("frame", (1, 2, 3, 4)),))
    found = extract(normalize([one, "", other]), spec)
    first, _, last = (found.buckets[low:high].tolist() for low, high in pairwise(found.starts))
    assert (first == last) == alike


def test_the_shipped_model_is_small_and_names_its_data():
    assert (TURNS / "weights.npz").stat().st_size < 1 << 20
    assert MODEL.about["metrics"]["asks"]["f1"] > 0.8
    assert not any(name.startswith("holdout") for name in MODEL.about["data"]["files"])


@pytest.mark.parametrize("name", ["weights.npz", ABOUT])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match="cannot be read") as caught:
        TurnModel.load(folder)
    assert caught.value.path == str(folder / name)


def test_tampered_weights_are_refused(folder):
    path = folder / "weights.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"differs from turns\.json"):
        TurnModel.load(folder)


def test_weights_of_another_shape_are_refused(folder):
    edit(folder, features=FeatureSpec(bits=9).to_dict())
    with pytest.raises(ModelError, match="matrix must be int8"):
        TurnModel.load(folder)


def test_what_is_no_archive_is_refused_though_the_hash_agrees(folder):
    (folder / "weights.npz").write_bytes(b"no archive")
    edit(folder, weights_sha256=hashlib.sha256(b"no archive").hexdigest())
    with pytest.raises(ModelError, match="cannot be read"):
        TurnModel.load(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"kinds": ["question"]},
        {"kinds": ...},
        {"features": ...},
        {"features": {"bits": 16, "orders": {"colour": [1]}}},
        {"version": ...},
    ],
)
def test_a_wrong_description_is_refused(folder, changes):
    edit(folder, **changes)
    with pytest.raises(ModelError, match=str(folder / ABOUT)):
        TurnModel.load(folder)


def test_it_is_no_model_of_the_registry():
    registry = Registry(TURNS.parent)
    assert TURNS.name not in [path.name for path in registry.versions()]
    with pytest.raises(UnknownNameError):
        registry.resolve(TURNS.name)


def test_classify_on_the_command_line():
    result = CliRunner().invoke(cli.app, ["turns", "classify", "几点开会", "收到", "--json"])
    assert result.exit_code == 0
    assert [row["kind"] for row in json.loads(result.stdout)] == ["question", "ack"]
    shown = CliRunner().invoke(cli.app, ["turns", "classify", "几点开会"])
    assert "question" in shown.stdout


def test_held_out_figures_on_the_command_line():
    result = CliRunner().invoke(cli.app, ["turns", "evaluate", "--json"])
    assert json.loads(result.stdout) == MODEL.about["metrics"]
    assert "asks" in CliRunner().invoke(cli.app, ["turns", "evaluate"]).stdout


def test_a_folder_without_a_model_is_an_error(tmp_path):
    result = CliRunner().invoke(cli.app, ["turns", "classify", "在吗", "--model", str(tmp_path)])
    assert isinstance(result.exception, ModelError)

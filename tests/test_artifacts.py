"""A model folder that is not whole and genuine is refused by name, and nothing in it is ever executed."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from moderation import Moderator
from moderation.artifacts import ARRAYS, load_model, save_model
from moderation.errors import ModelError, UnknownNameError
from moderation.registry import Registry
from moderation.taxonomy import taxonomy
from tests.support import SMALL, about, quiet_weights, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "model", quiet_weights())


def _edit(folder: Path, **changes) -> None:
    path = folder / "model.json"
    body = json.loads(path.read_text(encoding="utf-8"))
    body |= changes
    path.write_text(json.dumps({k: v for k, v in body.items() if v is not ...}), encoding="utf-8")


def _replace_weights(folder: Path, data: bytes) -> None:
    """Put other weights in the folder and make the hash agree with them."""
    (folder / "weights.npz").write_bytes(data)
    _edit(folder, weights_sha256=hashlib.sha256(data).hexdigest())


def _arrays(**changes) -> bytes:
    weights = quiet_weights()
    arrays = {name: getattr(weights, name) for name in ARRAYS} | changes
    out = io.BytesIO()
    np.savez(out, **{name: array for name, array in arrays.items() if array is not None})
    return out.getvalue()


def _refused(folder: Path, name: str, problem: str | None = None) -> None:
    with pytest.raises(ModelError, match=problem) as caught:
        load_model(folder)
    assert caught.value.path == str(folder / name)
    assert str(folder / name) in str(caught.value)


def test_what_was_saved_is_loaded(folder):
    model = load_model(folder)
    assert model.labels == taxonomy().ids
    assert model.spec == SMALL
    np.testing.assert_array_equal(model.weights.matrix, quiet_weights().matrix)
    assert {(at.review, at.block) for at in model.thresholds} == {(0.5, 0.9)}
    digest = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    assert model.version == f"2000.01.01-{digest[:6]}"


def test_the_same_weights_make_the_same_bytes(folder, tmp_path):
    other = save(tmp_path / "other", quiet_weights())
    assert (folder / "weights.npz").read_bytes() == (other / "weights.npz").read_bytes()


def test_no_half_written_file_is_left(folder):
    assert {path.name for path in folder.iterdir()} == {"weights.npz", "model.json"}


@pytest.mark.parametrize("name", ["weights.npz", "model.json"])
def test_missing_file(folder, name):
    (folder / name).unlink()
    _refused(folder, name, "cannot be read")


def test_missing_folder(tmp_path):
    _refused(tmp_path / "nowhere", "model.json", "cannot be read")


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_truncated_weights(folder, keep):
    path = folder / "weights.npz"
    path.write_bytes(path.read_bytes()[:keep])
    _refused(folder, "weights.npz", "hash differs")


@pytest.mark.parametrize("keep", [0, 1, 100, -3])
def test_truncated_description(folder, keep):
    path = folder / "model.json"
    path.write_bytes(path.read_bytes()[:keep])
    _refused(folder, "model.json", "not valid JSON")


def test_tampered_weights(folder):
    path = folder / "weights.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    _refused(folder, "weights.npz", "damaged or tampered")


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_weights_that_are_no_archive_though_the_hash_agrees(folder, keep):
    _replace_weights(folder, (folder / "weights.npz").read_bytes()[:keep])
    _refused(folder, "weights.npz", "cannot be read")


@pytest.mark.parametrize("found", [0, 2, "1", None, ...])
def test_another_format(folder, found):
    _edit(folder, format=found)
    _refused(folder, "model.json", "format")


def test_description_that_is_no_object(folder):
    (folder / "model.json").write_text("[1]", encoding="utf-8")
    _refused(folder, "model.json", "format None")


def test_description_that_is_not_utf8(folder):
    (folder / "model.json").write_bytes(b'{"format": 1, "\xff": 1}')
    _refused(folder, "model.json", "not valid JSON")


@pytest.mark.parametrize("name", ["labels", "features", "thresholds", "version", "weights_sha256"])
def test_missing_field(folder, name):
    _edit(folder, **{name: ...})
    with pytest.raises(ModelError, match=str(folder)):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", 5),
        ("labels", ["porn"]),
        ("labels", list(reversed(taxonomy().ids))),
        ("features", []),
        ("features", {"bits": 12, "orders": {"words": [1]}}),
        ("features", {"bits": 40, "orders": {"char": [1]}}),
        ("thresholds", []),
        ("thresholds", {"porn": {}}),
        ("thresholds", dict.fromkeys(taxonomy().ids, {"review": 0.5, "block": 0.9})),
        ("thresholds", dict.fromkeys(taxonomy().ids, {"review": {"value": "high"}})),
    ],
)
def test_wrong_field(folder, name, value):
    _edit(folder, **{name: value})
    _refused(folder, "model.json")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"matrix": np.zeros((SMALL.buckets, 3), dtype=np.int8)}, "matrix must be"),
        ({"matrix": np.zeros((16, 19), dtype=np.int8)}, "matrix must be"),
        ({"matrix": np.zeros((SMALL.buckets, 19))}, "matrix must be"),
        ({"bias": np.zeros(3)}, "bias must be"),
        ({"scale": np.zeros((19, 1))}, "scale must be"),
        ({"slope": np.full(19, np.nan)}, "slope must be"),
        ({"shift": np.full(19, np.inf)}, "shift must be"),
        ({"shift": None}, "cannot be read"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_wrong_arrays(folder, changes, problem):
    _replace_weights(folder, _arrays(**changes))
    _refused(folder, "weights.npz", problem)


class _Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_pickled_arrays_are_never_loaded(folder, tmp_path):
    trace = tmp_path / "executed"
    _replace_weights(folder, _arrays(bias=np.array([_Bomb(trace)] * 19, dtype=object)))
    _refused(folder, "weights.npz")
    assert not trace.exists()


def test_a_pickle_in_place_of_the_archive_is_never_loaded(folder, tmp_path):
    trace = tmp_path / "executed"
    _replace_weights(folder, pickle.dumps(_Bomb(trace)))
    _refused(folder, "weights.npz")
    assert not trace.exists()
    pickle.loads(pickle.dumps(_Bomb(trace)))
    assert trace.exists(), "the bomb itself works"


def test_aliases_name_versions(tmp_path):
    folder = save(tmp_path / "v1", quiet_weights())
    (tmp_path / "champion").write_text("v1\n", encoding="utf-8")
    assert Registry(tmp_path).resolve(None) == folder
    assert Registry(tmp_path).resolve("champion") == folder
    assert Registry(tmp_path).resolve("v1") == folder
    assert Registry().resolve(folder) == folder


def test_alias_of_nothing_is_named(tmp_path):
    (tmp_path / "champion").write_text("v2", encoding="utf-8")
    with pytest.raises(ModelError, match="'v2'"):
        Registry(tmp_path).resolve(None)


def test_unknown_model_offers_the_nearest(tmp_path):
    save(tmp_path / "2000.01.01-abcdef", quiet_weights())
    with pytest.raises(UnknownNameError, match=r"did you mean '2000\.01\.01-abcdef'"):
        Registry(tmp_path).resolve("2000.01.01-abcdee")


def test_models_folder_is_a_setting(tmp_path, monkeypatch):
    save(tmp_path / "mine", quiet_weights())
    (tmp_path / "champion").write_text("mine", encoding="utf-8")
    monkeypatch.setenv("MODERATION_MODELS", str(tmp_path))
    assert Moderator.load().model.version.startswith("2000.01.01-")


def test_the_shipped_champion_is_whole(champion):
    assert champion.model.labels == taxonomy().ids


def test_saving_over_a_model_replaces_it(folder):
    weights = quiet_weights()
    weights.bias[:] = -7.0
    save_model(folder, weights, about(weights, SMALL))
    np.testing.assert_array_equal(load_model(folder).weights.bias, weights.bias)

"""Model folders: `weights.npz` (no pickle) and `model.json`, checked by hash when they are loaded.

    models/
      champion            a text file: the name of the version in use
      2026.11.23-a1b2c3/  weights.npz  model.json  CARD.md  report.html

`model.json` holds labels, feature specification, calibration, thresholds with the objective that
chose each, data hashes and metrics. The last part of a version's name is the hash of its weights.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moderation import normalize
from moderation.errors import ModelError
from moderation.features import FeatureSpec
from moderation.scorer import Weights
from moderation.taxonomy import taxonomy

FORMAT = 1
ABOUT = "model.json"
ARRAYS = ("matrix", "scale", "bias", "slope", "shift")
MODELS = Path(__file__).parent.parent / "models"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Per label: from `review` on a person looks, from `block` on the bot may act."""

    review: float
    block: float


@dataclass(frozen=True, slots=True)
class Model:
    """A model ready to score; `about` is the whole `model.json`."""

    version: str
    labels: tuple[str, ...]
    spec: FeatureSpec
    weights: Weights
    thresholds: tuple[Thresholds, ...]
    about: dict[str, Any]


def save_model(
    folder: Path, weights: Weights, about: dict[str, Any], name: str = ABOUT
) -> dict[str, Any]:
    """Write `weights.npz` and `model.json`; return the latter: `about` with format, version and hashes.

    A model of another task writes a file of another `name`, so that it is not taken for one of these.
    """
    packed = _pack(weights)
    digest = hashlib.sha256(packed).hexdigest()
    body = {
        "format": FORMAT,
        "version": f"{about['released']}-{digest[:6]}",
        "weights_sha256": digest,
        "normalizer": normalize.version(),
        **about,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "weights.npz", packed)
    text = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    _write(folder / name, text.encode())
    return body


def load_model(folder: Path) -> Model:
    """Read a model folder.

    Raises:
        ModelError: a file is missing, truncated, tampered with, or of another format or taxonomy.
    """
    about, packed = read_folder(folder)
    try:
        return _build(folder, packed, about)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(folder / ABOUT, f"missing or wrong field: {error}") from error


def read_folder(folder: Path, name: str = ABOUT) -> tuple[dict[str, Any], bytes]:
    """Return what `model.json`, or the file of that `name`, says and the packed weights, which agree.

    Raises:
        ModelError: a file is missing, truncated, tampered with or of another format.
    """
    about = _about(folder / name)
    try:
        packed = (folder / "weights.npz").read_bytes()
    except OSError as error:
        raise ModelError(folder / "weights.npz", f"cannot be read: {error.strerror}") from error
    if hashlib.sha256(packed).hexdigest() != about.get("weights_sha256"):
        raise ModelError(folder / "weights.npz", f"hash differs from {name}: damaged or tampered")
    return about, packed


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(path, f"not valid JSON: {error}") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else None
        raise ModelError(path, f"format {found!r} is not {FORMAT}, which this version reads")
    return about


def _build(folder: Path, packed: bytes, about: dict[str, Any]) -> Model:
    spec = FeatureSpec.from_dict(about["features"])
    labels = tuple(about["labels"])
    if labels != taxonomy().ids:
        raise ModelError(folder / ABOUT, "labels are not those of the taxonomy")
    weights = unpack(folder, packed, spec.buckets, len(labels))
    thresholds = tuple(
        Thresholds(float(at["review"]["value"]), float(at["block"]["value"]))
        for at in (about["thresholds"][label] for label in labels)
    )
    return Model(str(about["version"]), labels, spec, weights, thresholds, about)


def _pack(weights: Weights) -> bytes:
    """Return the arrays as a zip whose bytes depend on nothing but the arrays."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in ARRAYS:
            entry = io.BytesIO()
            np.save(entry, getattr(weights, name), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.getvalue(), compresslevel=9)
    return out.getvalue()


def unpack(folder: Path, packed: bytes, buckets: int, labels: int) -> Weights:
    """Return the weights of a folder from their packed form.

    Raises:
        ModelError: not the arrays of a model, or not of that many buckets and labels.
    """
    path = folder / "weights.npz"
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(path, f"cannot be read: {error}") from error
    if arrays["matrix"].dtype != np.int8 or arrays["matrix"].shape != (buckets, labels):
        raise ModelError(path, f"matrix must be int8 [{buckets}, {labels}]")
    for name in ARRAYS[1:]:
        if arrays[name].shape != (labels,) or not np.isfinite(arrays[name]).all():
            raise ModelError(path, f"{name} must be {labels} finite numbers")
    return Weights(**arrays)


def _write(path: Path, data: bytes) -> None:
    """Write a file under another name first, so that a killed process leaves no half of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)

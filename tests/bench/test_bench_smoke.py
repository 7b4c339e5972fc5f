"""The benchmarks run; what they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_bench(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_quick_run_names_every_figure(tmp_path: Path):
    out = tmp_path / "bench.json"
    done = run_bench("--quick", "--only", "core", "whole", "--json", str(out))
    assert done.returncode == 0, done.stderr
    results = {one["name"]: one for one in json.loads(out.read_text("utf-8"))["results"]}
    expected = {f"{what}.numpy.{size}" for what in ("core", "whole") for size in (1, 32, 1024)}
    assert expected | {"whole.numpy.one", "whole-flagged.numpy.1024"} <= results.keys()
    assert all(one["value"] > 0 for one in results.values())
    assert results["whole.numpy.one"]["target"] == "< 0.5"
    assert "core.numpy.1024" in done.stdout


def test_quick_training(tmp_path: Path):
    out = tmp_path / "bench.json"
    done = run_bench("--quick", "--only", "train", "--json", str(out))
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text("utf-8"))["results"]
    assert [one["name"] for one in results] == ["train.600", "retrain.600+60"]


def test_quick_pages(tmp_path: Path):
    out = tmp_path / "bench.json"
    done = run_bench("--quick", "--only", "pages", "--json", str(out))
    assert done.returncode == 0, done.stderr
    results = {one["name"]: one for one in json.loads(out.read_text("utf-8"))["results"]}
    assert results["pages.queue"]["target"] == "< 100"
    assert results["pages.case.open.queries"]["met"]


def test_list_names_the_benchmarks():
    names = run_bench("--list").stdout.split()
    assert names == [
        "core",
        "whole",
        "against",
        "cli",
        "service",
        "http",
        "pages",
        "train",
        "month",
    ]


@pytest.mark.parametrize("option", [("--only", "nothing"), ("--nothing",)])
def test_unknown_names_are_refused(option: tuple[str, ...]):
    assert run_bench(*option).returncode == 2

"""`cli`: how long a person waits for `moderation classify TEXT`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Scale
from tests.bench.result import Result

PROGRAM = Path(sys.executable).with_name("moderation")
TEXTS = {"clean": "明天上午九点开会，请大家准时参加", "flagged": "加薇看片 日结佣金"}


def run(scale: Scale) -> Iterator[Result]:
    """Measure from the start of the process to its first line."""
    seconds: dict[str, list[float]] = {kind: [] for kind in TEXTS}
    for number in range(scale.starts + 1):
        for kind, text in TEXTS.items():
            taken = _first_answer(text)
            if number:  # the first start fills the system's file cache
                seconds[kind].append(taken)
    for kind, times in seconds.items():
        yield Result(f"cli.{kind}", statistics.median(times) * 1e3, "ms", note="to first answer")


def _first_answer(text: str) -> float:
    start = time.perf_counter()
    with subprocess.Popen(
        [PROGRAM, "classify", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        line = process.stdout.readline()
        taken = time.perf_counter() - start
        process.stdout.read()
        trouble = process.stderr.read()
    if not line or process.returncode:
        raise RuntimeError(f"moderation classify failed: {trouble.decode()}")
    return taken

"""Clocks: one core, jobs in turns, medians."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Job = Callable[[], object]
T = TypeVar("T")
CAN_PIN = hasattr(os, "sched_setaffinity")
CPUS = sorted(os.sched_getaffinity(0)) if CAN_PIN else [0]
"""The cores this process may use, as they were before `pin`."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured; `quick` only shows that everything runs."""

    messages: int = 2048
    rounds: int = 9
    starts: int = 5
    requests: int = 4000
    service_messages: int = 5000
    training: int | None = None
    firms: int = 100
    month: bool = True


FULL = Scale()
QUICK = Scale(
    messages=64,
    rounds=2,
    starts=1,
    requests=200,
    service_messages=200,
    training=600,
    firms=1,
    month=False,
)


def pin(cpus: Iterable[int]) -> None:
    """Keep this process, and those it starts, on some cores (where the system can)."""
    if CAN_PIN:
        os.sched_setaffinity(0, set(cpus))


def server_core() -> list[int]:
    """Return the core on which things are measured."""
    return CPUS[-1:]


def other_cores() -> list[int]:
    """Return the cores left for whoever makes the load; the same one on a machine with one core."""
    return CPUS[:-1] or CPUS


def in_turns(jobs: dict[str, Job], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each job in every round; all jobs run once first, unmeasured.

    What the set-up left in memory (data set, rivals) is hidden from the garbage collector, which
    would go through it again and again at the expense of whoever makes objects.
    """
    for job in jobs.values():
        job()
    gc.collect()
    gc.freeze()
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            seconds[name].append(clock(job))
    return seconds


def clock(job: Job) -> float:
    """Return how many seconds a job takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def rate(count: int, seconds: Sequence[float]) -> float:
    """Return things per second: the median of the rounds."""
    return count / statistics.median(seconds)


def ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Return how many times longer the one takes: the median of the rounds' own ratios."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def batches(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut a sequence into batches."""
    return [items[low : low + size] for low in range(0, len(items), size)]

"""Runs benchmarks by name: `python -m tests.bench --only core whole --json bench.json`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import measure, traffic
from tests.bench.result import Result, show

BENCHMARKS = {
    "core": "core",
    "whole": "whole",
    "against": "against",
    "cli": "cli",
    "service": "service",
    "http": "http_rate",
    "pages": "pages",
    "train": "training",
    "month": "month",
}
"""Name of each benchmark and the module that holds it; imported only when it runs."""


def main() -> None:
    """Run the benchmarks asked for, print a table, write JSON."""
    options = _options()
    if options.list:
        sys.stdout.write("\n".join(BENCHMARKS) + "\n")
        return
    heads = [_machine(), *traffic.describe()]
    if options.quick:
        heads.append("smoke test: these figures say nothing")
    measure.pin(measure.server_core())
    results: list[Result] = []
    try:
        results += _run(options.only or list(BENCHMARKS), options.quick)
    finally:
        show(results, heads)
    if options.json:
        body = {"about": heads, "results": [one.to_dict() for one in results]}
        options.json.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(BENCHMARKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument(
        "--quick", action="store_true", help="smoke test: tiny, figures mean nothing"
    )
    return parser.parse_args()


def _run(names: list[str], quick: bool) -> Iterator[Result]:
    scale = measure.QUICK if quick else measure.FULL
    for name in names:
        sys.stderr.write(f"{name} …\n")
        yield from importlib.import_module(f"tests.bench.{BENCHMARKS[name]}").run(scale)


def _machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"{len(measure.CPUS)} cores, one used{load}"
    )


if __name__ == "__main__":
    main()

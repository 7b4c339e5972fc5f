"""How long the stress tests go on."""

from __future__ import annotations

import os
import sys

FULL = os.environ.get("STRESS") == "full"
CROWD_SECONDS = 60.0 if FULL else 3.0
KILLS = 50 if FULL else 3
EXAMPLES = 200 if FULL else 3


def report(figures: str) -> None:
    """Tell what a test has been through; pytest shows it with `-s`."""
    sys.stdout.write(f"{figures}\n")

"""One figure of a benchmark with its target, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 120
"""Columns of the report, also where it is not shown on a terminal."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be: at least or below a limit."""

    sign: str
    limit: float

    def met(self, value: float) -> bool:
        """Return whether `value` reaches the target."""
        return value >= self.limit if self.sign == ">=" else value < self.limit

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Result:
    """A named figure; `note` says what a reader must know to judge it."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Return whether the target is met, None without one."""
        return None if self.target is None else self.target.met(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON file keeps."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "target": None if self.target is None else str(self.target),
            "met": self.met,
            "note": self.note,
        }


def at_least(limit: float) -> Target:
    """Return the target of a figure that should be high."""
    return Target(">=", limit)


def below(limit: float) -> Target:
    """Return the target of a figure that should be low."""
    return Target("<", limit)


def show(results: Sequence[Result], heads: Sequence[str]) -> None:
    """Print lines about the run and the figures with their targets."""
    console = Console()
    console.width = max(console.width, WIDTH)
    for line in heads:
        console.print(line, style="dim", highlight=False, markup=False)
    grid = Table()
    for column, side in (("", "left"), ("", "right"), ("", "left"), ("target", "left")):
        grid.add_column(column, justify=side, no_wrap=True)
    grid.add_column("note")
    for one in results:
        grid.add_row(one.name, _number(one.value), one.unit, _verdict(one), one.note)
    console.print(grid)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def _verdict(one: Result) -> str:
    if one.met is None:
        return ""
    return f"[green]{one.target} yes[/]" if one.met else f"[red]{one.target} no[/]"

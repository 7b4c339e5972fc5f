"""A text cut into pieces, marked where the evidence points. Pure; templates only print the pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text; `reasons` are those of all evidence that covers it, none for plain text."""

    text: str
    labels: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def pieces(text: str, findings: Iterable[Mapping[str, Any]]) -> list[Piece]:
    """Return the text in order, cut at every edge of evidence (contract's finding objects)."""
    spans = [
        (piece["start"], piece["end"], finding["label"], piece)
        for finding in findings
        for piece in finding["evidence"]
        if 0 <= piece["start"] < piece["end"] <= len(text)
    ]
    edges = sorted({0, len(text), *(s[0] for s in spans), *(s[1] for s in spans)})
    return [
        _piece(text[low:high], [s for s in spans if s[0] <= low and high <= s[1]])
        for low, high in zip(edges, edges[1:], strict=False)
    ]


def _piece(text: str, covering: list[tuple[int, int, str, Mapping[str, Any]]]) -> Piece:
    read = (p["read_as"] for *_, p in covering if p["read_as"] != p["text"])
    return Piece(
        text,
        tuple(dict.fromkeys(label for _, _, label, _ in covering)),
        tuple(dict.fromkeys(read)),
        tuple(dict.fromkeys(p["reason"] for *_, p in covering)),
    )

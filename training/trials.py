"""Try other recipes against the default one on the same folds: `python -m training.trials NAME…`.

    samples ─ default recipe ─ held-out scores ┐
            └ variant        ─ held-out scores ┴ paired bootstrap ─ a row of TOML

Whatever differs by less than its interval cannot be told from noise. Rows worth keeping are copied to
`data/trials.toml` with a word on what was `kept`; a variant that lost may then go.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from moderation.errors import UnknownNameError
from moderation.features import FeatureSpec
from moderation.taxonomy import taxonomy
from training import compare, grouping, thresholds
from training.corpus import TEST, Sample, load_samples
from training.fit import (
    HeldOut,
    Recipe,
    fit_without,
    judge_folds,
    make_design,
    representative,
    review_thresholds,
)

Variant = Callable[[Sequence[Sample]], HeldOut]
"""What answers samples with held-out scores, made on the folds of the default recipe."""


@dataclass(frozen=True, slots=True)
class Row:
    """A trial's figures; `low` and `high` enclose the difference in `f1` from the default at 95 %."""

    name: str
    ap: float
    f1: float
    category_f1: float
    low: float
    high: float

    def to_toml(self) -> str:
        """Return a table of `trials.toml`."""
        figures = ("ap", "f1", "category_f1", "low", "high")
        name = json.dumps(self.name, ensure_ascii=False)
        lines = [f"{figure} = {getattr(self, figure):.4f}" for figure in figures]
        return "\n".join(("[[trial]]", f"name = {name}", *lines)) + "\n"


def with_recipe(**changes: Any) -> Variant:
    """Return the variant that changes some fields of the recipe."""

    def judge(samples: Sequence[Sample]) -> HeldOut:
        recipe = replace(Recipe(), **changes)
        design = make_design(samples, recipe)
        models = fit_without(design, recipe, range(recipe.folds))
        judged = [sample for sample, own in zip(samples, design.judged, strict=True) if own]
        return judge_folds(judged, design, models, recipe, representative(judged), attacks=())

    return judge


def with_share(share: float) -> Variant:
    """Return the variant that learns from a share of the messages and is judged on all: a learning curve."""

    def judge(samples: Sequence[Sample]) -> HeldOut:
        drawn = np.random.default_rng(0).random(len(samples)) < share
        return with_recipe()(
            [replace(s, weight=s.weight * used) for s, used in zip(samples, drawn, strict=True)]
        )

    return judge


def _orders(*orders: int, bits: int = 18) -> FeatureSpec:
    """Return features with n-grams of other lengths of characters, sounds and shapes."""
    return FeatureSpec(
        bits, (*((row, orders) for row in ("char", "sound", "shape")), ("meta", (1,)))
    )


VARIANTS: dict[str, Variant] = {
    "C 0.5": with_recipe(C=0.5),
    "C 2": with_recipe(C=2.0),
    "no class weights": with_recipe(balance=0.0),
    "n-grams of 1 to 4": with_recipe(spec=_orders(1, 2, 3, 4)),
    "n-grams of 1 to 4, 2^20 buckets": with_recipe(spec=_orders(1, 2, 3, 4, bits=20)),
    "2^20 buckets": with_recipe(spec=_orders(1, 2, 3, bits=20)),
    "no attacked copies": with_recipe(copies=0.0, homophones=0.0),
    "10 % of the messages": with_share(0.1),
    "25 % of the messages": with_share(0.25),
    "50 % of the messages": with_share(0.5),
}


def run(
    samples: Sequence[Sample],
    variants: Mapping[str, Variant],
    resamples: int = compare.RESAMPLES,
) -> Iterator[Row]:
    """Yield the row of the default recipe, then one of each variant."""
    learnt = [sample for sample in samples if sample.split != TEST]
    group = grouping.groups([sample.text for sample in learnt])
    default = with_recipe()(learnt)
    old = _contender(default)
    yield _row("default", default.truth, old, old, group, resamples)
    for name, variant in variants.items():
        new = _contender(variant(learnt))
        yield _row(name, default.truth, old, new, group, resamples)


def _contender(held_out: HeldOut) -> compare.Contender:
    """Return scores with the thresholds that are chosen by them."""
    chosen = thresholds.choose(taxonomy().ids, held_out.truth, held_out.scores)
    return compare.Contender(held_out.scores, review_thresholds(chosen))


def _row(
    name: str,
    truth: NDArray[np.int8],
    old: compare.Contender,
    new: compare.Contender,
    group: NDArray[np.int64],
    resamples: int,
) -> Row:
    found = compare.compare(truth, old, new, group, resamples)
    used = truth.any(axis=0)
    return Row(
        name=name,
        ap=float(average_precision_score(truth[:, used], new.scores[:, used])),
        f1=found.label_f1.new,
        category_f1=found.category_f1.new,
        low=found.label_f1.low,
        high=found.label_f1.high,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    if options.list:
        sys.stdout.writelines(f"{name}\n" for name in VARIANTS)
        return 0
    for row in run(load_samples(), _chosen(options.names)):
        sys.stdout.write(row.to_toml() + "\n")
        sys.stdout.flush()
        if options.output:
            with options.output.open("a", encoding="utf-8") as file:
                file.write(row.to_toml() + "\n")
    return 0


def _chosen(names: Iterable[str]) -> dict[str, Variant]:
    """Return the variants named, all when none is."""
    wanted = list(names) or list(VARIANTS)
    for name in wanted:
        if name not in VARIANTS:
            raise UnknownNameError("variant", name, VARIANTS)
    return {name: VARIANTS[name] for name in wanted}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.trials",
        description="Judge other recipes beside the default one, on the same held-out folds.",
        epilog='example: python -m training.trials "C 2" "50 % of the messages" --output rows.toml',
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="variants; none means all")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--output", type=Path, metavar="FILE", help="append the rows to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())

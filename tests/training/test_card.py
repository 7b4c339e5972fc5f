"""What a model's card says."""

from __future__ import annotations

import pytest

from moderation.taxonomy import taxonomy
from training.card import write_card
from training.sources import licences

IDS = taxonomy().ids
REACHED = {"objective": "as good as can be", "value": 0.4321, "precision": 0.912, "recall": 0.534}
ABOUT = {
    "version": "2026.11.23-abcdef",
    "weights_sha256": "ab" * 32,
    "normalizer": "0123456789ab",
    "labels": list(IDS),
    "recipe": {"C": 1.5, "spec": {"bits": 18, "orders": {"char": [1, 2]}}},
    "data": {"samples": 123, "sha256": "cd" * 32},
    "thresholds": {
        label: {"review": REACHED, "block": REACHED | {"value": 1.0 if label == IDS[0] else 0.9}}
        for label in IDS
    },
    "metrics": {
        "samples": 123,
        "macro": {"label_f1": 0.811, "category_f1": 0.722},
        "false_positives": {"clean": 0.031, "plain": 0.021, "hard": 0.041},
        "calibration_error": 0.0123,
        "labels": {
            label: {
                "precision": 0.9,
                "recall": 0.5,
                "f1": 0.64,
                "average_precision": 0.7,
                "support": 9,
            }
            for label in IDS
        },
        "domains": {
            "large": {"label_f1": 0.5, "samples": 100},
            "worse": {"label_f1": 0.4, "samples": 200},
            "tiny": {"label_f1": 0.1, "samples": 2},
        },
        "evasion_recall": {"emoji": {"recall": 0.61, "flagged": 0.62, "support": 7}},
        "attacked": {"none": {"label_f1": 0.8}, "cloak": {"label_f1": 0.55}},
    },
}


def card(folder, about=ABOUT, *rest):
    write_card(folder, about, *rest)
    return (folder / "CARD.md").read_text("utf-8")


def columns(text: str) -> list[set[int]]:
    """Return the numbers of columns that occur in each table."""
    tables: list[set[int]] = [set()]
    for line in text.splitlines():
        if line.startswith("|"):
            tables[-1].add(line.replace("\\|", "").count("|"))
        elif tables[-1]:
            tables.append(set())
    return [table for table in tables if table]


def test_it_has_the_sections_of_a_model_card(tmp_path):
    text = card(tmp_path, ABOUT, [{"name": "x"}])
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "What it is",
        "What it is for",
        "What it is not for",
        "Data",
        "Recipe",
        "How good it is",
        "Thresholds",
        "Calibration",
        "Robustness",
        "Limits",
        "Trials",
        "Train again",
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        "2026.11.23-abcdef",
        "ab" * 32,
        "cd" * 32,
        "0123456789ab",
        "81.1 %",
        "72.2 %",
        "4.1 %",
        "0.0123",
    ]
    + ["bits: 18; orders: char: 1, 2", "as good as can be", "25.0 %", "61.0 %", "0.4321"],
)
def test_it_holds_hashes_recipe_and_figures(tmp_path, wanted):
    assert wanted in card(tmp_path)


def test_it_names_every_label_in_every_table(tmp_path):
    text = card(tmp_path)
    for label in taxonomy():
        assert text.count(f"`{label.id}`") >= 3
        assert label.name in text


def test_tables_are_well_formed(tmp_path):
    trials = [{"name": "a|b\nc", "kept": False}, {"name": "d", "label_f1": 0.5, "kept": True}]
    found = columns(card(tmp_path, ABOUT, trials, licences(["cold"])))
    assert len(found) >= 8
    assert all(len(counts) == 1 for counts in found)


def test_labels_that_are_never_blocked_are_named(tmp_path):
    line = next(row for row in card(tmp_path).splitlines() if row.startswith("Never blocked"))
    assert f"`{IDS[0]}`" in line
    assert f"`{IDS[1]}`" not in line


def test_small_domains_are_left_to_the_report(tmp_path):
    text = card(tmp_path)
    assert text.index("| worse |") < text.index("| large |")
    assert "tiny" not in text


def test_corpora_are_named_with_their_licence(tmp_path):
    row = licences(["cold"])[0]
    text = card(tmp_path, ABOUT, (), [row])
    for key in ("title", "licence", "commit", "citation"):
        assert row[key] in text
    assert "No public corpora were used." in card(tmp_path)


def test_losing_trials_are_kept(tmp_path):
    text = card(
        tmp_path, ABOUT, [{"name": "loser", "kept": False}, {"name": "winner", "kept": True}]
    )
    assert "| loser | no |" in text
    assert "| winner | yes |" in text


def test_what_is_absent_is_left_out(tmp_path):
    text = card(tmp_path, {})
    assert "## Limits" in text
    assert "## Thresholds" not in text
    assert "## Trials" not in text
    assert "Undefined" not in text
    assert "\n\n\n" not in text

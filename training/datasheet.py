"""What the data set holds: counts for its README, and the manifest that pins its files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from moderation.datafiles import TomlFile, read_text
from moderation.taxonomy import taxonomy
from training.corpus import EVASIONS, Sample

MANIFEST = "manifest.toml"
LICENCE = "Apache-2.0"
CHECK_COMMAND = "python -m training.check"
LENGTHS = (5, 10, 20, 40, 80, 160)
"""Upper ends, in characters, of the rows of the table of lengths; the last row is open."""
_HEADER = f"""\
# The files of the data set. Made by `{CHECK_COMMAND} --write-manifest`; do not edit.
licence = "{LICENCE}"
check = "{CHECK_COMMAND}"
"""


def write_manifest(folder: Path) -> None:
    """Write the manifest of a folder's data files."""
    rows = [_HEADER]
    for path in sorted(folder.glob("*.jsonl")):
        lines, digest = _measure(path)
        rows.append(f'[[file]]\nname = "{path.name}"\nlines = {lines}\nsha256 = "{digest}"\n')
    (folder / MANIFEST).write_text("\n".join(rows), encoding="utf-8")


def manifest_problems(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield `(place, "manifest", what is wrong)` where the manifest and the files disagree."""
    path = folder / MANIFEST
    if not path.exists():
        yield MANIFEST, "manifest", f"is missing: run `{CHECK_COMMAND} --write-manifest`"
        return
    manifest = TomlFile(path)
    rows = manifest.body.get("file", [])
    for number, row in enumerate(rows):
        place = f"{MANIFEST}:{manifest.line_of('file', number)}"
        problem = _row_problem(folder, row)
        if problem:
            yield place, "manifest", problem
    listed = {row.get("name") for row in rows}
    for file in sorted(folder.glob("*.jsonl")):
        if file.name not in listed:
            yield MANIFEST, "manifest", f"{file.name} is not listed"


def _row_problem(folder: Path, row: dict[str, object]) -> str | None:
    path = folder / str(row.get("name"))
    if not path.is_file():
        return f"{path.name} is listed, but not there"
    lines, digest = _measure(path)
    if row.get("lines") != lines:
        return f"{path.name} has {lines} lines, not {row.get('lines')}"
    return None if row.get("sha256") == digest else f"{path.name} was changed: other SHA-256"


def _measure(path: Path) -> tuple[int, str]:
    lines = sum(1 for line in read_text(path).splitlines() if line.strip())
    return lines, hashlib.sha256(path.read_bytes()).hexdigest()


def counts(samples: Sequence[Sample]) -> str:
    """Return Markdown tables: the whole, labels by evasion, domains, lengths."""
    parts = (
        _summary(samples),
        _label_table(samples),
        _domain_table(samples),
        _length_table(samples),
    )
    return "\n".join(parts)


def _summary(samples: Sequence[Sample]) -> str:
    bad = [sample for sample in samples if not sample.is_clean]
    rows = (
        ("messages", samples),
        ("clean", [sample for sample in samples if sample.is_clean]),
        ("clean, hard", [sample for sample in samples if sample.is_hard]),
        ("violations", bad),
        ("violations with two or more labels", [s for s in bad if len(s.labels) > 1]),
        ("violations that hide", [sample for sample in bad if sample.evasions]),
    )
    groups = Counter(sample.group for sample in samples)
    body = [(name, len(group)) for name, group in rows]
    body += [(f"in `{name}` groups", count) for name, count in sorted(groups.items())]
    return _table(("what", "messages"), body)


def _label_table(samples: Sequence[Sample]) -> str:
    """Return labels by evasion kind; a message with two labels counts under both."""
    body = []
    for label in taxonomy().ids:
        own = [sample for sample in samples if label in sample.labels]
        ways = Counter(way for sample in own for way in sample.evasions)
        several = sum(len(sample.labels) > 1 for sample in own)
        body.append((f"`{label}`", len(own), several, *(ways[way] for way in EVASIONS)))
    return _table(("label", "messages", "with others", *EVASIONS), body)


def _domain_table(samples: Sequence[Sample]) -> str:
    """Return the thirty largest domains; the rest in one row."""
    total = Counter(sample.domain for sample in samples)
    clean = Counter(sample.domain for sample in samples if sample.is_clean)
    most = total.most_common(30)
    body = [(name, count, clean[name]) for name, count in most]
    rest = total.keys() - {name for name, _ in most}
    if rest:
        label = f"{len(rest)} others"
        body.append((label, sum(total[n] for n in rest), sum(clean[n] for n in rest)))
    return _table(("domain", "messages", "clean"), body)


def _length_table(samples: Sequence[Sample]) -> str:
    body = []
    low = 1
    for high in (*LENGTHS, None):
        fits = [s for s in samples if low <= len(s.text) and (high is None or len(s.text) <= high)]
        name = f"{low} to {high}" if high else f"{low} and more"
        body.append((name, len(fits), sum(sample.is_clean for sample in fits)))
        low = (high or 0) + 1
    return _table(("characters", "messages", "clean"), body)


def _table(head: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    rows = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "".join("| " + " | ".join(map(str, row)) + " |\n" for row in rows)

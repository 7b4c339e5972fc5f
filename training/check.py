"""Check the data set: `python -m training.check [FILES]`.

    files ─ contract ─ samples ─ text as read ─ one function per rule ─ problems, each with file:line

A line must keep the contract, say something no other line says, agree with its like, hold nobody's
real data, and come from no template. Finding nothing means exit status 0.

Files of turns, in `datasets/turns`, are checked apart from the messages and by the same rules, but
for a question mark, which may make another turn of the same words.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from moderation import links, patterns
from moderation.errors import DataFileError, did_you_mean
from moderation.normalize import NormalizedBatch, normalize
from training import datasheet
from training.corpus import DATASETS, EVASIONS, HARD, Sample, load_samples
from training.grouping import near_duplicates
from training.turncorpus import TURNS, load_turns

NEAR = 0.7
"""Overlap of character trigrams from which two texts are near duplicates."""
NEAR_LENGTH = 8
"""Shortest text, in characters, that can be a near duplicate: short ones are alike by nature."""
HEAD, MAX_HEAD = 6, 12
"""At most `MAX_HEAD` lines may share their first `HEAD` characters as read."""
MAX_SKELETON = 8
"""At most so many lines may be the same once digits and Latin letters are masked."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at `place` (file:line); `rule` is the name of the rule that found it."""

    place: str
    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.detail}"


@dataclass(frozen=True)
class Lines:
    """Samples with their texts as read, worked out once for all rules.

    Two that read the same but for `ignored` signs are twins.
    """

    samples: Sequence[Sample]
    ignored: re.Pattern[str]

    @cached_property
    def batch(self) -> NormalizedBatch:
        """Return all texts normalised."""
        return normalize([sample.text for sample in self.samples])

    @cached_property
    def read(self) -> list[str]:
        """Return the text of each sample as read."""
        return self.batch.text.split("\0")[: len(self.samples)]

    @cached_property
    def twins(self) -> list[tuple[int, int]]:
        """Return pairs (first, later) of samples that read the same."""
        first: dict[str, int] = {}
        pairs = []
        for number, read in enumerate(self.read):
            earlier = first.setdefault(self.ignored.sub("", read) or read.strip(), number)
            if earlier != number:
                pairs.append((earlier, number))
        return pairs

    def number_at(self, position: int) -> int:
        """Return which sample stands at a position of the batch's text."""
        return int(np.searchsorted(self.batch.offsets, position, side="right")) - 1

    def word_around(self, low: int, high: int) -> str:
        """Return the original of `[low, high)` of the batch's text with what is written on to it, Chinese aside."""
        text = self.samples[self.number_at(low)].text
        start, end = int(self.batch.start[low]), int(self.batch.end[high - 1])
        return _WORD_END.findall(text[:start])[0] + text[start:end] + _WORD.findall(text[end:])[0]


_WORD = re.compile(r"^[^\s\u4e00-\u9fff]*")
_WORD_END = re.compile(r"[^\s\u4e00-\u9fff]*$")
_SIGNS = re.compile(r"[\W_]+")
_TURN_SIGNS = re.compile(r"(?:[^\w?]|_)+")
Rule = Callable[[Lines], Iterator[Problem]]


def check(paths: Iterable[Path] = ()) -> list[Problem]:
    """Return the problems of data files, of the project's own and their manifest when none is given."""
    files = list(paths)
    chosen = files or [*sorted(DATASETS.glob("*.jsonl")), *sorted(TURNS.glob("*.jsonl"))]
    turns = [path for path in chosen if path.parent.name == TURNS.name]
    samples, problems = read_files(path for path in chosen if path not in turns)
    problems += _broken(Lines(samples, _SIGNS), RULES)
    samples, more = read_files(turns, load_turns)
    problems += more + _broken(Lines(samples, _TURN_SIGNS), TURN_RULES)
    if not files:
        problems += [Problem(*found) for found in datasheet.manifest_problems(DATASETS)]
    return problems


def _broken(lines: Lines, rules: Sequence[Rule]) -> list[Problem]:
    return [problem for rule in rules for problem in rule(lines)]


def against_the_rest(path: Path) -> list[Problem]:
    """Return what repeats or contradicts the project's data, or an earlier line, in a file of others."""
    added = load_samples([path])
    lines = Lines([*load_samples(), *added], _SIGNS)
    own = {sample.place for sample in added}
    return [one for rule in (duplicates, near) for one in rule(lines) if one.place in own]


def read_files(
    paths: Iterable[Path], load: Callable[[list[Path]], list[Sample]] = load_samples
) -> tuple[list[Sample], list[Problem]]:
    """Return the samples of the files that keep the contract, and the first offence of each other file."""
    samples, problems = [], []
    for path in paths:
        try:
            samples += load([path])
        except DataFileError as error:
            line = "" if error.line is None else f":{error.line}"
            problems.append(Problem(f"{path.name}{line}", "contract", error.problem))
    return samples, problems


def notes(lines: Lines) -> Iterator[Problem]:
    """Find unknown notes, and notes, labels and sources that do not fit."""
    for sample in lines.samples:
        for problem in _note_problems(sample):
            yield Problem(sample.place, "note", problem)


def _note_problems(sample: Sample) -> Iterator[str]:
    known = (HARD, *EVASIONS)
    for note in sample.notes:
        if note not in known:
            yield f"unknown note {note!r}{did_you_mean(note, known)}"
    if sample.is_hard and not sample.is_clean:
        yield "`hard` marks a clean message, this one has labels"
    if sample.is_clean and sample.evasions:
        yield f"a clean message hides nothing, yet is noted {sample.evasions[0]!r}"
    if len(set(sample.labels)) < len(sample.labels):
        yield "a label stands twice"
    if len(sample.source.split("/")) != 3:
        yield f"source {sample.source!r} is not industry/register/place"


def duplicates(lines: Lines) -> Iterator[Problem]:
    """Find lines that read the same as an earlier one, punctuation aside."""
    for earlier, later in lines.twins:
        yield _likeness(lines.samples[earlier], lines.samples[later], "duplicate")


def near(lines: Lines) -> Iterator[Problem]:
    """Find lines that are nearly an earlier one."""
    twins = {later for _, later in lines.twins}
    long = [
        sample
        for number, sample in enumerate(lines.samples)
        if number not in twins and len(sample.text) >= NEAR_LENGTH
    ]
    for earlier, later in near_duplicates([sample.text for sample in long], NEAR):
        yield _likeness(long[earlier], long[later], "near-duplicate")


def _likeness(earlier: Sample, later: Sample, rule: str) -> Problem:
    if set(earlier.labels) == set(later.labels):
        return Problem(later.place, rule, f"of {earlier.place}: {_short(later.text)}")
    said = f"{_labels(later)}, but {earlier.place} is {_labels(earlier)}"
    return Problem(later.place, "contradiction", f"{said}: {_short(later.text)}")


_PHONE = re.compile(r"(?<![0-9a-z])(?:\+?86-?)?1[3-9]\d(?:[ -]?\d{4}){2}(?![0-9a-z])")
_CARD = re.compile(r"(?<![0-9a-z])(?:62|4\d|5[1-5]|35)(?:[ -]?\d){14,17}(?![0-9a-z])")
_NUMERALS = str.maketrans("〇零一幺二三四五六七八九", "001123456789")
_FICTIONAL_REGION = "99"
"""No region begins with these digits."""


def personal_data(lines: Lines) -> Iterator[Problem]:
    """Find numbers that may be somebody's: right check digits, assigned mobile prefixes."""
    text = lines.batch.text
    for hit in patterns.id_cards(lines.batch):
        if not text.startswith(_FICTIONAL_REGION, hit.start):
            yield _at(lines, hit.start, hit.end, "personal-data", "identity number that may exist")
    for match in _CARD.finditer(text):
        if patterns.luhn(re.sub("[ -]", "", match[0])):
            yield _at(lines, *match.span(), "personal-data", "card number that may exist")
    for match in _PHONE.finditer(text.translate(_NUMERALS)):
        yield _at(lines, *match.span(), "personal-data", "mobile number that may exist")


_EMAIL = re.compile(r"[a-z0-9._+-]+@(?P<host>(?:[a-z0-9-]+\.)+[a-z]{2,12})(?![a-z0-9])")
_STAR = re.compile(r"[*＊×]")
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_RESERVED = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local|lan|example\.(?:com|org|net))$"
)


def domains(lines: Lines) -> Iterator[Problem]:
    """Find hosts that may be somebody's: not reserved (RFC 2606), starred or on the list of known ones."""
    text = lines.batch.text
    found = [(*match.span(), match["host"]) for match in _EMAIL.finditer(text)]
    mail = {position for start, end, _ in found for position in range(start, end)}
    for link in links.find(text):
        if link.start not in mail and not _is_code(text, link.start, link.end):
            found.append((link.start, link.end, link.host))
    for start, end, host in found:
        starred = _STAR.search(lines.word_around(start, end))
        if not (starred or _RESERVED.search(host) or links.is_known(host)):
            yield _at(lines, start, end, "domain", f"{host} may exist: use .example or .test")
    for match in _ADDRESS.finditer(text):
        if _is_public(match[0]):
            yield _at(lines, *match.span(), "domain", f"{match[0]} is a public address")


def _is_code(text: str, start: int, end: int) -> bool:
    """Return whether a dotted name is a path, a call or part of a longer name: `a/core.git`, `o.id()`."""
    return text[start - 1 : start] == "/" or re.match(r"[(_]|\.[a-z]", text[end:]) is not None


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


_MASK = re.compile(r"[0-9a-z]+")


def templates(lines: Lines) -> Iterator[Problem]:
    """Find lines made to one pattern: the same opening, or the same but for digits and Latin letters."""
    heads, skeletons = defaultdict(list), defaultdict(list)
    for sample, read in zip(lines.samples, lines.read, strict=True):
        if len(read) >= HEAD and not read[:HEAD].isascii():
            heads[read[:HEAD]].append(sample)
        skeleton = _MASK.sub("0", read)
        if not skeleton.isascii():
            skeletons[skeleton].append(sample)
    yield from _crowds(heads, MAX_HEAD, "begin with")
    yield from _crowds(skeletons, MAX_SKELETON, "are made to")


def _crowds(groups: dict[str, list[Sample]], most: int, how: str) -> Iterator[Problem]:
    for shared, samples in groups.items():
        for sample in samples[most:]:
            yield Problem(sample.place, "template", f"{len(samples)} lines {how} {_short(shared)}")


TURN_RULES: tuple[Rule, ...] = (duplicates, near, personal_data, domains, templates)
RULES: tuple[Rule, ...] = (notes, *TURN_RULES)


def _at(lines: Lines, start: int, end: int, rule: str, detail: str) -> Problem:
    return Problem(
        lines.samples[lines.number_at(start)].place,
        rule,
        f"{detail}: {lines.batch.text[start:end]}",
    )


def _labels(sample: Sample) -> str:
    return "+".join(sample.labels) or "clean"


def _short(text: str, most: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most] + "…"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 1 when something was found."""
    options = _parser().parse_args(arguments)
    if options.write_manifest:
        datasheet.write_manifest(DATASETS)
        return 0
    if options.counts:
        samples, _ = read_files(options.files or sorted(DATASETS.glob("*.jsonl")))
        sys.stdout.write(datasheet.counts(samples))
        return 0
    problems = check(options.files)
    if options.json:
        rows = [asdict(problem) for problem in problems]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{problem}\n" for problem in problems)
        sys.stderr.write(f"{len(problems)} problem(s)\n")
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.check",
        description="Check data files line by line; exit status 1 when something was found.",
        epilog="example: python -m training.check datasets/bank.jsonl --json",
    )
    parser.add_argument(
        "files", nargs="*", type=Path, help="data files; none means datasets/*.jsonl and turns/"
    )
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")
    parser.add_argument(
        "--counts", action="store_true", help="print what is in the files as Markdown tables"
    )
    parser.add_argument(
        "--write-manifest", action="store_true", help="bring datasets/manifest.toml up to date"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

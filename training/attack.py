"""Rewrite a message the way senders hide words: for augmentation and for robustness tests.

    attack("加微信领红包", "split", rng)  ->  "加微亻言领红包"

Every kind finds the places that it can change, takes a share of them at random and rewrites them.
What is hidden is chosen blindly, so that a model learns the disguise and not our word lists. An
attack knows nothing of labels and never judges whether a person could still read the result.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from moderation.errors import UnknownNameError
from moderation.types import MAX_TEXT
from training import disguises
from training.corpus import Sample

Rng = np.random.Generator
Attack = Callable[[str, Rng, float], str]

SEPARATORS = ".*·-_ |、/"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
CLEAN_SHARE = 0.4
"""How often a clean message is rewritten, as a part of how often a violation is."""

_HAN = re.compile(r"[\u4e00-\u9fff]+")
_WORDS = re.compile(r"[\u4e00-\u9fff]{2,}|[0-9]{4,}|[A-Za-z]{2,}")
_MIN_SEPARATED = 3
_MAX_INITIALS = 4


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `[start, end)` of a message become `text`, which is never empty."""

    start: int
    end: int
    text: str


def attack(text: str, kind: str, rng: Rng, share: float = 0.3) -> str:
    """Return `text` with a `share` of the places open to an attack rewritten, at least one.

    A text without such a place comes back as it is. The result is never longer than a message may
    be, and the same generator state gives the same result.

    Raises:
        UnknownNameError: no such kind.
    """
    try:
        function = ATTACKS[kind]
    except KeyError as error:
        raise UnknownNameError("attack", kind, ATTACKS) from error
    return function(text, rng, share) if share > 0 else text


def augment(
    samples: Iterable[Sample],
    seed: int = 0,
    share: float = 0.5,
    weight: float = 0.5,
    homophones: float = 0.0,
) -> list[Sample]:
    """Return attacked copies of a `share` of the violations and of fewer of the clean messages.

    A share `homophones` gets a second copy with many characters changed by sound: it teaches a
    model to trust the sound row. Clean copies keep obfuscation alone from being a signal. What
    happens to a message depends on its text and `seed`, not on its neighbours. A copy keeps source
    and place, so that it stays in its original's fold, and weighs `weight` times the original.
    Copies are new texts, each once.
    """
    rows = list(samples)
    known = {sample.text for sample in rows}
    copies = []
    for sample in rows:
        rng = np.random.default_rng([seed, zlib.crc32(sample.text.encode())])
        often = CLEAN_SHARE if sample.is_clean else 1.0
        made = []
        if rng.random() < share * often:
            made.append(_attacked(sample, rng, weight))
        if homophones and rng.random() < homophones * often:
            made.append(_sounding_alike(sample, rng, weight))
        for copy in made:
            if copy.text not in known:
                known.add(copy.text)
                copies.append(copy)
    return copies


def _sounding_alike(sample: Sample, rng: Rng, weight: float) -> Sample:
    text = attack(sample.text, "homophone", rng, 0.3 + 0.7 * rng.random())
    notes = tuple(dict.fromkeys((*sample.notes, "homophone")))
    return replace(sample, text=text, notes=notes, weight=sample.weight * weight)


def _attacked(sample: Sample, rng: Rng, weight: float) -> Sample:
    """Return a copy under the first kind, in random order, that finds something to change."""
    share = 0.15 + 0.45 * rng.random()
    for number in rng.permutation(len(KINDS)).tolist():
        text = attack(sample.text, KINDS[number], rng, share)
        if text != sample.text:
            note = "mixed" if KINDS[number] == "cloak" else KINDS[number]
            notes = tuple(dict.fromkeys((*sample.notes, note)))
            return replace(sample, text=text, notes=notes, weight=sample.weight * weight)
    return sample


def _swap(text: str, rng: Rng, share: float, options: disguises.Options) -> str:
    """Replace a share of the characters that `options` knows by one of what it gives for each."""
    places = [place for place, char in enumerate(text) if char in options]
    return _apply(
        text,
        [
            Edit(place, place + 1, _pick(options[text[place]], chance))
            for place, chance in _sampled(places, rng, share)
        ],
    )


def _homophone(text: str, rng: Rng, share: float) -> str:
    return _swap(text, rng, share, disguises.homophones())


def _lookalike(text: str, rng: Rng, share: float) -> str:
    return _swap(text, rng, share, disguises.lookalikes())


def _traditional(text: str, rng: Rng, share: float) -> str:
    return _swap(text, rng, share, disguises.traditionals())


def _fullwidth(text: str, rng: Rng, share: float) -> str:
    """Write all letters and digits in one style, as input methods do; `share` does not matter."""
    styles = disguises.styles()
    return _swap(text, rng, 1.0, styles[int(rng.integers(len(styles)))])


def _pinyin(text: str, rng: Rng, share: float) -> str:
    return _swap(text, rng, share, disguises.spelled())


def _insert(text: str, rng: Rng, share: float) -> str:
    """Put an invisible character behind a share of the characters, never at an end."""
    return _apply(
        text,
        [
            Edit(place, place, _pick(INVISIBLE, chance))
            for place, chance in _sampled(range(1, len(text)), rng, share)
        ],
    )


def _split(text: str, rng: Rng, share: float) -> str:
    """Write characters as their parts, unless a part would join with its neighbour."""
    parts, wholes = disguises.parts(), disguises.wholes()
    edits: list[Edit] = []
    places = [place for place, char in enumerate(text) if char in parts]
    for place, _ in _sampled(places, rng, share):
        written = parts[text[place]]
        before = text[place - 1] if place else ""
        if edits and edits[-1].end == place:
            before = edits[-1].text[-1]
        if before + written[0] in wholes or written[-1] + text[place + 1 : place + 2] in wholes:
            continue
        edits.append(Edit(place, place + 1, written))
    return _apply(text, edits)


def _separator(text: str, rng: Rng, share: float) -> str:
    """Put one separator between all characters of a stretch of a word run."""
    runs = [match.span() for match in _WORDS.finditer(text)]
    if not runs:
        return text
    low, high = runs[int(rng.integers(len(runs)))]
    if ord(text[low]) > 0x7F:
        wanted = min(high - low, max(_MIN_SEPARATED, round(share * (high - low))))
        low += int(rng.integers(high - low - wanted + 1))
        high = low + wanted
    mark = _pick(SEPARATORS, rng.random())
    return _apply(text, [Edit(place, place, mark) for place in range(low + 1, high)])


def _emoji(text: str, rng: Rng, share: float) -> str:
    """Write words as emoji: those that mean the word first, then those that only sound like it."""
    pattern, meant, sounding = disguises.emojis()
    found = [(match[0] not in meant, match.span()) for match in pattern.finditer(text)]
    count = max(1, round(share * len(found)))
    chances = rng.random((len(found), 2)).tolist()
    ranked = sorted(zip(found, chances, strict=True), key=lambda item: (item[0][0], item[1][0]))
    edits = []
    for (sounds, (low, high)), (_, chance) in sorted(ranked[:count], key=lambda item: item[0][1]):
        options = sounding if sounds else meant
        edits.append(Edit(low, high, _pick(options[text[low:high]], chance)))
    return _apply(text, edits)


def _initials(text: str, rng: Rng, share: float) -> str:
    """Write stretches of two to four Han characters by the first letters of their syllables."""
    syllable = disguises.syllables()
    edits: list[Edit] = []
    runs = [match.span() for match in _HAN.finditer(text)]
    stretches = [stretch for run in runs for stretch in _stretches(*run, rng)]
    for number, _ in _sampled(range(len(stretches)), rng, share):
        low, high = stretches[number]
        letters = [syllable.get(char, "")[:1] for char in text[low:high]]
        if all(letters):
            edits.append(Edit(low, high, "".join(letters)))
    return _apply(text, edits)


def _stretches(low: int, high: int, rng: Rng) -> Iterator[tuple[int, int]]:
    """Cut a run into stretches of two to four characters, a rest of one left alone."""
    low += int(rng.integers(2)) if high - low > 2 else 0
    while high - low >= 2:
        size = min(high - low, 2 + int((_MAX_INITIALS - 1) * rng.random() ** 2))
        yield low, low + size
        low += size


def _cloak(text: str, rng: Rng, share: float) -> str:
    """Apply two or three kinds one after the other: swaps first, signs between characters last."""
    count = 2 + int(rng.integers(2))
    for kind in sorted(rng.permutation(len(_LAYERS))[:count].tolist()):
        text = attack(text, _LAYERS[kind], rng, share / 1.5)
    return text


ATTACKS: dict[str, Attack] = {
    "homophone": _homophone,
    "lookalike": _lookalike,
    "split": _split,
    "separator": _separator,
    "emoji": _emoji,
    "traditional": _traditional,
    "initials": _initials,
    "fullwidth": _fullwidth,
    "pinyin": _pinyin,
    "insert": _insert,
    "cloak": _cloak,
}
KINDS = tuple(ATTACKS)
_LAYERS = (
    "homophone",
    "lookalike",
    "emoji",
    "initials",
    "split",
    "traditional",
    "pinyin",
    "fullwidth",
    "separator",
    "insert",
)


def _apply(text: str, edits: Sequence[Edit]) -> str:
    """Carry out ascending edits, from the first on, as long as the message stays a message."""
    room = max(MAX_TEXT, len(text)) - len(text)
    out: list[str] = []
    done = 0
    for edit in edits:
        growth = len(edit.text) - (edit.end - edit.start)
        if growth > room:
            break
        room -= growth
        out += (text[done : edit.start], edit.text)
        done = edit.end
    return "".join((*out, text[done:]))


def _sampled(places: Sequence[int], rng: Rng, share: float) -> list[tuple[int, float]]:
    """Return a share of the places, at least one, ascending, each with a chance in [0, 1)."""
    if not places:
        return []
    count = min(len(places), max(1, round(share * len(places))))
    taken = sorted(rng.permutation(len(places))[:count].tolist())
    return [(places[i], c) for i, c in zip(taken, rng.random(count).tolist(), strict=True)]


def _pick(options: Sequence[str], chance: float) -> str:
    return options[int(chance * len(options))]

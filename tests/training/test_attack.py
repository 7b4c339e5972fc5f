"""What attacks do to a message, and what the normaliser takes back."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import UnknownNameError
from moderation.normalize import normalize
from moderation.tables import fold, phrases, splits
from moderation.types import MAX_TEXT
from training import attack as module
from training import disguises
from training.attack import ATTACKS, KINDS, attack, augment
from training.corpus import Sample

HAN = "".join(
    bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)
)
han_text = st.text(HAN, min_size=1, max_size=60)
mixed_text = st.text(HAN + "abcXYZ0189，。！ \n🐴", min_size=1, max_size=60)
seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0.01, 1.0)


def read(text: str) -> str:
    return normalize([text])[0].text


@given(mixed_text, st.sampled_from(KINDS), seeds, shares)
def test_every_attack_is_repeatable_and_leaves_a_valid_message(text, kind, seed, share):
    once = attack(text, kind, np.random.default_rng(seed), share)
    assert once == attack(text, kind, np.random.default_rng(seed), share)
    assert 0 < len(once) <= MAX_TEXT
    assert "\0" not in once
    once.encode()


@given(mixed_text, st.sampled_from(["traditional", "fullwidth", "insert"]), seeds, shares)
def test_what_one_table_undoes_reads_as_before(text, kind, seed, share):
    assert read(attack(text, kind, np.random.default_rng(seed), share)) == read(text)


@given(han_text, seeds, shares)
def test_split_characters_are_joined_again(text, seed, share):
    own_parts = set(disguises.parts()) - {chr(code) for code in splits().values()}
    text = "".join(char for char in text if char not in own_parts)
    if text:
        assert read(attack(text, "split", np.random.default_rng(seed), share)) == read(text)


@given(han_text, st.sampled_from(".*·-_ |/、"), seeds, shares)
def test_separated_characters_are_joined_again(text, mark, seed, share):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEPARATORS", mark)
        attacked = attack(text, "separator", np.random.default_rng(seed), share)
    found = read(attacked)
    if mark == "、":  # a list of words looks the same, so its outer signs stay
        found = found.replace("、", "")
    assert found == read(text)


@given(han_text, seeds)
def test_homophones_keep_the_syllable_and_are_common_characters(text, seed):
    attacked = attack(text, "homophone", np.random.default_rng(seed), 0.5)
    syllable = disguises.syllables()
    assert len(attacked) == len(text)
    assert [syllable.get(char, char) for char in attacked] == [syllable.get(c, c) for c in text]


@given(han_text.filter(lambda text: len(text) > 9), seeds)
def test_a_larger_share_changes_more(text, seed):
    def changed(share: float) -> int:
        out = attack(text, "homophone", np.random.default_rng(seed), share)
        return sum(a != b for a, b in zip(text, out, strict=True))

    assert changed(0.1) <= changed(0.5) <= changed(1.0)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("initials", "傻逼", "sb"),
        ("emoji", "钱", "💰💵💴💶💷🤑💸🪙"),
        ("emoji", "妈", "🐴🐎🦄"),
        ("emoji", "几", "🐔🐓🐣"),
        ("split", "信", ("亻言",)),
        ("split", "好", ("女子",)),
        ("traditional", "发", "發"),
        ("pinyin", "微", ("wei",)),
        ("pinyin", "女", ("nv",)),
        ("separator", "加微信", [mark.join("加微信") for mark in module.SEPARATORS]),
        ("insert", "微信", [f"微{mark}信" for mark in module.INVISIBLE]),
    ],
)
def test_an_attack_writes_as_senders_do(kind, text, expected):
    assert attack(text, kind, np.random.default_rng(0), 1.0) in expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_a_place_comes_back_unchanged(kind):
    for text in ("！", "。" if kind == "insert" else "。。。"):
        assert attack(text, kind, np.random.default_rng(0)) == text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_share_of_nothing_changes_nothing(kind):
    assert (
        attack("加微信领红包QQ12345", kind, np.random.default_rng(0), 0.0) == "加微信领红包QQ12345"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_message_does_not_grow(kind):
    text = ("加微信领钱ab12" * 1200)[:MAX_TEXT]
    assert len(attack(text, kind, np.random.default_rng(0), 1.0)) <= MAX_TEXT


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match="homophone"):
        attack("微信", "homophones", np.random.default_rng(0))


def test_lookalikes_are_none_that_the_tables_undo():
    swaps = {
        (read_as, written)
        for phrase in phrases()
        if len(phrase.written) == len(phrase.read_as)
        for written, read_as in zip(phrase.written, phrase.read_as, strict=True)
    }
    for char, similar in disguises.lookalikes().items():
        for other in similar:
            assert fold().text(other) == other != char
            assert (char, other) not in swaps


def test_sixteen_thousand_attacks_take_less_than_five_seconds():
    rng = np.random.default_rng(0)
    text = "老板加微信领红包，代开发票免费办理，QQ12345678，你这个猪脑子什么时候到账"
    start = time.perf_counter()
    for number in range(16_000):
        attack(text, KINDS[number % len(KINDS)], rng)
    assert time.perf_counter() - start < 5


VIOLATIONS = [
    Sample(
        f"第{n}批加微信代开发票，电话1380000{n:04d}", ("illicit_ad",), "work", "a/b", place=f"x:{n}"
    )
    for n in range(200)
]
CLEAN = [Sample(f"第{n}车钢筋到了，请仓库收货", (), "work", "a/b", ("hard",)) for n in range(200)]


def test_augment_is_repeatable_and_does_not_look_at_neighbours():
    copies = augment([*VIOLATIONS, *CLEAN], seed=3)
    assert copies == augment([*VIOLATIONS, *CLEAN], seed=3)
    assert copies == [*augment(VIOLATIONS, seed=3), *augment(CLEAN, seed=3)]
    assert copies != augment([*VIOLATIONS, *CLEAN], seed=4)


def test_copies_keep_what_is_true_of_the_original():
    by_place = {sample.place: sample for sample in VIOLATIONS}
    copies = augment(VIOLATIONS, share=1.0, weight=0.25)
    assert len(copies) > 150
    for copy in copies:
        original = by_place[copy.place]
        assert copy.text != original.text
        assert set(copy.notes) <= {*ATTACKS, "mixed"} - {"cloak"}
        assert replace(copy, text=original.text, notes=(), weight=1.0) == original
        assert copy.weight == 0.25


def test_clean_messages_are_rewritten_too_but_less_often():
    violations, clean = augment(VIOLATIONS), augment(CLEAN)
    assert 0 < len(clean) < len(violations)
    assert all(copy.is_clean and copy.is_hard for copy in clean)


def test_every_kind_is_used():
    notes = {note for copy in augment(VIOLATIONS, share=1.0) for note in copy.notes}
    assert notes == {*ATTACKS, "mixed"} - {"cloak"}


def test_repeated_messages_give_one_copy():
    assert len(augment([VIOLATIONS[0]] * 50, share=1.0)) == 1


def test_data_files_hold_one_character_per_row():
    for path in disguises.DATA.glob("*.tsv"):
        rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
        rows = [row for row in rows if not row[0].startswith("#")]
        assert all(len(row) == 2 and all(row) for row in rows), path

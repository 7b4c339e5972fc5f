"""Words of notices: sums in capital numerals, texts fit to be printed."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.wording import in_words, penalty, printable, yuan
from tests.support import any_text

DIGITS = {char: value for value, char in enumerate("零壹贰叁肆伍陆柒捌玖")}
PLACES = {"拾": 10, "佰": 100, "仟": 1000}
GROUPS = {"万": 10**4, "亿": 10**8}


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("20", "贰拾元整"),
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角"),
        ("1.05", "壹元零伍分"),
        ("10.10", "壹拾元壹角"),
        ("35.67", "叁拾伍元陆角柒分"),
        ("110", "壹佰壹拾元整"),
        ("1005", "壹仟零伍元整"),
        ("1050", "壹仟零伍拾元整"),
        ("10000", "壹万元整"),
        ("10005", "壹万零伍元整"),
        ("100500", "壹拾万零伍佰元整"),
        ("1001000.10", "壹佰万壹仟元壹角"),
        ("100000000", "壹亿元整"),
        ("9500003001.39", "玖拾伍亿零叁仟零壹元叁角玖分"),
        ("-20", "负贰拾元整"),
    ],
)
def test_sums_in_words(amount, words):
    assert in_words(Decimal(amount)) == words


def read(words: str) -> Decimal:
    """Read capital numerals as a person does: the other way round than they are written."""
    sign = -1 if words.startswith("负") else 1
    total = group = digit = 0
    fen = 0
    for char in words.removeprefix("负"):
        if char in DIGITS:
            digit = DIGITS[char]
        elif char in PLACES:
            group, digit = group + digit * PLACES[char], 0
        elif char in GROUPS:
            total, group, digit = total + (group + digit) * GROUPS[char], 0, 0
        elif char == "元":
            total, group, digit = total + group + digit, 0, 0
        elif char in "角分":
            fen, digit = fen + digit * (10 if char == "角" else 1), 0
    return sign * (total + Decimal(fen) / 100)


@given(st.integers(-(10**14) + 1, 10**14 - 1).map(lambda fen: Decimal(fen) / 100))
def test_a_sum_can_be_read_back(amount):
    words = in_words(amount)
    assert read(words) == amount
    assert "零零" not in words
    assert words.endswith(("整", "角", "分"))


@pytest.mark.parametrize("amount", ["0.001", "NaN", "Infinity", "1e12"])
def test_what_is_no_sum_is_refused(amount):
    with pytest.raises(ValueError, match="fen|many"):
        in_words(Decimal(amount))


def test_penalties():
    assert penalty("fine", Decimal("20.00")) == "罚款人民币贰拾元整（¥20.00）"
    assert penalty("fine", None) == "罚款（金额待定）"
    assert penalty("removal", Decimal("0.00")) == "移出群"
    assert yuan(Decimal("-1234567.5")) == "-¥1,234,567.50"


@given(any_text())
def test_printable_text_holds_nothing_that_turns_or_breaks_a_line(text):
    kept = printable(text)
    assert not [char for char in kept if unicodedata.category(char) in ("Cc", "Cf", "Cs")]
    assert printable(kept) == kept
    assert [c for c in text if c.isalnum() and unicodedata.category(c) != "Cn"] == [
        c for c in kept if c.isalnum()
    ]

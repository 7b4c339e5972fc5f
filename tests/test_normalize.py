"""The same thing written in many ways is read the same way, and every character knows where it came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation import tables
from moderation.normalize import Normalized, normalize, version
from tests.support import any_text, cases, fully_obfuscated, obfuscated, params

CASES = cases("normalize")


@pytest.mark.parametrize("case", params(CASES))
def test_reading(case):
    read = normalize([case["text"]])[0]
    assert read.text == case["expect"]
    assert sorted(read.steps) == sorted(case["steps"])


def test_every_step_has_an_example():
    shown = {step for case in CASES for step in case["steps"]}
    # Lower case is a matter of course and never told.
    assert shown == set(tables.STEPS) - {"case"}


def test_reading_twice_changes_nothing_more():
    read = [normalize([case["text"]])[0].text for case in CASES]
    assert [normalize([text])[0].text for text in read] == read


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("快加薇看片", "加薇"),
        ("快加 . 微 . 信吧", "加 . 微 . 信"),
        ("我要 亻言 用卡", "亻言"),
        ("他说nm\u200bsl啊", "nm\u200bsl"),
    ],
)
def test_the_original_is_quoted(text, written):
    read = normalize([text])[0]
    low = text.index(written)
    inside = [i for i in range(len(read.text)) if low <= read.start[i] < low + len(written)]
    start, end = read.original_span(inside[0], inside[-1] + 1)
    assert text[start:end] == written


def _check_offsets(read: Normalized) -> None:
    start, end = read.start, read.end
    assert len(read.text) == len(start) == len(end)
    assert (start >= 0).all()
    assert (end <= len(read.original)).all()
    assert (start < end).all(), "every character kept stands for something"
    assert (np.diff(start) >= 0).all()
    assert (np.diff(end) >= 0).all()


@given(any_text())
def test_anything_can_be_read(text):
    _check_offsets(normalize([text])[0])


@given(obfuscated())
def test_hidden_words_keep_their_place(text):
    _check_offsets(normalize([text])[0])


@given(st.text(alphabet="加微信刷单会议abc12 .", min_size=1, max_size=12))
def test_every_obfuscation_at_once(text):
    _check_offsets(normalize([fully_obfuscated(text)])[0])


@given(st.lists(st.one_of(any_text(20), obfuscated()), max_size=12))
@example(["0", ":A|A"])
def test_a_batch_reads_like_its_messages_alone(texts):
    batch = normalize(texts)
    assert len(batch) == len(texts)
    for number, text in enumerate(texts):
        together, alone = batch[number], normalize([text])[0]
        assert together.original == text
        assert together.text == alone.text
        assert together.steps == alone.steps
        assert together.start.tolist() == alone.start.tolist()
        assert together.end.tolist() == alone.end.tolist()


@given(any_text())
def test_a_single_character_never_grows_without_a_place(text):
    read = normalize([text])[0]
    assert "\0" not in read.text
    read.text.encode("utf-8")


def test_version_names_the_tables():
    assert version() == version()
    assert len(version()) == 12


def test_messages_of_nothing_visible_stay_apart():
    batch = normalize(["\u200b"] * 8 + ["收到"])
    assert [batch[number].text for number in range(9)] == [""] * 8 + ["收到"]

"""The domain classifier: drift is found when it is there, and not where times are alike."""

from __future__ import annotations

import random

import pytest

from training.corpus import load_samples
from training.drift import LEAST, told_apart


@pytest.fixture(scope="module")
def texts():
    found = [sample.text for sample in load_samples()]
    random.Random(1).shuffle(found)
    return found


def pitches(count):
    """Return messages of a kind of their own, no two alike."""
    rng = random.Random(2)
    what = ("原始股", "私募份额", "海外理财", "数字藏品", "黄金托管", "养老基地")
    how = ("限时认购", "内部名额", "保本保息", "翻倍返还", "老师带单", "扫码进场")
    who = ("张老师", "王总", "客服小美", "平台专员", "李经理", "何助理")
    return [
        f"{rng.choice(who)}说{rng.choice(what)}{rng.choice(how)}，{rng.randrange(100)}人已到账，{rng.choice(how)}找{rng.choice(who)}"
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_two_halves_of_the_same_are_not_told_apart(texts, seed):
    part = texts[seed * 500 : (seed + 1) * 500]
    found = told_apart(part[:300], part[300:], seed=seed)
    assert found.p > 0.01
    assert found.auc < 0.6


def test_a_third_of_something_new_is_found(texts):
    found = told_apart(texts[:300], texts[300:420] + pitches(60))
    assert found.p == 0.01
    assert found.auc > max(0.6, found.null)


def test_something_else_altogether_is_found_for_certain(texts):
    assert told_apart(texts[:200], pitches(100)).auc > 0.95


def test_one_message_sent_a_hundred_times_is_one_text(texts):
    assert told_apart(texts[:300], texts[300 : 300 + LEAST - 2] + pitches(1) * 100) is None


def test_the_same_texts_give_the_same_answer(texts):
    assert told_apart(texts[:100], texts[100:200]) == told_apart(texts[:100], texts[100:200])


@pytest.mark.parametrize(("reference", "recent"), [(0, 50), (50, LEAST - 1), (0, 0)])
def test_too_few_texts_are_not_compared(texts, reference, recent):
    assert told_apart(texts[:reference], texts[reference : reference + recent]) is None

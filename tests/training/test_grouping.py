"""Which texts are near-duplicates, and where groups and units are put."""

from __future__ import annotations

import numpy as np
import pytest

from training.grouping import folds, groups, near_duplicates

LONG = "诚信代开各类发票，税点优惠，量大从优，有需要的老板请加微信详谈"
OTHER = "今天下午三点在二楼会议室开周会，请各位组长带上本周的进度表"


@pytest.mark.parametrize(
    "twin",
    [
        LONG,
        LONG + "！！！",
        LONG.replace("，", " "),
        LONG.replace("老板", "朋友"),
        LONG.replace("发票", "發票"),
        LONG + " 12800000000",
    ],
)
def test_a_twin_is_found(twin):
    assert near_duplicates([OTHER, LONG, twin]) == [(1, 2)]


@pytest.mark.parametrize("text", [OTHER, "代开发票", LONG[: len(LONG) // 2], "1"])
def test_what_is_not_alike_is_no_pair(text):
    assert near_duplicates([LONG, text]) == []


def test_the_threshold_is_an_overlap_of_trigrams():
    one, other = "甲乙丙丁戊己庚辛", "甲乙丙丁戊己庚壬"  # 5 trigrams of 7 in common
    assert near_duplicates([one, other], 5 / 7) == [(0, 1)]
    assert near_duplicates([one, other], 5 / 7 + 1e-9) == []


def test_short_texts_are_alike_only_when_they_are_the_same():
    assert near_duplicates(["好", "好的", "好", "的", "1", "2", "1"]) == [(0, 2), (4, 6)]


@pytest.mark.parametrize("texts", [[], ["好"], ["好", "不好"]])
def test_few_texts(texts):
    assert groups(texts).tolist() == list(range(len(texts)))


def test_a_group_is_named_by_its_first_text():
    texts = [OTHER, LONG, "收到", LONG + "！", "收到", OTHER]
    assert groups(texts).tolist() == [0, 1, 2, 1, 2, 0]


def test_links_carry_on():
    chain = [LONG[start : start + 20] for start in range(0, 12, 2)]
    assert not near_duplicates([chain[0], chain[-1]])
    assert set(groups(chain).tolist()) == {0}


def test_many_copies_are_one_group_without_a_pair_for_every_two():
    texts = [LONG] * 5000 + [OTHER]
    assert len(near_duplicates(texts)) < 10 * len(texts)
    assert set(groups(texts).tolist()) == {0, 5000}


def test_units_stay_together_and_twins_follow_the_first():
    units = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"]
    group = np.arange(13)
    group[12] = 0
    fold = folds(units, group, 3)
    assert len(set(fold[:5])) == len(set(fold[5:9])) == len(set(fold[9:12])) == 1
    assert fold[12] == fold[0]

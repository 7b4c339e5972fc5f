"""Our pass over jieba's dictionary finds jieba's own words."""

from __future__ import annotations

import logging
import warnings

from hypothesis import example, given
from hypothesis import strategies as st

from moderation import segment

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jieba

jieba.setLogLevel(logging.WARNING)
# A tokenizer without jieba's cache file in the shared temp folder.
REFERENCE = jieba.Tokenizer()
with REFERENCE.get_dict_file() as dictionary:
    REFERENCE.FREQ, REFERENCE.total = REFERENCE.gen_pfdict(dictionary)
REFERENCE.initialized = True

PIECES = (
    "时代",
    "开发",
    "票务",
    "加微信",
    "会议室",
    "结婚的和尚未",
    "abc12",
    "1.5%",
    " ",
    "，",
    "\n",
    "🐴",
    "龘",
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("研究生命起源")
@example("时代开发票务系统上线，请代开发票")
def test_the_words_are_those_of_jieba(text):
    assert segment.words(text) == REFERENCE.lcut(text, HMM=False)


@given(st.text(max_size=40))
def test_joined_words_are_the_text(text):
    assert "".join(segment.words(text)) == text

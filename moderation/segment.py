"""Word boundaries by jieba. The only module that imports it, and only at the first call.

A private tokenizer, its dictionary read straight from the package: jieba's own cache is a
predictable file in the shared temp folder that it would unmarshal.
"""

from __future__ import annotations

import logging
import warnings
from functools import cache
from typing import Any


def words(text: str) -> list[str]:
    """Return the words of `text` in order; joined they are the text."""
    return list(_tokenizer().lcut(text, HMM=False))


@cache
def _tokenizer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with tokenizer.get_dict_file() as dictionary:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(dictionary)
    tokenizer.initialized = True
    return tokenizer

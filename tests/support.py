"""What several tests share: reading cases, an HTTP client in the process, small models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import strategies as st

from moderation import Message, Moderator
from moderation.artifacts import load_model, save_model
from moderation.features import FeatureSpec
from moderation.lexiconwatch import LexiconWatch
from moderation.policyfiles import PolicyBook
from moderation.scorer import Weights
from moderation.taxonomy import taxonomy

CASES = Path(__file__).parent / "cases"
KEY = "key-of-the-tests"
SMALL = FeatureSpec(bits=12)

CLEAN = (
    "今天下午三点在二楼会议室开周会，请带上进度表。",
    "收到，马上处理",
    "设备已经修好，可以恢复生产了",
    "请财务同事帮忙开一张发票",
    "3号线停机检修，预计两小时",
)
FOUL = (
    "诚信代开发嘌，加薇详谈",
    "代*开*发*票 加 . 微 . 信 abc123",
    "你​nm​sl，去尼玛的",
    "ｖｘ：ａｂｃ１２３ 亻言用卡 花呗套现",
    "哈" * 40,
    "数据库密码是 Tiger-2024x",
    "【机密】投标底价.xlsx",
    "点击领取 http://prize.example.top/a",
    "弄死你，要你狗命",
)


def cases(name: str) -> Any:
    """Return the content of `cases/<name>.json`."""
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


def params(found: Iterable[dict[str, Any]]) -> list[Any]:
    """Return cases as parameters named by `about`; a known failure is expected to fail."""
    return [
        pytest.param(
            case,
            id=case["about"],
            marks=[pytest.mark.xfail(strict=True, reason=case["known_failure"])]
            if "known_failure" in case
            else [],
        )
        for case in found
    ]


def about(weights: Weights, spec: FeatureSpec, review: float = 0.5, block: float = 0.9) -> dict:
    """Return what `save_model` wants to know besides the weights."""
    ids = list(taxonomy().ids)
    assert weights.matrix.shape == (spec.buckets, len(ids))
    at = {"review": {"value": review}, "block": {"value": block}}
    return {
        "released": "2000.01.01",
        "labels": ids,
        "features": spec.to_dict(),
        "thresholds": dict.fromkeys(ids, at),
        "metrics": {},
    }


def quiet_weights(spec: FeatureSpec = SMALL) -> Weights:
    """Return a model that finds nothing, so that the other detectors are heard alone."""
    labels = len(taxonomy())
    return Weights(
        matrix=np.zeros((spec.buckets, labels), dtype=np.int8),
        scale=np.full(labels, 0.01),
        bias=np.full(labels, -8.0),
        slope=np.ones(labels),
        shift=np.zeros(labels),
    )


def save(folder: Path, weights: Weights, spec: FeatureSpec = SMALL, **thresholds: float) -> Path:
    """Write a model folder and return it."""
    save_model(folder, weights, about(weights, spec, **thresholds))
    return folder


def moderator(model: Path, *, lexicon: Any = None, policies: Iterable[Path] = ()) -> Moderator:
    """Return a moderator over a model folder, by default with the shipped terms."""
    return Moderator(load_model(model), PolicyBook.load(*policies), lexicon or LexiconWatch())


def judge(by: Moderator, text: str, **circumstances: Any) -> dict[str, Any]:
    """Return the public form of the decision on one text."""
    return by.moderate([Message(text, **circumstances)])[0].to_dict()


def assert_evidence_quotes(text: str, decision: dict[str, Any]) -> None:
    """Every piece of evidence is a non-empty range of the original and quotes it."""
    for finding in decision["findings"]:
        for piece in finding["evidence"]:
            assert 0 <= piece["start"] < piece["end"] <= len(text)
            assert piece["text"] == text[piece["start"] : piece["end"]]


class Api:
    """A client of an application in this process, one request at a time."""

    def __init__(self, app: Any, key: str | None = KEY) -> None:
        self.app = app
        self.headers = {} if key is None else {"X-API-Key": key}

    def request(self, method: str, url: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._request(method, url, **given))

    async def _request(self, method: str, url: str, **given: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://service.example", headers=self.headers
        ) as client:
            return await client.request(method, url, **given)

    def get(self, url: str, **given: Any) -> httpx.Response:
        return self.request("GET", url, **given)

    def post(self, url: str, **given: Any) -> httpx.Response:
        return self.request("POST", url, **given)

    def raw(self, url: str, body: Any) -> httpx.Response:
        """Post bytes that claim to be JSON."""
        return self.post(url, content=body, headers={"Content-Type": "application/json"})


def any_text(max_size: int = 60) -> st.SearchStrategy[str]:
    """Return text of any characters that can be judged: no NUL, no lone surrogate."""
    return st.text(
        st.characters(exclude_categories=("Cs",), exclude_characters="\0"),
        min_size=1,
        max_size=max_size,
    )


_WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
_WORDS = (
    *("加微信", "刷单", "代开发票", "信用卡套现", "你妈死了", "日结佣金", "看片", "nmsl", "vx"),
    *(
        "会议",
        "收到",
        "今天",
        "发货",
        "abc123",
        "12800000000",
        "http://a.example/x",
        "，",
        " ",
        "\n",
    ),
)
_OBFUSCATIONS = {
    "spaced": " ".join,
    "dotted": lambda word: " . ".join(word),
    "starred": "*".join,
    "zero-width": "\u200b".join,
    "bidi": lambda word: f"\u202e{word}\u202c",
    "wide": lambda word: word.translate(_WIDE),
    "repeated": lambda word: "".join(char * 5 for char in word),
    "homophone": lambda word: word.replace("加微", "加薇").replace("微信", "徽信"),
    "split": lambda word: word.replace("信", "亻言"),
    "traditional": lambda word: word.replace("发", "發").replace("开", "開"),
    "emoji": lambda word: f"{word}💰\ufe0f",
    "circled": lambda word: word.replace("1", "①").replace("v", "ⓥ").replace("x", "ⓧ"),
    "accents": "\u0336".join,
    "plain": str,
}


@st.composite
def obfuscated(draw: st.DrawFn) -> str:
    """Return a message of words, each hidden in one of the ways that people hide words."""
    count = draw(st.integers(1, 8))
    hide = st.sampled_from(sorted(_OBFUSCATIONS))
    words = [_OBFUSCATIONS[draw(hide)](draw(st.sampled_from(_WORDS))) for _ in range(count)]
    words.append(draw(st.one_of(st.just(""), any_text(8))))
    return "".join(words)


def fully_obfuscated(text: str) -> str:
    """Return a text with every way of hiding applied to it, one piece after another."""
    return "".join(hide(text) for hide in _OBFUSCATIONS.values())

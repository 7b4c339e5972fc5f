"""What is private is dotted, also where a model says only that something is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.policy import Ruling
from moderation.types import Action, Decision, Evidence, Finding
from service.masking import DOT, dotted, mask_decision

WRONG = "110101199003078871"
"""An identity number whose check digit is wrong: no pattern takes it for one."""


def decision(label: str, source: str, *evidence: Evidence) -> Decision:
    finding = Finding(label, "leak", 0.9, source, Action.REVIEW, evidence)
    return Decision("r", None, Action.REVIEW, "test", (finding,), Ruling("suzhou-2017"))


def seen(text: str, label: str = "personal_data", source: str = "model") -> str:
    return dotted(text, decision(label, source).to_dict())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"王某的身份证{WRONG}，请登记", f"王某的身份证1{DOT * 16}1，请登记"),
        ("卡号 6222 0212 3456 7890", f"卡号 6{DOT * 17}0"),
        ("电话１２８０００１１１１", f"电话１{DOT * 8}１"),
        ("身份证一一零一零一一九九零", f"身份证一{DOT * 8}零"),
        ("他住 12 栋 301，三号来", "他住 12 栋 301，三号来"),
    ],
)
def test_a_model_that_sees_something_private_has_long_numbers_dotted(text, shown):
    assert seen(text) == shown
    assert seen(text, source="lexicon") == shown
    assert seen(text, label="chatter") == text


def test_a_pattern_points_at_what_is_private_and_the_rest_stays():
    text = "电话 12800001111，订单 20261101"
    evidence = Evidence(3, 14, text[3:14], text[3:14], "号码")
    found = decision("personal_data", "pattern", evidence).to_dict()
    assert dotted(text, found) == f"电话 1{DOT * 9}1，订单 20261101"


def test_evidence_shows_no_more_than_the_text():
    text = f"身份证{WRONG}请登记"
    words = Evidence(0, 3, "身份证", "身份证", "词")
    number = Evidence(3, 21, WRONG, WRONG, "词")
    masked = mask_decision(text, decision("personal_data", "model", words, number))
    (finding,) = masked.findings
    assert finding.evidence[0] == words
    assert finding.evidence[1].text == finding.evidence[1].read_as == f"1{DOT * 16}1"


def test_what_was_erased_stays_so():
    assert dotted(None, decision("personal_data", "model").to_dict()) is None


@given(st.text("0123456789-. 身份证一二①９", max_size=60))
def test_places_stay_and_no_long_number_is_left(text):
    shown = seen(text)
    assert len(shown) == len(text)
    assert all(now in (was, DOT) for now, was in zip(shown, text, strict=True))
    assert seen(shown) == shown

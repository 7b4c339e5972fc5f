"""Things with a form. Numbers that could be somebody's are built here and stand in no file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import links, patterns
from moderation.normalize import normalize
from moderation.taxonomy import taxonomy
from tests.support import cases, judge, obfuscated, params

WIDE = {ord("0") + digit: ord("０") + digit for digit in range(10)}


def _id_card(born: str, serial: str) -> str:
    """Return an identity number of region 99, which is nobody's, with the right check digit."""
    body = f"990101{born}{serial}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


_WEIGHTS = [2 ** (17 - place) % 11 for place in range(17)]


def _id_card_ending(check: str) -> str:
    return next(
        number
        for number in (_id_card("19900307", f"{serial:03}") for serial in range(1000))
        if (number[-1] == "X") is (check == "X")
    )


def _bank_card(length: int) -> str:
    """Return a number of issuer 99, which is nobody's, with the right Luhn digit."""
    body = "9900" + "0" * (length - 6) + "7"
    doubled = [int(d) * (2 - place % 2) for place, d in enumerate(reversed(body))]
    return body + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def _other_digit(number: str) -> str:
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def _numbers() -> dict[str, str]:
    card, bank = _id_card_ending("0"), _bank_card(16)
    phone = "1" + "99" + "0" * 8
    with_x = _id_card_ending("X")
    return {
        "id_card": card,
        "id_card_x": with_x,
        "id_card_x_lower": with_x.lower(),
        "id_card_wide": card.translate(WIDE),
        "id_card_spaced": " ".join(card),
        "bad_id_card": _other_digit(card),
        "undated_id_card": _id_card("19901332", "001"),
        "unborn_id_card": _id_card("29900307", "001"),
        "bank_card": bank,
        "bank_card_grouped": " ".join(bank[i : i + 4] for i in range(0, 16, 4)),
        "long_bank_card": _bank_card(19),
        "bad_bank_card": _other_digit(bank),
        "phone": phone,
        "phone_grouped": f"{phone[:3]} {phone[3:7]} {phone[7:]}",
    }


NUMBERS = _numbers()
CASES = cases("patterns")


def _filled(text: str) -> str:
    for name, number in NUMBERS.items():
        text = text.replace(f"{{{name}}}", number)
    return text


def _found(text: str) -> list[str]:
    return sorted({hit.label for hit in patterns.find(normalize([text]))})


@pytest.mark.parametrize("case", params(CASES))
def test_labels(case):
    assert _found(_filled(case["text"])) == case["labels"]


def test_every_recogniser_has_cases_for_and_against():
    texts = [_filled(case["text"]) for case in CASES]
    for recogniser in patterns.RECOGNISERS.values():
        hits = [bool(list(recogniser(normalize([text])))) for text in texts]
        assert any(hits)
        assert not all(hits)
    against = sum(not case["labels"] for case in CASES)
    assert against * 2 >= len(CASES), "negatives weigh as much"


def test_the_number_itself_is_quoted(quiet):
    card = NUMBERS["id_card"]
    text = f"登记一下：{card}，谢谢"
    piece = judge(quiet, text)["findings"][0]["evidence"][0]
    assert (piece["text"], piece["start"]) == (card, text.index(card))
    assert "身份证" in piece["reason"]


def test_two_numbers_are_two_pieces_of_one_finding(quiet):
    text = f"{NUMBERS['id_card']}和{NUMBERS['id_card_x']}"
    (finding,) = judge(quiet, text)["findings"]
    assert [piece["text"] for piece in finding["evidence"]] == text.split("和")


def test_context_of_another_message_is_not_used():
    batch = normalize(["联系人李某", NUMBERS["phone"], "患者家属"])
    assert list(patterns.find(batch)) == []
    batch = normalize(["点击领取", "http://prize.example.top/a", "扫码领取补贴"])
    assert list(patterns.find(batch)) == []


@given(st.lists(st.sampled_from([_filled(case["text"]) for case in CASES]), max_size=8))
def test_a_batch_finds_what_single_messages_do(texts):
    batch = normalize(texts)
    together = sorted((hit.label, hit.reason) for hit in patterns.find(batch))
    alone = [(hit.label, hit.reason) for text in texts for hit in patterns.find(normalize([text]))]
    assert together == sorted(alone)


@given(obfuscated())
def test_hits_lie_within_the_text_as_read(text):
    batch = normalize([text])
    for hit in patterns.find(batch):
        assert 0 <= hit.start < hit.end < len(batch.text)
        assert hit.label in taxonomy()
        assert 0 < hit.score <= 1


@given(st.text("0123456789", min_size=15, max_size=18))
def test_luhn_knows_one_digit_in_ten(body):
    assert sum(patterns.luhn(body + str(digit)) for digit in range(10)) == 1


@given(st.dates(), st.integers(0, 999))
def test_identity_number_fails_with_any_other_last_digit(born, serial):
    card = _id_card(f"{born:%Y%m%d}".zfill(8), f"{serial:03}")
    others = [card[:17] + last for last in "0123456789X" if last != card[17]]
    assert not any(patterns.is_id_card(other) for other in others)


@pytest.mark.parametrize("text", ["1" * 10_000, "a." * 5_000, "密码" * 5_000, "http://" * 1_400])
def test_long_monotonous_text_is_answered(text):
    assert set(_found(text)) <= set(taxonomy().ids)


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("qq.com", True),
        ("docs.qq.com", True),
        ("evilqq.com", False),
        ("qq.com.example.top", False),
        ("t.cn", False),
    ],
)
def test_known_hosts_are_whole_names(host, known):
    assert links.is_known(host) is known

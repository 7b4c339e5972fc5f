"""From messages to decisions: evidence in place, no detector voids another, nobody is punished by mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation import Message, MessageError, Moderator, UnknownNameError, patterns
from moderation.artifacts import load_model
from moderation.lexicon import Lexicon
from moderation.lexiconwatch import LexiconWatch
from moderation.policyfiles import PolicyBook
from moderation.taxonomy import taxonomy
from moderation.types import GroupKind, SenderRole
from tests.support import (
    CLEAN,
    FOUL,
    SMALL,
    assert_evidence_quotes,
    judge,
    moderator,
    obfuscated,
    quiet_weights,
    save,
)

SAMPLES = (*CLEAN, *FOUL)


@pytest.fixture(scope="module")
def shrill(tmp_path_factory) -> Moderator:
    """Return a moderator whose model finds every label in every message."""
    weights = quiet_weights(SMALL)
    loud = replace(weights, matrix=weights.matrix + np.int8(1), bias=np.full(len(taxonomy()), 8.0))
    return moderator(save(tmp_path_factory.mktemp("shrill") / "model", loud))


def _stable(decision) -> dict:
    body = decision.to_dict()
    del body["request_id"]
    return body


@pytest.mark.parametrize("text", SAMPLES)
def test_samples_quote_the_original(champion, text):
    assert_evidence_quotes(text, judge(champion, text))


@given(text=obfuscated())
@settings(max_examples=100)
def test_hidden_words_are_quoted_as_written(champion, shrill, text):
    assert_evidence_quotes(text, judge(champion, text))
    assert_evidence_quotes(text, judge(shrill, text))


@pytest.mark.parametrize("text", CLEAN)
def test_clean_messages_pass_without_a_model(quiet, text):
    decision = judge(quiet, text)
    assert decision["action"] == "pass"
    assert decision["findings"] == []
    assert decision["penalty"] is None


@pytest.mark.parametrize("text", FOUL)
def test_foul_messages_are_found_without_a_model(quiet, text):
    decision = judge(quiet, text)
    assert decision["action"] in {"review", "block"}
    assert all(finding["evidence"] for finding in decision["findings"])


def test_the_decision_has_the_shape_of_the_contract(quiet):
    decision = judge(quiet, "代*开*发*票", message_id="m-1", policy="suzhou-2017")
    assert decision["message_id"] == "m-1"
    assert decision["policy"].startswith("suzhou-2017@sha256:")
    assert decision["case_id"] is None
    (finding,) = decision["findings"]
    assert (finding["label"], finding["category"], finding["source"]) == (
        "illicit_ad",
        "ad",
        "lexicon",
    )
    (piece,) = finding["evidence"]
    assert (piece["start"], piece["end"]) == (0, 7)
    assert (piece["text"], piece["read_as"]) == ("代*开*发*票", "代开发票")
    assert [(a["article"], a["ban"], a["labels"]) for a in decision["articles"]] == [
        ("19", "12", ["illicit_ad"])
    ]
    assert decision["penalty"] == {
        "kind": "fine",
        "amount": {"min": "20.00", "max": "20.00", "currency": "CNY"},
        "liable": ["sender"],
        "occurrence": 1,
        "article": "19",
        "status": "proposed",
    }
    assert set(decision) == {
        *("request_id", "message_id", "action", "model", "policy", "findings", "articles"),
        *("penalty", "uncovered", "degraded", "case_id"),
    }
    json.dumps(decision)


def test_every_answer_has_its_own_request_id(quiet):
    ids = {judge(quiet, "收到")["request_id"] for _ in range(5)}
    assert len(ids) == 5


@given(st.lists(st.one_of(st.sampled_from(SAMPLES), obfuscated()), max_size=6))
@settings(max_examples=40)
def test_a_batch_is_judged_like_its_messages_alone(champion, texts):
    together = champion.moderate([Message(text) for text in texts])
    alone = [champion.moderate([Message(text)])[0] for text in texts]
    assert [_stable(d) for d in together] == [_stable(d) for d in alone]


def test_more_than_one_inner_batch_keeps_the_order(quiet):
    messages = [Message(SAMPLES[n % len(SAMPLES)], message_id=str(n)) for n in range(2500)]
    decisions = quiet.moderate(messages)
    assert [decision.message_id for decision in decisions] == [m.message_id for m in messages]
    expected = {text: judge(quiet, text)["action"] for text in SAMPLES}
    assert [d.action for d in decisions] == [expected[m.text] for m in messages]


def test_nothing_to_judge(quiet):
    assert quiet.moderate([]) == []


def test_messages_of_one_batch_have_their_own_circumstances(quiet):
    text = "代开发票"
    staff, customer, again, elsewhere = quiet.moderate(
        [
            Message(text, policy="shenzhen"),
            Message(text, policy="shenzhen", sender_role=SenderRole.CUSTOMER),
            Message(text, policy="shenzhen", occurrence=2),
            Message(text, policy="division"),
        ]
    )
    assert staff.ruling.penalty.kind == "warning"
    assert customer.ruling.penalty is None
    assert (again.ruling.penalty.kind, again.ruling.penalty.occurrence) == ("removal", 2)
    assert elsewhere.ruling.penalty.kind == "serious_warning"


class _BrokenLexicon(LexiconWatch):
    def current(self) -> Lexicon:
        raise RuntimeError("the list is on fire")


def test_a_failing_lexicon_degrades_and_voids_nothing(quiet_model):
    by = moderator(quiet_model, lexicon=_BrokenLexicon())
    clean = judge(by, CLEAN[0])
    assert (clean["action"], clean["degraded"], clean["findings"]) == ("review", ["lexicon"], [])
    flood = judge(by, "哈" * 40)
    assert [finding["source"] for finding in flood["findings"]] == ["pattern"]
    assert flood["degraded"] == ["lexicon"]
    assert flood["action"] == "block"


def test_a_failing_recogniser_degrades_and_voids_nothing(quiet, monkeypatch):
    def fails(batch):
        raise ZeroDivisionError

    monkeypatch.setitem(patterns.RECOGNISERS, "id_card", fails)
    decision = judge(quiet, "代开发票")
    assert [finding["source"] for finding in decision["findings"]] == ["lexicon"]
    assert decision["degraded"] == ["patterns"]
    assert judge(quiet, CLEAN[0])["action"] == "review"


def test_a_failing_model_degrades_and_voids_nothing(quiet_model):
    model = load_model(quiet_model)
    broken = replace(model, weights=replace(model.weights, matrix=model.weights.matrix[:1]))
    by = Moderator(broken, PolicyBook.load(), LexiconWatch())
    decision = by.moderate([Message("代开发票")], with_scores=True)[0]
    assert [finding.source for finding in decision.findings] == ["lexicon"]
    assert decision.degraded == ("model",)
    assert decision.scores is None
    assert judge(by, CLEAN[0])["action"] == "review"


@pytest.mark.parametrize("policy", [policy.id for policy in PolicyBook.load()])
def test_customers_are_never_punished(shrill, policy):
    for occurrence in (1, 2, 3):
        decision = judge(
            shrill, "您好", policy=policy, sender_role=SenderRole.CUSTOMER, occurrence=occurrence
        )
        assert decision["articles"], "the breach itself is told"
        assert decision["penalty"] is None
        assert decision["action"] == "block"


def test_a_customer_named_by_a_plain_string_is_not_punished_either(quiet):
    assert judge(quiet, "代开发票", sender_role="customer")["penalty"] is None


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("suzhou-2017", "eyJ0ZXN0dGVzdA.eyJ0ZXN0dGVzdA.dGVzdA"),
        ("factory", "【机密】报价 密码是Tiger-2024x"),
    ],
)
def test_uncovered_labels_are_reviewed_never_blocked(quiet, shrill, policy, text):
    decision = judge(quiet, text, policy=policy)
    assert decision["action"] == "review"
    assert decision["articles"] == []
    assert decision["penalty"] is None
    assert decision["uncovered"]


def test_a_sure_score_of_an_uncovered_label_does_not_block(tmp_path):
    weights = quiet_weights(SMALL)
    weights.bias[taxonomy().ids.index("personal_data")] = 8.0
    decision = judge(moderator(save(tmp_path / "m", weights)), "您好", policy="shenzhen")
    assert [finding["label"] for finding in decision["findings"]] == ["personal_data"]
    assert (decision["action"], decision["uncovered"]) == ("review", ["personal_data"])
    covered = judge(moderator(tmp_path / "m"), "您好", policy="division")
    assert covered["action"] == "block"


def test_exempt_chatter_passes(tmp_path):
    weights = quiet_weights(SMALL)
    weights.bias[taxonomy().ids.index("chatter")] = 8.0
    by = moderator(save(tmp_path / "m", weights))
    free = judge(by, "晚上去钓鱼吗", policy="factory", group_kind=GroupKind.INTEREST)
    assert (free["action"], free["uncovered"]) == ("pass", ["chatter"])
    assert judge(by, "晚上去钓鱼吗", policy="factory")["action"] == "block"
    foul = judge(by, "代开发票", policy="factory", group_kind=GroupKind.INTEREST)
    assert foul["action"] == "review"


@pytest.mark.parametrize(("bias", "action"), [(-2.0, "pass"), (1.0, "review"), (6.0, "block")])
def test_thresholds_decide_the_action(tmp_path, bias, action):
    weights = quiet_weights(SMALL)
    weights.bias[taxonomy().ids.index("porn")] = bias
    by = moderator(save(tmp_path / "m", weights, review=0.6, block=0.95))
    assert judge(by, "您好")["action"] == action


def test_scores_are_given_on_request_for_all_labels(champion):
    one = champion.moderate([Message("收到")], with_scores=True)[0]
    assert set(one.scores) == set(taxonomy().ids)
    assert all(0 <= score <= 1 for score in one.scores.values())
    assert champion.moderate([Message("收到")])[0].scores is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("好" * 10_001, "10001 characters"),
        ("好\0的", "NUL"),
        ("好\ud800", "lone surrogate"),
    ],
)
def test_text_that_cannot_be_judged(text, problem):
    with pytest.raises(MessageError, match=problem) as caught:
        Message(text)
    assert caught.value.field == "text"


def test_the_longest_text_is_judged(quiet):
    assert judge(quiet, "好的，" * 3333 + "好")["action"] in {"review", "block"}


def test_unknown_policy_is_named(quiet):
    with pytest.raises(UnknownNameError, match="did you mean 'division'"):
        judge(quiet, "收到", policy="divison")


def test_serving_a_clean_message_imports_nothing_heavy(quiet_model, tmp_path):
    program = f"""
import json, sys
import service.app
from moderation import Message, Moderator
moderator = Moderator.load({str(quiet_model)!r})
decision = moderator.moderate([Message({CLEAN[0]!r})])[0]
assert decision.action == "pass", decision
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    imported = set(json.loads(done.stdout))
    assert not imported & {"sklearn", "scipy", "pandas", "jieba", "numba", "joblib", "matplotlib"}
    assert "training" not in imported

"""Clauses of reviewed messages: each once, with the labels that all of them agree on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training import clauses
from training.corpus import Sample

texts = st.text(alphabet="打卡代办开会通知收到，。！ ", min_size=1, max_size=40)


def sample(text: str, *labels: str, weight: float = 3.0) -> Sample:
    return Sample(text, labels, "work", "feedback/work/x", weight=weight, place="7")


def test_a_message_of_several_clauses_is_taken_apart():
    found = clauses.parts([sample("上班打卡我来代，按月结算更划算！好", "illicit_ad")])
    assert [(one.text, one.labels, one.place) for one in found] == [
        ("按月结算更划算", ("illicit_ad",), "7"),
        ("上班打卡我来代", ("illicit_ad",), "7"),
    ][::-1]
    assert {one.weight for one in found} == {3.0 * clauses.SHARE}


def test_a_message_of_one_clause_says_nothing_twice():
    assert clauses.parts([sample("上班打卡我来代，", "illicit_ad")]) == []


def test_a_clause_counts_once_however_often_it_is_said():
    rows = [sample(f"需要的朋友私信我，第{n}家分店也开业了", "illicit_ad") for n in "一二三四"]
    said = [one.text for one in clauses.parts(rows)]
    assert said.count("需要的朋友私信我") == 1
    assert len(said) == 5


def test_what_breaches_and_harmless_messages_share_is_left_out():
    rows = [
        sample("明天上午九点见面，上班打卡我来代", "illicit_ad"),
        sample("明天上午九点见面，带上施工图纸"),
        sample("明天上午九点见面，记得带水杯", "illicit_ad"),
    ]
    said = {one.text: one.labels for one in clauses.parts(rows)}
    assert "明天上午九点见面" not in said
    assert said["带上施工图纸"] == ()


@given(st.lists(st.tuples(texts, st.booleans()), max_size=8))
def test_every_clause_is_of_a_message_and_stands_once(rows):
    samples = [sample(text, *(["insult"] if breach else [])) for text, breach in rows]
    found = clauses.parts(samples)
    assert len({one.text for one in found}) == len(found)
    for one in found:
        assert len(one.text) >= clauses.LEAST
        assert any(one.text in row.text and one.labels == row.labels for row in samples)

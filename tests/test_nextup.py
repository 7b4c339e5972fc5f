"""What to label next: doubt with diversity, suspects, terms that one key accepts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from moderation.lexicon import Lexicon, Term
from moderation.types import Action
from service import nextup
from service.cases import Origin, State, Verb
from service.cli import app as command_line
from service.ownterms import own_terms
from service.rights import Role
from service.storage import analyses, feedback, texts
from service.storage.retention import purge
from service.storage.texts import Said
from tests import accounts
from tests.office import Office
from training import corpus

NOW = datetime.now(UTC)
PITCH = (
    "内部原始股认购，名额不多",
    "原始股今晚截止认购",
    "要原始股的找我登记",
    "原始股翻倍，错过再等一年",
    "最后一批原始股，扫码进群",
)
WORK = (
    "今天下午三点开周会",
    "三号线停机检修两小时",
    "请财务开一张发票",
    "客户催货，先发这一批",
    "夜班交接记录已上传",
)


def said(text, number=0, **given):
    return Said(
        **{
            "case_id": f"c-{number}",
            "at": NOW,
            "text": text,
            "action": Action.REVIEW,
            "origin": Origin.FLAG,
            "state": State.OPEN,
            "found": ("illicit_ad",),
            "labels": (),
        }
        | given
    )


def closed(confirmed, rejected, label="gambling"):
    return [
        *(
            said(text, n, state=State.RELABELLED, labels=(label,))
            for n, text in enumerate(confirmed)
        ),
        *(said(text, 100 + n, state=State.REJECTED) for n, text in enumerate(rejected)),
    ]


def test_of_equal_doubts_the_unlike_one_is_chosen():
    sketch = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert nextup.spread(np.array([0.9, 0.89, 0.3]), sketch, 3) == [0, 2]


def test_what_is_certain_is_not_chosen_for_being_unlike():
    sketch = np.eye(3, dtype=np.float32)
    assert nextup.spread(np.array([0.9, 0.0, 0.5]), sketch, 3) == [0, 2]


def test_a_copied_message_is_shown_once(champion):
    copies = [said("兼职打字员日结，名额有限先到先得", number) for number in range(30)]
    others = [said(text, 50 + number) for number, text in enumerate((*PITCH, *WORK))]
    chosen = nextup.uncertain([*copies, *others], champion.model, 5)
    assert len(chosen) == 5
    assert len({one.text for one in chosen}) == 5


def test_the_doubtful_one_comes_first(champion):
    """Doubt is 1 at the threshold and falls on both sides of it."""
    texts = ["收到", "弄死你，要你狗命", *PITCH, *WORK]
    chosen = nextup.uncertain([said(t, n) for n, t in enumerate(texts)], champion.model, 20)
    assert chosen[0].uncertainty == max(one.uncertainty for one in chosen)
    model = champion.model
    for one in chosen:
        review = model.thresholds[model.labels.index(one.label)].review
        near = np.abs(np.log(one.score / (1 - one.score)) - np.log(review / (1 - review)))
        assert one.uncertainty == pytest.approx(np.exp(-near), rel=0.02, abs=2e-4)


def test_nothing_waits_nothing_is_chosen(champion):
    assert nextup.uncertain([], champion.model) == []


def test_a_word_of_confirmed_cases_is_suggested_with_examples():
    found_ = nextup.suggestions(closed(PITCH, WORK * 2), Lexicon([]))
    first = found_[0]
    assert (first.term, first.label, first.count, first.others) == ("原始股", "gambling", 5, 0)
    assert set(first.examples) <= set(PITCH)
    assert len(first.examples) == nextup.EXAMPLES


def test_a_word_that_harmless_cases_hold_too_is_not_suggested():
    both = closed(PITCH, [f"{text}，原始股的新闻看了吗" for text in WORK])
    assert "原始股" not in {one.term for one in nextup.suggestions(both, Lexicon([]))}


def test_what_the_lexicon_finds_is_not_suggested():
    known = Lexicon([Term("原始股", "gambling", 0.9, "own")])
    terms = {one.term for one in nextup.suggestions(closed(PITCH, WORK * 2), known)}
    assert not [term for term in terms if "原始股" in term]


def test_without_verdicts_there_is_nothing_to_suggest():
    assert nextup.suggestions([], Lexicon([])) == []
    assert nextup.suggestions(closed([], WORK), Lexicon([])) == []


@pytest.fixture
def office(tmp_path, monkeypatch, quiet_model, database_url, database):
    monkeypatch.setenv("MODERATION_DATABASE", database_url)
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MODERATION_MODEL", str(quiet_model))
    office = Office(database)
    for number, text in enumerate((*PITCH, *WORK)):
        case_id = office.flag(text=text)
        office.step(case_id, Verb.CLAIM)
        if number < len(PITCH):
            office.step(case_id, Verb.RELABEL, labels=("gambling",))
        else:
            office.step(case_id, Verb.REJECT)
    office.flag(text="还没有人看过的一条，找@周小雨")
    return office


@pytest.fixture
def app(office, tmp_path, quiet_model):
    app = accounts.service(tmp_path / "data", quiet_model, database=office.database.url)
    yield app
    app.state.recorder.close()
    app.state.database.close()


def test_one_key_adds_a_term_and_the_log_says_who(app, office):
    analyst = accounts.with_session(app, Role.ANALYST)
    page = analyst.get("/next").text
    assert "原始股" in page
    assert 'data-key="a"' in page
    answer = analyst.post("/next/terms", data={"term": "原始股", "label": "gambling"})
    assert answer.status_code == 303
    (term,) = own_terms(app.state.settings.lexicons)
    assert (term.term, term.label) == ("原始股", "gambling")
    assert 'name="term" value="原始股"' not in analyst.get("/next").text
    assert "加 原始股" in analyst.get("/terms").text


@pytest.mark.parametrize(
    ("term", "label", "status"), [("原始股", "no_such", 400), ("股", "gambling", 422)]
)
def test_a_term_that_cannot_be_is_refused(app, term, label, status):
    analyst = accounts.with_session(app, Role.ANALYST)
    answer = analyst.post("/next/terms", data={"term": term, "label": label})
    assert answer.status_code == status
    assert own_terms(app.state.settings.lexicons) == []


def test_who_may_not_edit_terms_sees_them_and_adds_none(app):
    reviewer = accounts.with_session(app, Role.REVIEWER)
    assert "加入词库" not in reviewer.get("/next").text
    answer = reviewer.post("/next/terms", data={"term": "原始股", "label": "gambling"})
    assert answer.status_code == 403


def test_suspects_lead_to_their_cases_and_nobody_is_named(app, office):
    with office.database.read() as connection:
        (case_id,) = (one.case_id for one in texts.closed(connection) if one.text == PITCH[1])
    suspect = {
        "place": case_id,
        "text": PITCH[1],
        "labels": [],
        "likely": ["gambling"],
        "belief": 0.1,
    }
    content = {"verdicts": {"messages": 10, "wrong": 0.1, "suspects": [suspect]}}
    with office.database.write() as connection:
        analyses.keep_suspects(connection, NOW, content)
        assert PITCH[1] not in str(analyses.last(connection, analyses.NOISE))
    analyst = accounts.with_session(app, Role.ANALYST)
    page = analyst.get("/next").text
    link = f'<a href="/cases/{case_id}" data-key="A">重看 <kbd>A</kbd></a>'
    assert f'{link}</td><td class="excerpt">{PITCH[1]}' in page
    assert "周小雨" not in page
    purge(office.database, NOW + timedelta(days=1), "test", days=1)
    assert f'href="/cases/{case_id}"' not in analyst.get("/next").text


def run(*words):
    return CliRunner().invoke(command_line, words)


def test_the_command_says_what_the_page_shows(office):
    done = run("next", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [one["text"] for one in told["cases"]] == ["还没有人看过的一条，找@某某"]
    assert told["terms"][0]["term"] == "原始股"
    assert told["suspects"] == {}
    assert "terms to add" in run("next").output


def test_verdicts_are_judged_beside_the_data_set(office, tmp_path, monkeypatch):
    """On a small part of the data set: how many flipped verdicts come first is tested with the training."""
    part = tmp_path / "part"
    part.mkdir()
    lines = (corpus.DATASETS / "basics.jsonl").read_text("utf-8").splitlines()
    (part / "basics.jsonl").write_text("\n".join(lines), "utf-8")
    monkeypatch.setattr(corpus, "DATASETS", part)
    done = run("noise", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["verdicts"]["messages"] == len(PITCH) + len(WORK)
    assert told["project"]["messages"] == len(lines)
    with office.database.read() as connection:
        ids = {one.case_id for one in feedback.gold(connection)}
        assert analyses.suspects(connection).content == told
    assert {one["place"] for one in told["verdicts"]["suspects"]} == ids
    assert json.loads(run("next", "--json").stdout)["suspects"] == told

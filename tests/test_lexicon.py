"""Terms found as words of their own, and lists that change while the product runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import lexiconwatch
from moderation.errors import DataFileError
from moderation.lexicon import SHIPPED, Lexicon, Term
from moderation.lexiconwatch import LexiconWatch
from moderation.normalize import normalize
from service.app import create_app
from service.settings import Settings
from tests.support import KEY, Api, cases, judge, moderator, params

CASES = cases("lexicon")


@pytest.fixture(scope="module")
def shipped() -> Lexicon:
    return Lexicon.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _write(folder: Path, text: str | bytes, name: str = "own.tsv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    # A change within one tick of the file system's clock would not be seen by its time.
    stamp = path.stat().st_mtime_ns + len(path.read_bytes()) * 1_000_000
    os.utime(path, ns=(stamp, stamp))
    return path


def _found(lexicon: Lexicon, text: str) -> list[str]:
    return sorted({hit.term.label for hit in lexicon.find(normalize([text]))})


@pytest.mark.parametrize("case", params(CASES))
def test_labels(shipped, case):
    assert _found(shipped, case["text"]) == case["labels"]


def test_shipped_terms_find_themselves(shipped):
    terms = [term for term in shipped.terms if term.label != "allow"]
    batch = normalize([f"，{term.text}，" for term in terms])
    hit = {(found.message, found.term.label) for found in shipped.find(batch)}
    missed = [t.text for n, t in enumerate(terms) if (n, t.label) not in hit]
    assert not missed


def test_hits_of_a_batch_are_told_apart(shipped):
    texts = ["代开发票", "今天开会", "我说的是百家乐"]
    hits = shipped.find(normalize(texts))
    assert [(hit.message, hit.start, hit.end) for hit in hits] == [(0, 0, 4), (2, 4, 7)]


@given(st.lists(st.sampled_from([case["text"] for case in CASES]), max_size=8))
def test_a_batch_finds_what_single_messages_do(texts):
    lexicon = Lexicon.load()
    together = lexicon.find(normalize(texts))
    for number, text in enumerate(texts):
        alone = [(hit.start, hit.end, hit.term) for hit in lexicon.find(normalize([text]))]
        assert [(h.start, h.end, h.term) for h in together if h.message == number] == alone


@pytest.mark.parametrize(
    ("text", "hit"),
    [("买vip卡", True), ("VIP!", True), ("vips", False), ("xvip", False), ("vip2", False)],
)
def test_latin_terms_match_whole_words(text, hit):
    lexicon = Lexicon([Term("vip", "commercial_ad", 0.9, "own:1")])
    assert bool(lexicon.find(normalize([text]))) is hit


def test_a_longer_allowed_phrase_wins_in_an_own_list(folder):
    _write(folder, "金算盘\tfraud\t0.9\n金算盘软件\tallow\n")
    lexicon = Lexicon.load(folder)
    assert _found(lexicon, "安装金算盘软件") == []
    assert _found(lexicon, "加入金算盘") == ["fraud"]


def test_own_terms_are_read_as_messages_are(folder):
    _write(folder, "ＸＹ寶盒\tfraud\t0.9\n")
    assert _found(Lexicon.load(folder), "下载xy宝盒") == ["fraud"]


def test_own_list_overrules_a_shipped_term(folder):
    _write(folder, "百家乐\tallow\n")
    assert _found(Lexicon.load(folder), "百家乐") == []


def test_the_source_of_a_hit_is_told(folder, quiet_model):
    _write(folder, "# ours\n金算盘\tfraud\t0.9\n")
    by = moderator(quiet_model, lexicon=LexiconWatch(folder))
    finding = judge(by, "加入金算盘")["findings"][0]
    assert (finding["source"], finding["score"]) == ("lexicon", 0.9)
    assert "own.tsv:2" in finding["evidence"][0]["reason"]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("金算盘\tfruad\t0.9\n", 1, "did you mean 'fraud'"),
        ("# ours\n\n金算盘\tfraud\thigh\n", 3, "score must be a number 0..1"),
        ("金算盘\tfraud\t1.5\n", 1, "score must be a number 0..1"),
        ("金算盘\tfraud\tnan\n", 1, "score must be a number 0..1"),
        ("金算盘\tfraud\n", 1, "score must be a number 0..1"),
        ("金\tfraud\t0.9\n", 1, "shorter than two characters"),
        ("金算盘\tfraud\t0.9\tgloss\tmore\n", 1, "expected columns"),
        ("金算盘\tfraud\t0.9\n".encode("gbk"), 1, "not UTF-8"),
    ],
)
def test_mistakes_name_file_and_line(folder, text, line, problem):
    path = _write(folder, text)
    with pytest.raises(DataFileError, match=problem) as caught:
        Lexicon.load(folder)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(DataFileError, match="nowhere"):
        LexiconWatch(tmp_path / "nowhere")


def test_version_follows_the_content(folder):
    plain = Lexicon.load().version
    assert Lexicon.load().version == plain
    _write(folder, "金算盘\tfraud\t0.9\n")
    assert Lexicon.load(folder).version != plain


@pytest.fixture
def always_look(monkeypatch):
    monkeypatch.setattr(lexiconwatch, "CHECK_SECONDS", 0)


@pytest.mark.usefixtures("always_look")
def test_changed_list_is_in_force_without_a_restart(folder, quiet_model):
    path = _write(folder, "金算盘\tfraud\t0.9\n")
    by = moderator(quiet_model, lexicon=LexiconWatch(folder))
    assert judge(by, "银算盘")["findings"] == []
    _write(folder, "金算盘\tfraud\t0.9\n银算盘\tfraud\t0.9\n")
    assert judge(by, "银算盘")["action"] == "review"
    _write(folder, "铜算盘\tfraud\t0.9\n", "more.tsv")
    assert judge(by, "铜算盘")["action"] == "review"
    path.unlink()
    assert judge(by, "金算盘")["action"] == "pass"


@pytest.mark.usefixtures("always_look")
@pytest.mark.parametrize("broken", ["金算盘\tfruad\t0.9\n", b"\xff\xfe", "金算盘\tfraud\thigh\n"])
def test_broken_list_keeps_the_last_good_one(folder, quiet_model, broken):
    _write(folder, "金算盘\tfraud\t0.9\n")
    by = moderator(quiet_model, lexicon=LexiconWatch(folder))
    assert judge(by, "今天开会")["degraded"] == []
    _write(folder, broken)
    decision = judge(by, "加入金算盘")
    assert [finding["label"] for finding in decision["findings"]] == ["fraud"]
    assert decision["degraded"] == ["lexicon"]
    assert judge(by, "今天开会")["action"] == "review", "an old list is no reason to pass"
    _write(folder, "金算盘\tfraud\t0.95\n")
    assert judge(by, "今天开会")["degraded"] == []


@pytest.mark.usefixtures("always_look")
def test_vanished_folder_keeps_the_last_good_list(tmp_path, quiet_model):
    own = tmp_path / "own"
    own.mkdir()
    path = _write(own, "金算盘\tfraud\t0.9\n")
    by = moderator(quiet_model, lexicon=LexiconWatch(own))
    path.unlink()
    own.rmdir()
    decision = judge(by, "加入金算盘")
    assert decision["findings"][0]["label"] == "fraud"
    assert decision["degraded"] == ["lexicon"]


@pytest.mark.usefixtures("always_look")
def test_service_reports_a_broken_list(quiet_model, tmp_path):
    api = Api(create_app(Settings(data_dir=tmp_path, api_key=KEY, model=str(quiet_model))))
    assert api.get("/readyz").status_code == 200
    _write(tmp_path / "lexicons", "金算盘\tfruad\t0.9\n")
    told = api.get("/readyz")
    assert (told.status_code, told.json()["status"]) == (503, "degraded")
    assert "own.tsv:1" in told.json()["problem"]
    _write(tmp_path / "lexicons", "金算盘\tfraud\t0.9\n")
    assert api.get("/readyz").json()["status"] == "ready"


def test_between_looks_the_list_in_force_is_used(folder):
    watch = LexiconWatch(folder)
    before = watch.current()
    assert watch.current() is before


def test_shipped_lists_have_no_term_that_is_also_allowed():
    rows = [
        line.split("\t")[0]
        for path in sorted(SHIPPED.glob("*.tsv"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert len(rows) == len(set(rows))

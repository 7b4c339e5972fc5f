from pathlib import Path

import pytest

from moderation.errors import DataFileError, ModerationError, UnknownNameError
from training.sources import corpora, licences, load_corpus, parse_corpus, read_sources


@pytest.fixture
def cold(tmp_path: Path) -> Path:
    train = '\ufeff,split,topic,label,TEXT\n7,train,region,1,那边来的没一个好东西\n8,train,region,0,"那边的面,好吃"\n'
    dev = "\ufeff,split,topic,label,TEXT\n9,dev,gender,0,她开车很稳\n"
    (tmp_path / "train.csv").write_text(train, encoding="utf-8")
    (tmp_path / "dev.csv").write_text(dev, encoding="utf-8")
    return tmp_path


def table(folder: Path, name: str, *rows: str) -> Path:
    (folder / name).write_text("\n".join(("label\ttext", *rows)) + "\n", encoding="utf-8")
    return folder


def test_csv_with_splits(cold):
    samples = load_corpus("cold", cold)
    assert [(s.text, s.labels, s.split) for s in samples] == [
        ("那边来的没一个好东西", ("hate",), "train"),
        ("那边的面,好吃", (), "train"),
        ("她开车很稳", (), "dev"),
    ]
    assert {s.domain for s in samples} == {"corpus:cold"}
    assert samples[1].place == "train.csv:3"


def test_one_split(cold):
    assert [s.text for s in load_corpus("cold", cold, split="dev")] == ["她开车很稳"]
    with pytest.raises(UnknownNameError, match="did you mean 'dev'"):
        load_corpus("cold", cold, split="devv")


def test_fraud_needs_a_lure(tmp_path):
    table(
        tmp_path,
        "utterances.tsv",
        "fraud:left\t您好，请问是刘女士吗，现在说话方便吗，我这边长话短说",
        "fraud:left\t您名下的卡被盗用了，请马上把钱转到安全账户，再把短信里的验证码念给我",
        "fraud:left\t验证码收到的话我这边就先挂断了，感谢您的配合，再见",
        "fraud:right\t我不会把验证码告诉你的，你到底是哪家银行的客服，工号多少",
        "normal:left\t您的座位已经留好了，靠窗两位",
    )
    samples = load_corpus("teleantifraud", tmp_path)
    assert [(s.text[:6], s.labels) for s in samples] == [
        ("您名下的卡被", ("fraud",)),
        ("您的座位已经", ()),
    ]
    assert all(s.weight < 1 for s in samples)


def test_group_advertisements(tmp_path):
    table(
        tmp_path,
        "messages.tsv",
        "ad\t满级账号转让 带稀有皮肤",
        "ad\t地图模组限时优惠 要的私信",
        "ad\t嗯",
        'chat\t今晚的"副本谁带我',
    )
    samples = load_corpus("qq_group", tmp_path)
    assert [s.labels for s in samples] == [("illicit_ad",), ("commercial_ad",), ("chatter",)]
    assert samples[2].text == '今晚的"副本谁带我'


@pytest.mark.parametrize(
    ("name", "file", "value", "labels"),
    [
        ("kdconv", "utterances.tsv", "film", ("chatter",)),
        ("vcsum", "sentences.tsv", "meeting", ()),
        ("team_chat", "messages.tsv", "team", ()),
        ("swsr", "comments.tsv", "sexist", ("hate",)),
    ],
)
def test_other_corpora(tmp_path, name, file, value, labels):
    table(tmp_path, file, f"{value}\t这一句话是测试自己编出来的")
    (sample,) = load_corpus(name, tmp_path)
    assert sample.labels == labels
    assert sample.domain == f"corpus:{name}"


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("label\ttxt\n", 1, "no column 'text'; did you mean 'txt'"),
        ("label\ttext\nfilms\t看了吗\n", 2, "unknown label 'films'; did you mean 'film'"),
        ("label\ttext\nfilm\t好看\nfilm\n", 3, "has 1 columns"),
        ("label\ttext\nfilm\t这一行里有一个不许有的字符\0\n", 2, "text"),
        ("", 1, "no column 'label'"),
    ],
)
def test_wrong_tables_name_the_line(tmp_path, content, line, problem):
    (tmp_path / "utterances.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(DataFileError, match=problem) as caught:
        load_corpus("kdconv", tmp_path)
    assert caught.value.line == line
    assert caught.value.path.endswith("utterances.tsv")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(DataFileError, match=r"train\.csv"):
        load_corpus("cold", tmp_path)
    with pytest.raises(DataFileError, match="is no folder"):
        load_corpus("cold", tmp_path / "nowhere")


def test_option(tmp_path):
    assert parse_corpus(f"cold={tmp_path}") == ("cold", tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'cold'"):
        parse_corpus(f"clod={tmp_path}")
    with pytest.raises(DataFileError, match="is no folder"):
        parse_corpus(f"cold={tmp_path}/nowhere")
    for option in ("cold", "cold="):
        with pytest.raises(ModerationError, match="NAME=DIR"):
            parse_corpus(option)


def test_licences():
    rows = licences(corpora())
    assert {row["licence"] for row in rows} == {"Apache-2.0", "MIT"}
    assert all(row["origin"].startswith("https://") and row["commit"] for row in rows)
    with pytest.raises(UnknownNameError):
        licences(["nothing"])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('labels = ["chatter"]', 'labels = ["chattr"]', "did you mean 'chatter'"),
        ('label = "label"', "", "label"),
        ('must = "好"', 'must = "("', "unterminated"),
        ('value = "a"', 'valve = "a"', "lacks 'value'"),
        ('group = "work"', 'group = "office"', "office"),
    ],
)
def test_sources_file_is_checked(tmp_path, old, new, problem):
    body = """
[[corpus]]
name = "x"
title = "x"
origin = "https://x.example"
commit = "1"
licence = "MIT"
citation = "x"
remark = "x"
group = "work"
delimiter = ","
text = "text"
label = "label"
files = { train = "x.csv" }
rules = [{ value = "a", labels = ["chatter"], must = "好" }]
"""
    path = tmp_path / "sources.toml"
    path.write_text(body, encoding="utf-8")
    assert list(read_sources(path)) == ["x"]
    path.write_text(body.replace(old, new), encoding="utf-8")
    with pytest.raises(DataFileError, match=problem) as caught:
        read_sources(path)
    assert caught.value.line == 2

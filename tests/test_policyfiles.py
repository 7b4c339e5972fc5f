"""A firm's own policy file: dropped in a folder it works; a mistake is named with file, line and nearest word."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moderation.errors import DataFileError, UnknownNameError
from moderation.policy import Circumstances, decide
from moderation.policyfiles import PolicyBook, load_policy
from moderation.types import GroupKind
from service.cli import app
from tests.support import judge, moderator

OWN = """\
# Our own rules.
id = "our-firm"
title = "某公司群规"
groups = ["work"]

[defaults]
liable = ["sender"]

[[article]]
article = "1"
labels = ["porn", "gambling"]
summary = "违法内容，罚款五十到一百元"
penalty = { kind = "fine", min = "50.00", max = "100.00" }

[[article]]
article = "2"
labels = ["insult"]
summary = "辱骂他人"
ladder = [{ kind = "warning" }, { kind = "fine", min = "30.00" }]

[[conduct]]
article = "9"
rule = "roster"
summary = "离职退群"
penalties = [{ kind = "none", liable = ["member"] }]
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str | bytes) -> Path:
        path = tmp_path / "own.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def test_own_policy_is_in_force(write, quiet_model):
    folder = write(OWN).parent
    decision = judge(moderator(quiet_model, policies=[folder]), "你妈死了", policy="our-firm")
    assert [article["article"] for article in decision["articles"]] == ["2"]
    assert decision["penalty"]["kind"] == "warning"
    assert decision["policy"].startswith("our-firm@sha256:")


def test_own_policy_is_listed_and_shipped_ones_stay(write):
    listed = CliRunner().invoke(
        app, ["policy", "list", "--json", "--policies", str(write(OWN).parent)]
    )
    ids = {policy["id"] for policy in json.loads(listed.stdout)}
    assert ids == {"our-firm", "suzhou-2017", "shenzhen", "factory", "bank-customer", "division"}


def test_own_policy_replaces_a_shipped_one_of_the_same_id(write):
    folder = write(OWN.replace('"our-firm"', '"division"')).parent
    assert PolicyBook.load(folder)["division"].title == "某公司群规"


def test_or_more_has_no_upper_bound(write):
    ruling = decide(["insult"], load_policy(write(OWN)), Circumstances(confirmed_otherwise=1))
    assert ruling.to_dict()["penalty"]["amount"] == {"min": "30.00", "max": None, "currency": "CNY"}


def test_no_upper_bound_outweighs_an_upper_bound(write):
    policy = load_policy(write(OWN.replace('min = "30.00"', 'min = "50.00"')))
    ruling = decide(["porn", "insult"], policy, Circumstances(confirmed_otherwise=1))
    assert ruling.penalty is not None
    assert ruling.penalty.article == "2"


def test_another_text_is_another_version(write):
    first = load_policy(write(OWN)).version
    assert load_policy(write(OWN)).version == first
    assert load_policy(write(OWN.replace("五十", "50"))).version != first


def test_a_byte_order_mark_does_no_harm(write):
    assert load_policy(write(b"\xef\xbb\xbf" + OWN.encode())).id == "our-firm"


CUMULATIVE = OWN.replace("[defaults]", "cumulative = true\n\n[defaults]", 1)


@pytest.mark.parametrize(
    ("labels", "occurrence", "low", "high"),
    [
        (["porn"], 1, "50.00", "100.00"),
        (["porn", "gambling"], 1, "50.00", "100.00"),
        (["porn", "insult"], 2, "80.00", None),
        (["porn", "insult"], 1, "50.00", "100.00"),
    ],
)
def test_cumulative_fines_are_summed(write, labels, occurrence, low, high):
    policy = load_policy(write(CUMULATIVE))
    ruling = decide(labels, policy, Circumstances(confirmed_otherwise=occurrence - 1))
    assert ruling.penalty is not None
    amount = ruling.penalty.amount
    assert amount is not None
    assert amount.minimum == Decimal(low)
    assert amount.maximum == (None if high is None else Decimal(high))


def test_without_cumulative_the_heaviest_alone_is_proposed(write):
    ruling = decide(
        ["porn", "insult"], load_policy(write(OWN)), Circumstances(confirmed_otherwise=1)
    )
    assert ruling.penalty is not None
    assert ruling.penalty.amount is not None
    assert ruling.penalty.amount.minimum == Decimal("50.00")


def test_cumulative_with_an_open_fine_stays_open(write):
    text = CUMULATIVE.replace('{ kind = "fine", min = "30.00" }', '{ kind = "fine" }')
    text = text.replace('kind = "fine", min = "50.00", max = "100.00"', 'kind = "fine"')
    ruling = decide(
        ["porn", "insult"], load_policy(write(text)), Circumstances(confirmed_otherwise=1)
    )
    assert ruling.penalty is not None
    assert (ruling.penalty.kind, ruling.penalty.amount) == ("fine", None)


def test_confirmed_record_counts_per_article(write):
    policy = load_policy(write(OWN))
    ruling = decide(["insult"], policy, Circumstances(GroupKind.WORK, confirmed={"1": 3}))
    assert ruling.penalty is not None
    assert (ruling.penalty.kind, ruling.penalty.occurrence) == ("warning", 1)


PENALTY = 'penalty = { kind = "fine", min = "50.00", max = "100.00" }'
MISTAKES = {
    "unknown label": ('"gambling"', '"gambing"', 11, "did you mean 'gambling'?"),
    "unknown penalty kind": ('kind = "warning"', 'kind = "warnin"', 19, "did you mean 'warning'?"),
    "unknown key": ('summary = "辱骂他人"', 'sumary = "辱骂他人"', 18, "did you mean 'summary'?"),
    "unknown key at the top": ("title =", "titel =", 3, "did you mean 'title'?"),
    "unknown key of a penalty": ('max = "100.00"', 'mx = "100.00"', 13, "unknown key 'mx'"),
    "unknown group kind": ('["work"]', '["wrok"]', 4, "did you mean 'work'?"),
    "groups not a list": ('["work"]', '"work"', 4, "list of strings"),
    "unknown liable party": (PENALTY, f'{PENALTY}\nliable = ["sendr"]', 14, "mean 'sender'?"),
    "amount is no number": ('"50.00"', '"fifty"', 13, "'fifty'"),
    "amount is a float": ('"50.00"', "50.00", 13, "a string of yuan"),
    "amount below zero": ('"50.00"', '"-1.00"', 13, "'-1.00'"),
    "amount with parts of a fen": ('"50.00"', '"50.005"', 13, "two decimals"),
    "amount without end": ('"50.00"', '"Infinity"', 13, "a string of yuan"),
    "amount out of all measure": ('"50.00"', '"1e40"', 13, "a string of yuan"),
    "max below min": ('"100.00"', '"49.99"', 13, "max 49.99 is below min 50.00"),
    "max without min": ('min = "50.00", ', "", 13, "max needs a min"),
    "amount of a warning": (
        'kind = "fine", min = "50',
        'kind = "warning", min = "50',
        13,
        "no amount",
    ),
    "ladder and penalty": (PENALTY, f'{PENALTY}\nladder = [{{ kind = "none" }}]', 14, "not both"),
    "empty ladder": (PENALTY, "ladder = []", 13, "at least one step"),
    "penalty is a word": (PENALTY, 'penalty = "fine"', 9, "penalty must be a table"),
    "article without labels": ('labels = ["insult"]', "labels = []", 17, "at least one label"),
    "exempt label not covered": (PENALTY, 'exempt = [{ label = "cult" }]', 13, "does not cover"),
    "exempt is a number": (PENALTY, "exempt = 5", 13, "list of tables"),
    "conduct penalties are numbers": ("penalties = [", "penalties = [5, ", 25, "list of tables"),
    "conduct max below min": (
        'kind = "none",',
        'kind = "fine", min = "2", max = "1",',
        25,
        "below",
    ),
    "date is a word": ("[defaults]", 'date = "soon"\n[defaults]', 6, "a date like"),
    "cumulative is a word": ("[defaults]", 'cumulative = "yes"\n[defaults]', 6, "true or false"),
    "no title": ('title = "某公司群规"\n', "", 1, "lacks 'title'"),
    "missing id": ('id = "our-firm"\n', "", 1, "lacks 'id'"),
    "empty id": ('"our-firm"', '""', 2, "id must be a text"),
    "not TOML": ('id = "our-firm"', "id = ", 2, "not valid TOML"),
}


@pytest.mark.parametrize(("old", "new", "line", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(write, old, new, line, problem):
    assert OWN.count(old) == 1
    path = write(OWN.replace(old, new))
    with pytest.raises(DataFileError) as caught:
        load_policy(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert problem in caught.value.problem
    assert f"{path}:{line}: " in str(caught.value)


def test_not_utf8_is_named(write):
    path = write(OWN.encode().replace("某公司群规".encode(), "某公司群规".encode("gbk")))
    with pytest.raises(DataFileError, match="not UTF-8") as caught:
        load_policy(path)
    assert (caught.value.path, caught.value.line) == (str(path), 3)


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(DataFileError, match=r"none\.toml"):
        load_policy(tmp_path / "none.toml")
    with pytest.raises(DataFileError, match="does not exist"):
        PolicyBook.load(tmp_path / "nowhere")


def test_unknown_policy_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'shenzhen'"):
        PolicyBook.load()["shenzen"]


def test_check_command_says_where(write):
    good = CliRunner().invoke(app, ["policy", "check", str(write(OWN))])
    assert good.exit_code == 0
    assert "our-firm@sha256:" in good.stdout
    path = write(OWN.replace('"gambling"', '"gambing"'))
    bad = CliRunner().invoke(app, ["policy", "check", str(path), "--json"])
    assert bad.exit_code == 1
    told = json.loads(bad.stdout)
    assert (told["ok"], told["file"], told["line"]) == (False, str(path), 11)
    assert "gambling" in told["problem"]

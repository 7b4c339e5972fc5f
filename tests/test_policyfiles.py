"""A firm's own policy file: dropped in a folder it works; a mistake is named with file, line and nearest word."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moderation.conductrules import conduct_rules, load_conduct
from moderation.errors import DataFileError, UnknownNameError
from moderation.policy import ASKERS, Circumstances, Span, decide, decide_conduct
from moderation.policyfiles import PolicyBook, load_policy
from moderation.types import GroupKind, Ruling
from service.cli import app
from tests.firm import Firm
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


CONDUCT = """\
id = "our-firm"
title = "某公司群规"
groups = ["work"]

[[article]]
article = "1"
labels = ["insult"]
summary = "辱骂他人"

[[conduct]]
article = "2"
rule = "question_answered"
summary = "提问及时答复"
within = "30 minutes"
clock = "always"
asked_by = ["customer", "lead"]
remind = "10 minutes"
cure = "1 working day"
penalties = [
  { kind = "fine", min = "10.00", liable = ["responder"] },
  { kind = "none", liable = ["group_admin", "supervisor"] },
]

[[conduct]]
article = "3"
rule = "member_nickname"
summary = "群昵称为部门加姓名"
format = ["{department}{name}", "{name}"]
penalties = [{ kind = "warning", liable = ["member"] }]

[[conduct]]
article = "4"
rule = "group_name"
summary = "群名为公司名加群名"
penalties = [{ kind = "none", liable = ["group_owner"] }]
"""


def test_a_conduct_rule_has_its_terms(write):
    answered, nickname, group_name = load_policy(write(CONDUCT)).conduct
    assert (answered.within, answered.clock) == (Span(30, "minutes"), "always")
    assert (answered.remind, answered.cure) == (Span(10, "minutes"), Span(1, "working_days"))
    assert answered.asked_by == ("customer", "lead")
    assert answered.parties == ("responder", "group_admin", "supervisor")
    assert nickname.format == ("{department}{name}", "{name}")
    assert (nickname.within, nickname.clock, nickname.cure) == (None, "working", None)
    assert group_name.format == ("{company}{text}",)
    assert group_name.asked_by == ASKERS


@pytest.mark.parametrize("text", ["1 minute", "90 minutes", "1 hour", "2 hours", "3 working days"])
def test_spans_are_written_as_they_are_read(write, text):
    rule = load_policy(write(CONDUCT.replace('"30 minutes"', f'"{text}"'))).conduct[0]
    assert str(rule.within) == text


def test_rows_must_be_tables(write):
    head = CONDUCT[: CONDUCT.index("[[article]]")]
    with pytest.raises(DataFileError, match=r"conduct must be written \[\[conduct\]\]"):
        load_policy(write(head + "conduct = [5]\n" + CONDUCT[len(head) : CONDUCT.index("[[cond")]))


CONDUCT_MISTAKES = {
    "unknown rule": ('"member_nickname"', '"member_nick"', 26, "did you mean 'member_nickname'?"),
    "rule missing": ('rule = "group_name"\n', "", 31, "lacks 'rule'"),
    "unknown key": ("cure =", "cured =", 18, "did you mean 'cure'?"),
    "key of another rule": ('clock = "always"', 'format = "{name}"', 15, "unknown key 'format'"),
    "limit missing": ('within = "30 minutes"\n', "", 12, "question_answered needs 'within'"),
    "limit is a number": ('"30 minutes"', "30", 14, "within must be a text"),
    "limit without a unit": ('"30 minutes"', '"30"', 14, 'like "2 working days"'),
    "limit of no amount": ('"30 minutes"', '"0 minutes"', 14, "must be 1 to 10000 minutes"),
    "limit beyond measure": ('"30 minutes"', '"10001 hours"', 14, "must be 1 to 10000 hours"),
    "unknown unit": ('"1 working day"', '"1 workday"', 18, "did you mean 'working days'?"),
    "unknown clock": ('"always"', '"allways"', 15, "did you mean 'always'?"),
    "unknown asker": ('"lead"]', '"leader"]', 16, "did you mean 'lead'?"),
    "unknown field": ('"{name}"]', '"{nmae}"]', 28, "did you mean 'name'?"),
    "bracket left open": ('"{name}"]', '"{name"]', 28, "not closed"),
    "format is a number": ('["{department}{name}", "{name}"]', "5", 28, "a text or a list"),
    "no format": ('["{department}{name}", "{name}"]', "[]", 28, "a text or a list"),
    "party of another rule": ('["member"]', '["responder"]', 29, "party of member_nickname"),
    "nobody liable": ('["member"]', "[]", 29, "each with who is liable"),
    "no penalties": ('[{ kind = "none", liable = ["group_owner"] }]', "[]", 35, "at least one"),
}


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"), CONDUCT_MISTAKES.values(), ids=CONDUCT_MISTAKES
)
def test_mistake_of_a_conduct_rule_is_named(write, old, new, line, problem):
    assert CONDUCT.count(old) == 1
    with pytest.raises(DataFileError) as caught:
        load_policy(write(CONDUCT.replace(old, new)))
    assert caught.value.line == line
    assert problem in caught.value.problem


def test_each_party_of_a_conduct_rule_has_its_own_penalty():
    policy = PolicyBook.load()["suzhou-2017"]
    by_party = {
        party: decide_conduct("member_nickname", party, policy).to_dict()
        for party in ("group_admin", "member")
    }
    fines = {party: told["penalty"]["amount"]["min"] for party, told in by_party.items()}
    assert fines == {"group_admin": "10.00", "member": "20.00"}
    assert by_party["member"]["penalty"] == {
        "kind": "fine",
        "amount": {"min": "20.00", "max": "20.00", "currency": "CNY"},
        "liable": ["member"],
        "occurrence": 1,
        "article": "17",
        "status": "proposed",
    }
    assert [(one["article"], one["ban"]) for one in by_party["member"]["articles"]] == [("17", "8")]


def test_no_penalty_stated_is_none_proposed():
    ruling = decide_conduct("roster", "member", PolicyBook.load()["factory"])
    assert [article.article for article in ruling.articles] == ["7"]
    assert ruling.penalty is None


@pytest.mark.parametrize(
    ("rule", "party", "article"),
    [
        ("roster", "member", None),
        ("group_name", "group_admin", None),
        ("roster", "group_admin", "9"),
    ],
)
def test_what_a_policy_does_not_say_is_not_made_up(rule, party, article):
    policy = PolicyBook.load()["suzhou-2017"]
    assert decide_conduct(rule, party, policy, article) == Ruling(policy.version)


def test_the_article_tells_rows_of_one_rule_apart(write):
    again = CONDUCT[CONDUCT.index("[[conduct]]") :].replace('"2"', '"5"').replace("10.00", "30.00")
    policy = load_policy(write(CONDUCT + again[: again.index('[[conduct]]\narticle = "3"')]))
    fines = [
        decide_conduct("question_answered", "responder", policy, article).to_dict()["penalty"]
        for article in (None, "2", "5")
    ]
    assert [fine["amount"]["min"] for fine in fines] == ["10.00", "10.00", "30.00"]


SHIPPED_CONDUCT = {
    ("suzhou-2017", "15", "group_name"): ("1 working day", "{company}{text}"),
    ("suzhou-2017", "16", "admin_nickname", "group_admin"): ("1 working day", "{name}(群负责人)"),
    ("suzhou-2017", "16", "admin_nickname", "group_owner"): (
        "1 working day",
        "群主",
        "{name}(群主)",
    ),
    ("suzhou-2017", "17", "member_nickname"): ("1 working day", "{name}"),
    ("suzhou-2017", "18", "roster"): ("2 working days",),
    ("suzhou-2017", "20", "admin_handover"): ("1 working day",),
    ("suzhou-2017", "21", "temporary_group"): ("3 working days",),
    ("shenzhen", "2.5.3", "outsider_invited"): ("None",),
    ("shenzhen", "2.6", "instruction_handled"): ("1 working day",),
    ("shenzhen", "2.2.5", "question_answered"): ("1 working day",),
    ("factory", "7", "roster"): ("2 working days",),
    ("factory", "7", "member_nickname"): ("1 working day", "{department}{name}"),
    ("bank-customer", "4.2", "question_answered"): ("30 minutes",),
    ("bank-customer", "4.4", "question_shirked"): ("2 working days",),
    ("bank-customer", "2.3", "member_nickname"): ("1 working day", "{name}"),
    ("division", "3.3", "notice_acknowledged"): ("1 working day",),
    ("division", "3.2", "question_answered"): ("1 working day",),
    ("division", "2.1", "roster"): ("2 working days",),
    ("division", "2.1", "member_nickname"): ("1 working day", "{name}"),
}


def test_the_conduct_rows_of_the_shipped_policies():
    found = {}
    for policy in PolicyBook.load():
        for row in policy.conduct:
            key = (policy.id, row.article, row.rule)
            told = (str(row.within), *row.format)
            found[(*key, row.parties[0]) if row.rule == "admin_nickname" else key] = told
    assert found == SHIPPED_CONDUCT


def test_the_bank_counts_customers_questions_alone():
    rows = PolicyBook.load()["bank-customer"].conduct
    assert [row.asked_by for row in rows[:2]] == [("customer",), ("customer",)]


def test_every_rule_has_a_name_and_somebody_to_be_liable():
    rules = conduct_rules()
    assert len(rules) == 11
    for rule in rules.values():
        assert rule.name
        assert rule.about
        assert rule.parties
        assert rule.needs <= rule.takes


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ('name = "名"\n', "", 1, "lacks ['name']"),
        ('"member"', '"membr"', 1, "did you mean 'member'?"),
        ('id = "b"', 'id = "a"', 8, "'a' stands twice"),
    ],
)
def test_mistakes_in_the_file_of_rules_are_named(write, old, new, line, problem):
    rule = '[[rule]]\nid = "a"\nname = "名"\nabout = "事"\nparties = ["member"]\ntakes = []\n\n'
    text = rule.replace(old, new) + rule.replace('"a"', '"b"').replace(old, new)
    with pytest.raises(DataFileError) as caught:
        load_conduct(write(text))
    assert caught.value.line == line
    assert problem in caught.value.problem


def test_the_terms_of_a_conduct_rule_are_shown(api):
    answered, *_ = api.get("/v1/policies/bank-customer").json()["conduct"]
    terms = ("name", "within", "clock", "remind", "cure", "asked_by", "format")
    assert [answered[name] for name in terms] == [
        "提问未及时答复",
        "30 minutes",
        "working",
        "10 minutes",
        None,
        ["customer"],
        [],
    ]


def test_the_terms_of_a_conduct_rule_are_on_the_page(tmp_path, quiet_model, database_url):
    with closing(Firm(tmp_path, quiet_model, database_url)) as firm:
        page = firm.li.get("/policies/suzhou-2017").text
    assert "成员不符，2 个工作日内，提前 1 个工作日提醒" in page
    assert "写作“群主”或“{name}(群主)”" in page

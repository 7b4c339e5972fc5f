"""The command line: what a person or a script gets back, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from moderation.errors import MessageError, UnknownNameError
from moderation.taxonomy import taxonomy
from service import cli
from tests.support import CLEAN, FOUL, assert_evidence_quotes


@pytest.fixture
def run(quiet_model: Path):
    def _run(*arguments: str, command: str = "classify", code: int = 0, **given):
        own = ["--model", str(quiet_model)] if command == "classify" else []
        result = CliRunner().invoke(cli.app, [command, *own, *arguments], **given)
        assert result.exit_code == code, result.output
        return result

    return _run


def _lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def _jsonl(path: Path, *rows) -> Path:
    lines = [
        row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode()
        for row in rows
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_a_text_is_shown_with_what_was_found(run):
    shown = run("代*开*发*票", "--policy", "suzhou-2017").stdout
    assert "代*开*发*票" in shown
    assert "黑产广告" in shown
    assert "代开发票" in shown
    assert "第19条" in shown
    assert "20.00元" in shown
    assert "待人工确认" in shown


def test_a_clean_text_is_shown_as_passed(run):
    assert "通过" in run(CLEAN[0]).stdout


def test_a_text_as_json(run):
    texts = [CLEAN[0], FOUL[0]]
    clean, foul = _lines(run(*texts, "--json").stdout)
    assert [clean["text"], foul["text"]] == texts
    assert clean["decision"]["action"] == "pass"
    assert foul["decision"]["action"] in {"review", "block"}
    assert "scores" not in clean
    assert_evidence_quotes(foul["text"], foul["decision"])


def test_scores_have_every_label(run):
    (line,) = _lines(run(FOUL[0], "--json", "--scores").stdout)
    assert set(line["scores"]) == set(taxonomy().ids)
    assert all(0 <= score <= 1 for score in line["scores"].values())


def test_options_bear_on_the_ruling(run):
    options = ["--policy", "shenzhen", "--occurrence", "2", "--json"]
    (line,) = _lines(run("代开发票", *options).stdout)
    assert line["decision"]["penalty"]["kind"] == "removal"
    (line,) = _lines(run("代开发票", *options, "--sender-role", "customer").stdout)
    assert line["decision"]["penalty"] is None


def test_a_file_is_answered_line_by_line(run, tmp_path):
    source = _jsonl(tmp_path / "in.jsonl", *({"text": text, "n": 1} for text in CLEAN + FOUL))
    output = tmp_path / "out.jsonl"
    run("--input", str(source), "--output", str(output), "--scores")
    answers = _lines(output.read_text(encoding="utf-8"))
    assert [answer["text"] for answer in answers] == [*CLEAN, *FOUL]
    assert all(answer["n"] == 1 for answer in answers), "what the line held comes back"
    assert all(set(answer["scores"]) == set(taxonomy().ids) for answer in answers)
    actions = [answer["decision"]["action"] for answer in answers]
    assert actions[: len(CLEAN)] == ["pass"] * len(CLEAN)
    assert "pass" not in actions[len(CLEAN) :]


def test_lines_from_standard_input_to_standard_output(run):
    body = "\n".join(json.dumps({"text": text}) for text in CLEAN)
    answers = _lines(run("--input", "-", input=body).stdout)
    assert [answer["text"] for answer in answers] == list(CLEAN)


def test_more_lines_than_are_judged_at_once(run, tmp_path):
    count = 2100
    rows = [{"text": CLEAN[n % 5], "message_id": str(n)} for n in range(count)]
    rows[1500] = {"text": ""}
    result = run("--input", str(_jsonl(tmp_path / "in.jsonl", *rows)), code=1)
    answers = _lines(result.stdout)
    assert len(answers) == count
    assert [n for n, answer in enumerate(answers) if "error" in answer] == [1500]
    assert answers[1500]["line"] == 1501
    assert answers[-1]["decision"]["message_id"] == str(count - 1)


def test_blank_lines_and_a_byte_order_mark_do_no_harm(run, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + json.dumps({"text": "收到"}).encode() + b"\r\n\n  \n")
    (answer,) = _lines(run("--input", str(source)).stdout)
    assert answer["decision"]["action"] == "pass"


BAD = {
    "not JSON": (b'{"text": "x"', "Expecting"),
    "a word": (b"hello", "Expecting value"),
    "a list": (b'["text"]', "JSON object"),
    "a number": (b"5", "JSON object"),
    "not UTF-8": (b'{"text": "\xff"}', "not UTF-8"),
    "no text": (b"{}", "text"),
    "empty text": (b'{"text": ""}', "text: must not be empty"),
    "10,001 characters": (b'{"text": "' + b"a" * 10_001 + b'"}', "10000 characters"),
    "lone surrogate": (b'{"text": "a\\ud800"}', "text: "),
    "NUL": (b'{"text": "a\\u0000"}', "text: holds a NUL character"),
    "text is a number": (b'{"text": 5}', "text: "),
    "text is null": (b'{"text": null}', "text: "),
    "text is a list": (b'{"text": ["a"]}', "text: "),
    "group kind is unknown": (b'{"text": "a", "group_kind": "pub"}', "group_kind: "),
    "sender role is a number": (b'{"text": "a", "sender_role": 1}', "sender_role: "),
    "occurrence is zero": (b'{"text": "a", "occurrence": 0}', "occurrence: "),
    "time is a word": (b'{"text": "a", "sent_at": "soon"}', "sent_at: "),
    "policy is unknown": (b'{"text": "a", "policy": "divison"}', "did you mean 'division'"),
    "policy is a number": (b'{"text": "a", "policy": 7}', "policy: "),
    "too deep": (b"[" * 100_000, "recursion"),
    "a number without end": (b'{"text": "a", "occurrence": 1' + b"0" * 5000 + b"}", ""),
}


@pytest.mark.parametrize(("raw", "problem"), BAD.values(), ids=BAD)
def test_a_bad_line_is_answered_in_its_place(run, tmp_path, raw, problem):
    source = _jsonl(tmp_path / "in.jsonl", {"text": CLEAN[0]}, raw, {"text": FOUL[0]})
    before, bad, after = _lines(run("--input", str(source), code=1).stdout)
    assert before["decision"]["action"] == "pass"
    assert after["decision"]["action"] != "pass"
    assert bad["line"] == 2
    assert problem in bad["error"]
    assert bad["error"]
    assert "decision" not in bad


def test_only_bad_lines(run, tmp_path):
    source = _jsonl(tmp_path / "in.jsonl", *(raw for raw, _ in BAD.values()))
    answers = _lines(run("--input", str(source), code=1).stdout)
    assert [answer["line"] for answer in answers] == list(range(1, len(BAD) + 1))


def test_an_empty_file_has_an_empty_answer(run, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"")
    assert run("--input", str(source)).stdout == ""


def test_answers_of_one_run_can_be_judged_again(run, tmp_path):
    rows = [{"text": "收到", "line": 7}, {"text": ""}]
    first = _lines(run("--input", str(_jsonl(tmp_path / "in.jsonl", *rows)), code=1).stdout)
    first[1]["text"] = "好的"
    again = _lines(run("--input", str(_jsonl(tmp_path / "again.jsonl", *first))).stdout)
    assert [answer["decision"]["action"] for answer in again] == ["pass", "pass"]
    assert again[0]["line"] == 7, "the line's own fields come back"
    first[0]["text"] = ""
    bad = _lines(run("--input", str(_jsonl(tmp_path / "bad.jsonl", first[0])), code=1).stdout)
    assert "decision" not in bad[0]


def test_the_input_is_not_overwritten(run, tmp_path):
    source = _jsonl(tmp_path / "in.jsonl", {"text": "收到"})
    before = source.read_bytes()
    run("--input", str(source), "--output", str(source), code=2)
    assert source.read_bytes() == before


def test_a_line_overrides_the_options(run, tmp_path):
    text = "代开发票"
    source = _jsonl(
        tmp_path / "in.jsonl",
        {"text": text},
        {"text": text, "policy": "shenzhen"},
        {"text": text, "policy": "shenzhen", "occurrence": 2},
        {"text": text, "sender_role": "customer"},
        {
            "text": text,
            "message_id": "m-5",
            "sender_id": "u",
            "sent_at": "2026-01-05T09:00:00+08:00",
        },
    )
    answers = _lines(run("--input", str(source), "--policy", "division").stdout)
    kinds = [(a["decision"]["penalty"] or {"kind": None})["kind"] for a in answers]
    assert kinds == ["serious_warning", "warning", "removal", None, "serious_warning"]
    assert answers[1]["decision"]["policy"].startswith("shenzhen@")
    assert answers[4]["decision"]["message_id"] == "m-5"


def test_a_line_overrides_the_group_kind(run, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "terms.tsv").write_text("钓鱼去\tchatter\t0.9\n", encoding="utf-8")
    rows = [{"text": "钓鱼去"}, {"text": "钓鱼去", "group_kind": "work"}]
    source = str(_jsonl(tmp_path / "in.jsonl", *rows))
    options = ["--policy", "factory", "--group-kind", "interest", "--lexicons", str(own)]
    answers = _lines(run("--input", source, *options).stdout)
    assert [answer["decision"]["action"] for answer in answers] == ["pass", "review"]


def test_own_policies_and_terms(run, tmp_path):
    (tmp_path / "own.tsv").write_text("金算盘\tfraud\t0.9\n", encoding="utf-8")
    (tmp_path / "own.toml").write_text(
        'id = "ours"\ntitle = "规"\n[[article]]\narticle = "1"\nlabels = ["fraud"]\nsummary = "骗"\n',
        encoding="utf-8",
    )
    own = ["--policies", str(tmp_path), "--lexicons", str(tmp_path), "--policy", "ours"]
    (line,) = _lines(run("加入金算盘", "--json", *own).stdout)
    assert [article["article"] for article in line["decision"]["articles"]] == ["1"]


@pytest.mark.parametrize("arguments", [[], ["好", "--input", "-"], ["--input", "/nowhere/in"]])
def test_wrong_usage(run, arguments):
    run(*arguments, code=2)


def test_output_that_cannot_be_written(run, tmp_path):
    source = _jsonl(tmp_path / "in.jsonl", {"text": "收到"})
    run("--input", str(source), "--output", str(tmp_path / "none" / "out"), code=2)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["好", "--policy", "divison"], UnknownNameError),
        (["好\ud800"], MessageError),
        (["a" * 10_001], MessageError),
        (["好", "--model", "nonesuch"], UnknownNameError),
    ],
)
def test_errors_of_the_library_reach_the_exit(run, arguments, error):
    assert isinstance(run(*arguments, code=1).exception, error)


def test_an_error_is_one_line_and_exit_code_2(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["moderation", "policy", "show", "divison"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert told == "error: unknown policy 'divison'; did you mean 'division'?\n"


def test_policies_are_shown_to_a_person(run):
    assert "suzhou-2017" in run("list", command="policy").stdout
    shown = run("show", "shenzhen", command="policy").stdout
    assert "removal" in shown
    told = run("explain", "factory", "venting", "--occurrence", "2", command="policy").stdout
    assert "第7.4条" in told
    assert "金额由复核人定" in told
    told = run("explain", "suzhou-2017", "credential", command="policy").stdout
    assert "制度未涉及" in told


def test_policies_are_shown_to_a_program(run):
    shown = json.loads(run("show", "shenzhen", "--json", command="policy").stdout)
    ads = next(a for a in shown["articles"] if a["article"] == "2.5.1")
    assert [step["kind"] for step in ads["ladder"]] == ["warning", "removal"]


def _commands(command: click.Command, path: tuple[str, ...] = ()):
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, child in inner.items():
        yield from _commands(child, (*path, name))


COMMANDS = dict(_commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(path):
    result = CliRunner().invoke(cli.app, [*path, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"moderation {' '.join(path)}" in result.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_is_explained(path):
    options = [p for p in COMMANDS[path].params if p.param_type_name == "option"]
    assert not [option.name for option in options if not getattr(option, "help", None)]


def test_every_command_that_ends_speaks_json():
    without = {" ".join(path) for path, command in COMMANDS.items() if not _has_json(command)}
    assert without == {"serve", "demo"}


def _has_json(command: click.Command) -> bool:
    return any("--json" in option.opts for option in command.params)


def test_without_a_command_help_is_shown():
    shown = CliRunner().invoke(cli.app, []).output
    assert "classify" in shown
    assert "Exit codes" in shown

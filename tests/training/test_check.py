import json
from pathlib import Path

import pytest

from moderation.patterns import is_id_card
from training import check as checker
from training import datasheet
from training.check import Problem, check
from training.corpus import DATASETS


def write(folder: Path, *rows: dict | str, name: str = "own.jsonl") -> Path:
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def line(text: str, *labels: str, **more: str) -> dict:
    return {
        "text": text,
        "labels": list(labels),
        "group": "work",
        "source": "bank/teller/work_group",
        **more,
    }


def found(folder: Path, *rows: dict | str) -> list[tuple[str, str]]:
    return [(problem.place, problem.rule) for problem in check([write(folder, *rows)])]


def id_card(first: str) -> str:
    return next(first + digit for digit in "0123456789X" if is_id_card(first + digit))


def test_the_data_set_passes():
    assert check() == []


def test_contract_names_file_line_and_nearest_label(tmp_path):
    good = line("下午三点开会")
    (problem,) = check([write(tmp_path, good, line("买一送一", "comercial_ad"))])
    assert problem.place == "own.jsonl:2"
    assert "did you mean 'commercial_ad'" in problem.detail
    assert found(tmp_path, good, "{not json") == [("own.jsonl:2", "contract")]
    (problem,) = check([write(tmp_path, line("加班", split="tset"))])
    assert "unknown split 'tset'; did you mean 'test'" in problem.detail


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (line("加威", "commercial_ad", note="homofone"), "did you mean 'homophone'"),
        (line("加威", "commercial_ad", note="hard"), "marks a clean message"),
        (line("加班", note="homophone"), "hides nothing"),
        (line("加威", "commercial_ad", "commercial_ad"), "stands twice"),
        (line("加班", source="bank"), "industry/register/place"),
    ],
)
def test_notes(tmp_path, row, problem):
    (hit,) = check([write(tmp_path, row)])
    assert hit.rule == "note"
    assert problem in hit.detail


def test_duplicates_are_found_as_read(tmp_path):
    rows = line("收到"), line("收到！"), line("收 到"), line("已收到")
    assert found(tmp_path, *rows) == [("own.jsonl:2", "duplicate"), ("own.jsonl:3", "duplicate")]


def test_same_text_with_other_labels_contradicts(tmp_path):
    hits = check([write(tmp_path, line("谁的伞"), line("谁的伞", "chatter"))])
    assert [hit.rule for hit in hits] == ["contradiction"]
    assert hits[0].detail.startswith("chatter, but own.jsonl:1 is clean")


def test_near_duplicates(tmp_path):
    one = "明天上午九点在三楼会议室开季度复盘会请各组长准时参加"
    rows = line(one), line(one + "哦"), line(one + "吧", "chatter"), line("明天上午九点在三楼")
    assert found(tmp_path, *rows) == [
        ("own.jsonl:2", "near-duplicate"),
        ("own.jsonl:3", "contradiction"),
        ("own.jsonl:3", "contradiction"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"身份证 {id_card('11010519491231002')}",
        "卡号 4111 1111 1111 1111",
        "卡号 6200-0000-1111-2222-333",
        "电话 138 0013 8000",
        "电话 １３８００１３８０００",
        "电话 +86-13800138000",
        "电话 一三八零零一三八零零零",
    ],
)
def test_data_that_may_be_somebodys(tmp_path, text):
    assert found(tmp_path, line(text, "personal_data")) == [("own.jsonl:1", "personal-data")]


@pytest.mark.parametrize(
    "text",
    [
        f"身份证 {id_card('99010519491231002')}",
        "身份证 110105194912310020",
        "卡号 4111 1111 1111 1112",
        "电话 12800138000",
        "电话 138****8000",
    ],
)
def test_made_up_data_passes(tmp_path, text):
    assert found(tmp_path, line(text, "personal_data")) == []


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("点这里 lingqu.example/a", True),
        ("点这里 ling**.cc 马上", True),
        ("会议 https://meeting.tencent.com/dm/x", True),
        (
            "报错 java.net.SocketException 看看 o.getAmt() 还有 http://git.startup.test/core.git",
            True,
        ),
        ("服务器 192.168.3.7 和 203.0.113.9", True),
        ("发到 wang@firm.example", True),
        ("点这里 lingqu-butie.cc/a", False),
        ("点这里 ｌｉｎｇｑｕ．ｃｃ", False),
        ("发到 wang@some-firm.com", False),
        ("服务器 8.8.8.8", False),
    ],
)
def test_domains(tmp_path, text, passes):
    assert found(tmp_path, line(text)) == ([] if passes else [("own.jsonl:1", "domain")])


def test_templates(tmp_path):
    endings = "甲乙丙丁戊己庚辛壬癸子丑寅"
    heads = [line(f"本周值班安排{c}{ord(c)}{c * 2}") for c in endings]
    assert ("own.jsonl:13", "template") in found(tmp_path, *heads)
    assert "template" not in {rule for _, rule in found(tmp_path, *heads[:12])}
    skeletons = [line(f"到{number}号", source="bank/a/b") for number in range(9)]
    assert found(tmp_path, *skeletons) == [("own.jsonl:9", "template")]


def test_command_line(tmp_path, capsys):
    path = write(tmp_path, line("收到"), line("收到"))
    assert checker.main([str(path)]) == 1
    assert capsys.readouterr().out == "own.jsonl:2: duplicate: of own.jsonl:1: 收到\n"
    assert checker.main([str(path), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert Problem(**row) == Problem("own.jsonl:2", "duplicate", "of own.jsonl:1: 收到")
    assert checker.main([str(write(tmp_path, line("收到")))]) == 0


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit):
        checker.main(["--help"])
    assert "example:" in capsys.readouterr().out


def test_manifest(tmp_path):
    def problems() -> list[str]:
        return [detail for _, _, detail in datasheet.manifest_problems(tmp_path)]

    write(tmp_path, line("收到"))
    assert "is missing" in problems()[0]
    datasheet.write_manifest(tmp_path)
    assert problems() == []
    write(tmp_path, line("收悉"))
    assert problems() == ["own.jsonl was changed: other SHA-256"]
    write(tmp_path, line("收悉"), line("好的"))
    assert problems() == ["own.jsonl has 2 lines, not 1"]
    (tmp_path / "own.jsonl").rename(tmp_path / "other.jsonl")
    assert problems() == ["own.jsonl is listed, but not there", "other.jsonl is not listed"]


def test_readme_shows_the_counts():
    samples, _ = checker.read_files(sorted(DATASETS.glob("*.jsonl")))
    readme = (DATASETS / "README.md").read_text(encoding="utf-8")
    assert datasheet.counts(samples) in readme

"""The documents say what there is: every setting, command and endpoint, and examples that work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from moderation import Message, Moderator, lexicon
from moderation.policyfiles import load_policy
from moderation.taxonomy import taxonomy
from service.app import create_app
from service.cli import app as command_line
from service.cli import show
from service.settings import Settings

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (
    *READMES,
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "DESIGN.md",
    "models/README.md",
    "moderation/data/tables/README.md",
)

readme = pytest.mark.parametrize(
    "text", [(ROOT / name).read_text("utf-8") for name in READMES], ids=READMES
)
document = pytest.mark.parametrize("name", DOCUMENTS)


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(group: click.Group, name: str) -> Iterator[str]:
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}"


def variables() -> set[str]:
    """Every variable read anywhere: those of the settings and those named in the code."""
    named = {f"MODERATION_{field.upper()}" for field in Settings.model_fields}
    for room in ("moderation", "service", "training"):
        for path in (ROOT / room).rglob("*.py"):
            named |= set(re.findall(r"\bMODERATION_[A-Z][A-Z_]+\b", path.read_text("utf-8")))
    return named


@readme
def test_every_setting_is_mentioned(text):
    assert not [name for name in variables() if f"`{name}`" not in text]


@readme
def test_no_setting_is_made_up(text):
    assert set(re.findall(r"MODERATION_[A-Z_]+", text)) <= variables()


@readme
def test_every_command_is_mentioned(text):
    known = list(commands(typer.main.get_command(command_line), "moderation"))
    assert "moderation policy check" in known
    assert not [name for name in known if f"`{name}`" not in text]


@readme
def test_every_endpoint_is_mentioned(text, tmp_path):
    paths = create_app(Settings(data_dir=tmp_path)).openapi()["paths"]
    known = [f"{method.upper()} {path}" for path, about in paths.items() for method in about]
    assert "POST /v1/classify" in known
    assert not [endpoint for endpoint in known if f"`{endpoint}`" not in text]


@readme
def test_every_label_is_mentioned(text):
    assert not [label.id for label in taxonomy() if f"`{label.id}`" not in text]


@readme
def test_the_policy_example_is_right(text, tmp_path):
    (example,) = fences(text, "toml")
    file = tmp_path / "our-firm.toml"
    file.write_text(example, "utf-8")
    policy = load_policy(file)
    assert policy.version in text
    assert len(policy.rules) > 3
    assert policy.conduct


@readme
def test_the_calendar_example_is_right(text, tmp_path):
    (example,) = (one for one in fences(text, "text") if "days_off" in one)
    file = tmp_path / "calendar.toml"
    file.write_text(example, "utf-8")
    times = Settings(work_calendar=file).worktimes
    assert list(times.groups) == ["g-hotline"]


@readme
def test_the_lexicon_example_is_right(text, tmp_path):
    (example,) = fences(text, "tsv")
    (tmp_path / "own.tsv").write_text(example, "utf-8")
    own = [term for term in lexicon.Lexicon.load(tmp_path).terms if term.source.startswith("own.")]
    assert len(own) == len(example.splitlines())


@readme
def test_the_python_examples_run(text, capsys):
    example, estimators = fences(text, "python")
    exec(example, {})
    assert "illicit_ad" in capsys.readouterr().out
    exec(estimators, {})
    assert float(capsys.readouterr().out) > 0.5


@readme
def test_the_decision_shown_is_made(text, capsys, monkeypatch):
    """A model trained anew may add a finding of its own to those shown."""
    monkeypatch.setenv("COLUMNS", "100")
    command, *expected = fences(text, "console")[0].splitlines()
    message, policy = re.fullmatch(
        r'\$ moderation classify "(.+)" --policy (\S+)', command
    ).groups()
    show.decision(message, Moderator.load().moderate([Message(message, policy=policy)])[0])
    assert set(expected) <= set(capsys.readouterr().out.splitlines())


def test_both_readmes_show_the_same_commands():
    english, chinese = ((ROOT / name).read_text("utf-8") for name in READMES)
    assert fences(english, "sh") == fences(chinese, "sh")


@document
def test_every_make_target_named_exists(name):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert set(named) <= set(targets)


@document
def test_every_link_leads_somewhere(name):
    path = ROOT / name
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]

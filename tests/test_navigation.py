"""The navigation: short, by rights, and it says where one is."""

from __future__ import annotations

import pytest

from service.pages.navigation import ENTRIES, entries
from service.rights import ROLES, Right, Role

ROOM = 9
"""Entries that stand side by side at 1280 pixels."""


def seen(role: Role, path: str = "/") -> dict[str, list[str]]:
    found = entries(path, lambda right: role in ROLES[right])
    return {one.name: [tab.name for tab in one.tabs] for one in found}


def test_it_is_short_enough_for_everybody():
    assert len(entries("/", lambda right: True)) <= ROOM


@pytest.mark.parametrize(
    ("role", "tabs"),
    [
        (Role.REVIEWER, ["标什么", "误判反馈", "漂移"]),
        (Role.ANALYST, ["标什么", "误判反馈", "漂移", "模型", "影子评测"]),
    ],
)
def test_tabs_are_those_that_one_may_open(role, tabs):
    assert seen(role)["分析"] == tabs


def test_without_a_right_there_is_no_entry_and_it_leads_to_the_first_open_page():
    assert "分析" not in seen(Role.BOT)
    (only,) = entries("/models", lambda right: right is Right.SEE_MODELS)
    assert (only.name, only.url) == ("分析", "/models")


@pytest.mark.parametrize(
    ("path", "entry", "tab"),
    [
        ("/", "试一试", "试一试"),
        ("/cases/c-1", "待办", "待办"),
        ("/payroll", "通知单", "通知单"),
        ("/members/u-1", "群与成员", "群与成员"),
        ("/terms", "制度与词库", "制度与词库"),
        ("/models/2026.11.23-269b97", "分析", "模型"),
        ("/shadow", "分析", "影子评测"),
        ("/admin/audit", "管理", "管理"),
        ("/me", None, None),
        ("/nextdoor", None, None),
    ],
)
def test_it_says_where_one_is(path, entry, tab):
    found = [one for one in entries(path, lambda right: True) if one.is_here]
    assert [one.name for one in found] == ([entry] if entry else [])
    assert [one.name for e in found for one in e.tabs if one.is_here] == ([tab] if tab else [])


def test_no_page_stands_twice():
    urls = [url for _, tabs in ENTRIES for url, _, _ in tabs]
    assert len(set(urls)) == len(urls)

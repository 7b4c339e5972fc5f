"""What stands in the navigation: entries, the pages under each, and which of them is open. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.rights import Right


@dataclass(frozen=True, slots=True)
class Link:
    """A page as a user sees it in the navigation."""

    url: str
    name: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Entry(Link):
    """An entry of the navigation: it leads to the first of its tabs that the user may open."""

    tabs: tuple[Link, ...]


ENTRIES = (
    ("试一试", (("/", "试一试", Right.TRY),)),
    ("待办", (("/cases", "待办", Right.SEE_CASES),)),
    ("值守", (("/duties", "值守", Right.SEE_ROSTER),)),
    ("通知单", (("/notices", "通知单", Right.SEE_NOTICES),)),
    ("群与成员", (("/groups", "群与成员", Right.SEE_ROSTER),)),
    ("制度与词库", (("/policies", "制度与词库", Right.LOOK_UP),)),
    ("概览", (("/overview", "概览", Right.SEE_CASES),)),
    (
        "分析",
        (
            ("/next", "标什么", Right.SEE_CASES),
            ("/feedback", "误判反馈", Right.SEE_CASES),
            ("/drift", "漂移", Right.SEE_CASES),
            ("/models", "模型", Right.SEE_MODELS),
            ("/shadow", "影子评测", Right.SEE_MODELS),
        ),
    ),
    ("管理", (("/admin", "管理", Right.ACCOUNTS),)),
)
"""Name and tabs of each entry; of a tab address, name and right. What a user may not open he does not see."""
BELONGS = {"/payroll": "/notices", "/members": "/groups", "/terms": "/policies"}
"""Pages that are reached from another one and have no tab of their own."""


def entries(path: str, may: Callable[[Right], bool]) -> list[Entry]:
    """Return what a user sees who looks at `path`."""
    found = []
    for name, tabs in ENTRIES:
        open_to = tuple(Link(url, tab, _is_in(path, url)) for url, tab, right in tabs if may(right))
        if open_to:
            here = any(tab.is_here for tab in open_to)
            found.append(Entry(open_to[0].url, name, here, open_to))
    return found


def _is_in(path: str, url: str) -> bool:
    """Return whether a path is a page or one below it."""
    first = f"/{path.split('/')[1]}"
    return BELONGS.get(first, first) == url

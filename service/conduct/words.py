"""Chinese words of what is found wrong in how a group is run. Pure."""

from __future__ import annotations

from datetime import datetime

from moderation.policy import Span
from service.conduct.model import Facts
from service.masking import mask_numbers

EXCERPT = 40
"""Characters of a message that are quoted."""
_UNITS = {"minutes": "分钟", "hours": "小时", "working_days": "个工作日"}


def excerpt(text: str) -> str:
    """Return the beginning of a message on one line, long numbers dotted."""
    line = mask_numbers(" ".join(text.split()))
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def moment(at: datetime, facts: Facts) -> str:
    """Return a time as people of the firm read it."""
    return f"{at.astimezone(facts.worktime.zone):%m月%d日%H:%M}"


def span(within: Span | None) -> str:
    """Return a length of time as notices write it."""
    return "规定时间" if within is None else f"{within.amount}{_UNITS[within.unit]}"

"""What becomes of the records of WeCom's session archive; `cases/wecom.json` holds them."""

from __future__ import annotations

from datetime import datetime

import pytest

from moderation.types import MAX_TEXT
from service.asked import Asked
from service.bots.archive import ArchiveError, Recall, Skipped, convert
from tests.support import cases, params


def _expected(case):
    if "recall" in case:
        return Recall(*case["recall"])
    if "skipped" in case:
        return Skipped(case["skipped"])
    given = dict(case["asked"])
    return Asked(**given | {"sent_at": datetime.fromisoformat(given["sent_at"])})


@pytest.mark.parametrize("case", params(cases("wecom")))
def test_a_record_becomes(case):
    if "error" in case:
        with pytest.raises(ArchiveError, match=case["error"]):
            convert(case["record"])
    else:
        assert convert(case["record"]) == _expected(case)


def test_a_text_longer_than_is_judged_is_cut():
    record = cases("wecom")[0]["record"] | {"text": {"content": "好" * (MAX_TEXT + 1)}}
    assert len(convert(record).text) == MAX_TEXT


@pytest.mark.parametrize("record", [None, [], "text", {}, {"action": "send", "roomid": 7}])
def test_what_is_no_record_is_refused(record):
    with pytest.raises(ArchiveError):
        convert(record)

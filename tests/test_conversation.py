"""Flooding over time, apart from storage: fingerprints and the window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moderation.conversation import (
    DEEPEST,
    LONGEST,
    Trace,
    Window,
    alike,
    finding,
    keyed,
    near_prints,
)
from moderation.policy import FloodRule
from tests.support import any_text

KEY = b"k" * 32
RULE = FloodRule()
LINES = (
    "本周六商场大促，全场五折起，欢迎选购",
    "请各位同事今天下班前提交本月考勤表",
    "三号线设备检修，预计两小时后恢复生产",
    "明早八点在一楼大厅集合，统一乘车",
    "新版合同模板已上传到共享文件夹",
    "财务部提醒：发票请于二十五日前交齐",
)


def trace(text: str, at: float = 0, sender: str = "u-1", group: str = "g-1") -> Trace:
    return Trace(
        group=keyed(KEY, "group", group),
        sender=keyed(KEY, "sender", sender),
        exact=keyed(KEY, "text", text),
        near=near_prints([text], KEY)[0],
        at=int(at * 1000),
    )


class Chat:
    """A window that is told one message after the other."""

    def __init__(self, rule: FloodRule = RULE) -> None:
        self.rule = rule
        self.window = Window()

    def says(self, text: str, at: float = 0, **who: str) -> str | None:
        one = trace(text, at, **who)
        found = self.window.floods(one, len(text), self.rule)
        self.window.add(one)
        return found and found[0]


def fired(chat: Chat, messages) -> list[int]:
    """Return which messages, from 1, are reported."""
    return [n for n, given in enumerate(messages, 1) if chat.says(*given)]


@given(st.lists(any_text(12), min_size=1, max_size=6))
def test_a_fingerprint_does_not_depend_on_its_batch(texts):
    assert near_prints(texts, KEY) == [near_prints([text], KEY)[0] for text in texts]


def test_fingerprints_need_the_key():
    assert keyed(KEY, "text", LINES[0]) != keyed(b"x" * 32, "text", LINES[0])
    assert near_prints(LINES[:1], KEY) != near_prints(LINES[:1], b"x" * 32)
    assert keyed(KEY, "a", "bc") != keyed(KEY, "ab", "c")


def test_other_numbers_in_the_same_line_are_nearly_the_same():
    assert alike(trace("编号1001的包裹已到，请尽快领取"), trace("编号2002的包裹已到，请尽快领取"))
    assert alike(trace("接龙第12位报名参加"), trace("接龙第13位报名参加"))


def test_different_lines_are_not_alike():
    pairs = [(one, other) for one in LINES for other in LINES if one != other]
    assert not [pair for pair in pairs if alike(trace(pair[0]), trace(pair[1]))]


def test_short_texts_are_alike_only_when_equal():
    assert alike(trace("收到"), trace("收到"))
    assert not alike(trace("收到"), trace("好的"))
    assert near_prints(["", "好", "收到"], KEY) == [0, 0, 0]


def test_repeats_are_reported_at_each_multiple():
    assert fired(Chat(), [(LINES[0], n) for n in range(7)]) == [5]
    told = Chat().says
    for n in range(4):
        assert told(LINES[0], n) is None
    assert told(LINES[0], 4) == "60秒内第5次发送相同内容"


def test_repeats_spread_over_time_are_no_flood():
    assert not fired(Chat(), [(LINES[0], n * 20) for n in range(12)])


def test_a_wall_of_nearly_equal_lines():
    lines = [(f"编号{1000 + n}的包裹已到，请尽快领取", n) for n in range(9)]
    assert fired(Chat(), lines) == [8]


def test_a_burst_of_anything():
    chat = Chat(FloodRule(burst=6))
    assert fired(chat, [(line, n) for n, line in enumerate(LINES)]) == [6]


def test_one_text_by_several_senders():
    chat = Chat()
    told = [chat.says(LINES[0], n, sender=f"u-{n}") for n in range(5)]
    assert told == [None, None, None, None, "60秒内5人发送相同内容"]
    assert chat.says(LINES[0], 6, sender="u-0") is None  # was counted before


def test_a_whole_group_may_say_received():
    chat = Chat()
    assert not [n for n in range(40) if chat.says("收到", n / 10, sender=f"u-{n}")]


def test_groups_and_senders_are_apart():
    chat = Chat()
    for n in range(4):
        assert chat.says(LINES[0], n) is None
    assert chat.says(LINES[0], 4, group="g-2") is None
    assert chat.says(LINES[0], 4, sender="u-2") is None
    assert chat.says(LINES[0], 4)


def test_a_message_that_comes_late_counts_with_its_own_time():
    chat = Chat()
    for n in range(4):
        chat.says(LINES[0], 5000 + n)
    assert chat.says(LINES[0], 10) is None
    assert chat.says(LINES[0], 4999)


def test_messages_that_arrive_out_of_order_are_counted():
    times = [0, 1, 2, 4, 3]
    assert fired(Chat(), [(LINES[0], at) for at in times]) == [5]


def test_the_window_forgets_and_holds_little():
    window = Window()
    for n in range(3000):
        window.add(trace(LINES[0], n))
    assert len(window) == 3000
    window.forget((3000 - 10) * 1000)
    assert len(window) == 10
    window.forget((3000 + LONGEST) * 1000)
    assert len(window) == 0
    assert window.floods(trace(LINES[0], 9000), len(LINES[0]), RULE) is None


def test_an_endless_flood_is_reported_a_bounded_number_of_times():
    times = fired(Chat(), [(LINES[0], n / 1000) for n in range(500)])
    assert 5 <= len(times) <= DEEPEST
    assert max(times) <= DEEPEST


def test_a_finding_names_the_times_of_the_messages_before():
    earlier = [trace(LINES[0], n) for n in range(3)]
    found = finding("又来一条", "60秒内第4次发送相同内容", earlier)
    (piece,) = found.evidence
    assert (found.label, found.source, piece.text) == ("flooding", "conversation", "又来一条")
    assert "00:00:00Z、00:00:01Z、00:00:02Z" in piece.reason

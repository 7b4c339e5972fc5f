"""Feeds WeCom's session archive to the service: `python -m service.bots.wecom`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from moderation.types import Action
from service.asked import Asked
from service.bots import groupevents, groupinfo
from service.bots.archive import ArchiveError, Recall, Skipped, convert
from service.bots.running import URL, AsJson, Key, Url, complain, lines, run, say
from service.client import AnswerError, Client
from service.eventforms import EventIn
from service.rosterrows import GroupRow
from service.schemas import BatchItemOut

TOGETHER = 200
"""Messages or events sent in one call."""
WORDS = {Action.PASS: "通过", Action.REVIEW: "待复核", Action.BLOCK: "拦截"}
FAILED = "出错"


class Feeder:
    """Sends what the archive's lines ask for, in their order, and counts what became of them."""

    def __init__(self, client: Client, as_json: bool) -> None:
        self.client = client
        self.as_json = as_json
        self.counts: Counter[str] = Counter()
        self._waiting: list[Asked] = []
        self._happened: list[EventIn] = []

    def feed(self, line: str) -> None:
        """Take one line; it is sent with others, or before a recall."""
        try:
            found = _read(_record(line))
        except ArchiveError as error:
            self._fail(error)
            return
        if isinstance(found, Skipped):
            self.counts[f"跳过：{found.reason}"] += 1
        elif isinstance(found, Recall):
            self.flush()
            self._recall(found)
        elif isinstance(found, list):
            self._happened += found
            if len(self._happened) >= TOGETHER:
                self.flush()
        else:
            self._waiting.append(found)
            if len(self._waiting) == TOGETHER:
                self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            answers = self.client.classify_batch(self._waiting)
            for message, answer in zip(self._waiting, answers, strict=True):
                self._note(message, answer)
            self._waiting = []
        self._tell_of(self._happened)
        self._happened = []

    def groups(self, file: Path, *, leavers: bool = False) -> None:
        """Bring in groups, their members and when these came; a line that is no group stops it all.

        With `leavers` whoever is a member for the service and not listed any more has left.
        """
        infos = [_record(line) for line in lines(file)]
        rows = [row for info in infos for row in groupinfo.rows(info)]
        events = [event for info in infos for event in groupevents.of_group(info)]
        made = self.client.import_roster(rows)
        self.counts["群资料"] += made.groups.added + made.groups.changed
        self.counts["群成员资料"] += made.members.added + made.members.changed
        self._tell_of(events + (list(self._gone(rows)) if leavers else []))

    def _gone(self, rows: groupinfo.Rows) -> Iterator[EventIn]:
        """Yield that members have left whom their group's description does not list any more."""
        now = datetime.now(UTC)
        listed = {(row.group_id, row.member_id) for row in rows if not isinstance(row, GroupRow)}
        for group_id in dict.fromkeys(row.group_id for row in rows):
            for member in self.client.members(group_id):
                if (group_id, member.member_id) not in listed:
                    yield groupevents.gone(group_id, now, member.member_id)

    def _tell_of(self, events: list[EventIn]) -> None:
        for start in range(0, len(events), TOGETHER):
            part = events[start : start + TOGETHER]
            for event, answer in zip(part, self.client.send_events(part), strict=True):
                if answer.error:
                    self._fail(f"{event.group_id} {event.kind}: {answer.error.detail}")
                else:
                    self.counts["群事件"] += 1

    def _recall(self, recall: Recall) -> None:
        try:
            self.client.recall(recall.message_id, recall.group_id)
        except AnswerError as error:
            if error.status != 404:
                raise
            self.counts["撤回，原消息未知"] += 1
        else:
            self.counts["撤回"] += 1

    def _note(self, message: Asked, answer: BatchItemOut) -> None:
        if answer.decision is None:
            detail = answer.error.detail if answer.error else "no answer"
            self._fail(f"{message.group_id} {message.message_id}: {detail}")
            return
        decision = answer.decision
        self.counts[WORDS[decision.action]] += 1
        if decision.action is not Action.PASS:
            self._tell(message, decision.action, decision.case_id)

    def _tell(self, message: Asked, action: Action, case_id: str | None) -> None:
        told = {
            "group_id": message.group_id,
            "message_id": message.message_id,
            "action": action.value,
            "case_id": case_id,
        }
        words = f"[{WORDS[action]}] 群 {message.group_id} 消息 {message.message_id} 案件 {case_id}"
        say(told if self.as_json else words)

    def _fail(self, about: Any) -> None:
        complain(about)
        self.counts[FAILED] += 1


def _read(record: Any) -> Asked | Recall | Skipped | list[EventIn]:
    """Return what a record asks or tells: a message of the archive, or a callback about a group."""
    if isinstance(record, dict) and record.get("Event") == groupevents.CALLBACK:
        return groupevents.of_callback(record)
    return convert(record)


def _record(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ArchiveError(f"no JSON: {line.strip()[:60]}") from error


def wecom(
    key: Key,
    archive: Annotated[
        Path | None, typer.Option(help="Decrypted records, one per line; - is standard input.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(help="Groups as WeCom describes them, one per line.")
    ] = None,
    leavers: Annotated[
        bool, typer.Option("--leavers", help="Whom --groups does not list any more has left.")
    ] = False,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Feed WeCom's session archive (会话内容存档) to the service.

    Example: python -m service.bots.wecom --archive messages.jsonl --key mod_…

    Feeding a line twice changes nothing: a message is known by its room and id. Messages without
    words, of robots and outside groups are skipped and counted. Lines of the callback
    `change_external_chat` as JSON say who came and went. With --groups the key needs the role `admin` too.
    """
    if archive is None and groups is None:
        raise typer.BadParameter("give --archive or --groups", param_hint="--archive")
    with Client(url, key) as client:
        feeder = Feeder(client, as_json)
        if groups:
            feeder.groups(groups, leavers=leavers)
        for line in lines(archive) if archive else ():
            feeder.feed(line)
        feeder.flush()
    counts = feeder.counts
    say({"counts": dict(counts)} if as_json else "\n".join(f"{k} {v}" for k, v in counts.items()))
    if counts[FAILED]:
        raise typer.Exit(1)


if __name__ == "__main__":
    run(wecom)

"""A bot to start one's own from: asks about messages, says what it would do, carries out instructions.

    line ─ ask ─ pass: nothing │ review: report │ block: take down and report
    instructions ─ carry out ─ acknowledge

`python -m service.bots.sample_bot`. Where this one prints, a real one calls its platform.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from moderation.types import Action
from service.bots.running import URL, AsJson, Key, Url, complain, lines, run, say
from service.client import AnswerError, Client
from service.noticeforms import ActionOut
from service.schemas import ClassifyRequest, DecisionOut

DOES = {
    Action.PASS: "放行",
    Action.REVIEW: "放行，报人工复核",
    Action.BLOCK: "撤下消息，报人工复核",
}


def heard(client: Client, line: str, as_json: bool) -> bool:
    """Ask about a message and say what to do with it; return whether the line was good."""
    try:
        request = ClassifyRequest.model_validate_json(line)
        decision = client.classify(request.to_asked(), dry_run=request.dry_run)
    except (ValidationError, AnswerError) as error:
        complain(f"{line.strip()[:60]}: {_plain(error)}")
        return False
    if as_json:
        say(decision.model_dump(mode="json") | {"does": DOES[decision.action]})
    else:
        say(f"[{DOES[decision.action]}] {request.text}{_why(decision)}")
    return True


def carry_out(client: Client, as_json: bool) -> None:
    """Carry out what people have decided, oldest first, and say so to the service.

    One that is taken back meanwhile is acknowledged all the same: the service then asks to undo it.
    """
    after: int | None = 0
    while after is not None:
        page = client.actions(after)
        for action in page.actions:
            say(action.model_dump(mode="json") if as_json else f"[执行] {_where(action)}")
            client.acknowledge(action.id)
        after = page.next


def _why(decision: DecisionOut) -> str:
    """Return what a group's admin wants to know of a flagged message."""
    articles = "".join(f"\n  第{one.article}条：{one.summary}" for one in decision.articles)
    return f"{articles}\n  案件 {decision.case_id}" if decision.case_id else articles


def _where(action: ActionOut) -> str:
    return f"群 {action.group_id}：{action.text}" if action.group_id else action.text


def _plain(error: ValidationError | AnswerError) -> str:
    if isinstance(error, AnswerError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors())


def sample_bot(
    key: Key,
    messages: Annotated[
        Path, typer.Option(help="Messages as JSON Lines; - is standard input.")
    ] = Path("-"),
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Ask about each message, say what a bot would do, then carry out and acknowledge instructions.

    Example: python -m service.bots.sample_bot --messages messages.jsonl --key mod_…

    A line has `text`, `message_id`, `group_id`, `sender_id` and whatever else `POST /v1/classify`
    takes. One that is wrong is told on standard error; the rest goes on and the exit code is 1.
    """
    with Client(url, key) as client:
        good = [heard(client, line, as_json) for line in lines(messages)]
        carry_out(client, as_json)
    if not all(good):
        raise typer.Exit(1)


if __name__ == "__main__":
    run(sample_bot)

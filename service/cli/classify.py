"""`moderation classify`: messages from the command line or a JSON Lines file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from moderation.types import GroupKind, SenderRole
from service.cli import show

if TYPE_CHECKING:
    from moderation import Decision, Message, Moderator

CHUNK = 1024
EXAMPLES = """Judge messages.

Examples:

    moderation classify "加薇看片 日结" --policy suzhou-2017

    moderation classify --input messages.jsonl --output decisions.jsonl --scores

Each output line is the input object plus `decision`. Fields of a line (`policy`, `group_kind`,
`sender_id`, `sender_role`, `sent_at`, `message_id`, `occurrence`) override the options. A bad line
is answered in its place with `error` and `line`; the rest goes on and the exit code is 1.
"""


def classify(
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT…", help="Messages.")] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input", help="JSON Lines with a `text` each; - is standard input."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where decisions go; standard output if absent.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model folder, version or alias.")] = None,
    policy: Annotated[str | None, typer.Option(help="Policy id.")] = None,
    group_kind: Annotated[GroupKind, typer.Option(help="Kind of group.")] = GroupKind.WORK,
    sender_role: Annotated[SenderRole, typer.Option(help="Who sent it.")] = SenderRole.STAFF,
    occurrence: Annotated[int, typer.Option(min=1, help="Which offence it would be.")] = 1,
    scores: Annotated[
        bool, typer.Option("--scores", help="Add every label's probability.")
    ] = False,
    policies: Annotated[list[Path] | None, typer.Option(help="Folder of own policy files.")] = None,
    lexicons: Annotated[list[Path] | None, typer.Option(help="Folder of own terms.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines for TEXT too.")] = False,
) -> None:
    """Judge messages (filled in below, with examples)."""
    from moderation import Message, Moderator, kernel

    if bool(texts) == bool(input_file):
        raise typer.BadParameter("give either TEXT or --input", param_hint="TEXT")
    defaults: dict[str, Any] = {
        "policy": policy,
        "group_kind": group_kind,
        "sender_role": sender_role,
        "occurrence": occurrence,
    }
    if input_file and output and output.exists() and output.samefile(input_file):
        raise typer.BadParameter("would overwrite the input", param_hint="--output")
    compiled = input_file is not None and kernel.available()
    moderator = Moderator.load(model, policies or (), lexicons or (), compiled=compiled)
    if policy:
        moderator.policies[policy]
    if input_file:
        failed = _classify_file(moderator, input_file, output, defaults, scores)
        raise typer.Exit(1 if failed else 0)
    messages = [Message(text, **defaults) for text in texts or []]
    decisions = moderator.moderate(messages, with_scores=scores)
    if not (as_json or output):
        for message, decision in zip(messages, decisions, strict=True):
            show.decision(message.text, decision)
        return
    with _sink(output) as sink:
        for message, decision in zip(messages, decisions, strict=True):
            _write(sink, {"text": message.text} | _answer(decision))


classify.__doc__ = EXAMPLES


def _classify_file(
    moderator: Moderator, source: Path, output: Path | None, defaults: dict[str, Any], scores: bool
) -> int:
    """Judge a file chunk by chunk and return how many lines failed."""
    failed = 0
    with _source(source) as lines, _sink(output) as sink, show.progress(source, output) as step:
        for chunk in _chunks(enumerate(lines, 1)):
            answers = _classify_chunk(moderator, chunk, defaults, scores)
            for answer in answers:
                failed += "error" in answer
                _write(sink, answer)
            sink.flush()
            step(sum(len(raw) for _, raw in chunk))
    return failed


def _classify_chunk(
    moderator: Moderator, chunk: list[tuple[int, bytes]], defaults: dict[str, Any], scores: bool
) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    good: list[tuple[dict[str, Any], Message]] = []
    for number, raw in chunk:
        if not raw.strip():
            continue
        body, message = _read(number, raw, defaults, moderator)
        answers.append(body)
        if message is not None:
            good.append((body, message))
    decisions = moderator.moderate([message for _, message in good], with_scores=scores)
    for (body, _), decision in zip(good, decisions, strict=True):
        body.update(_answer(decision))
    return answers


def _read(
    number: int, raw: bytes, defaults: dict[str, Any], moderator: Moderator
) -> tuple[dict[str, Any], Message | None]:
    """Return the line's object and message; a bad line gives an object with `error` and no message."""
    from pydantic import ValidationError

    from moderation.errors import ModerationError
    from service.schemas import ClassifyRequest, field_problems

    body: dict[str, Any] = {}
    try:
        parsed = json.loads(raw.decode("utf-8-sig"))
        if not isinstance(parsed, dict):
            raise ValueError("a line must be a JSON object with a text")
        # An answer of an earlier run is not carried over.
        body = {key: parsed[key] for key in parsed if key not in ("decision", "scores", "error")}
        known = {key: parsed[key] for key in ClassifyRequest.model_fields if key in parsed}
        message = ClassifyRequest.model_validate(known).to_message(**defaults)
        if message.policy:
            moderator.policies[message.policy]
        return body, message
    except ValidationError as error:
        found = field_problems(error)
        problem = "; ".join(f"{item.pointer.lstrip('/')}: {item.detail}" for item in found)
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 at byte {error.start}"
    except (ValueError, RecursionError, ModerationError) as error:
        problem = str(error)
    return body | {"line": number, "error": problem}, None


def _answer(decision: Decision) -> dict[str, Any]:
    answer: dict[str, Any] = {"decision": decision.to_dict()}
    return answer if decision.scores is None else answer | {"scores": decision.scores}


def _chunks(lines: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    chunk: list[tuple[int, bytes]] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _source(path: Path) -> IO[bytes]:
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        return path.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--input") from error


def _sink(path: Path | None) -> AbstractContextManager[IO[bytes]]:
    if path is None:
        return nullcontext(sys.stdout.buffer)
    try:
        return path.open("wb")
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--output") from error


def _write(sink: IO[bytes], answer: dict[str, Any]) -> None:
    # A lone surrogate of a bad line can only be given back escaped.
    text = json.dumps(answer, ensure_ascii=False)
    try:
        sink.write(text.encode() + b"\n")
    except UnicodeEncodeError:
        sink.write(json.dumps(answer).encode() + b"\n")

"""From verdicts to a better model and back: a running service, a worker, the gate, real training."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

from moderation.registry import CHAMPION, Registry
from service.storage import jobs
from tests.loop.analyst import KIND, Loop, ok, varied
from tests.loop.conftest import EVERY
from training import corpus

LABEL = KIND["label"]
PATIENCE = 60.0


def found(answers: list[dict[str, Any]], label: str = LABEL) -> float:
    """The share of answers that find a label."""
    return sum(label in {f["label"] for f in one["findings"]} for one in answers) / len(answers)


def others(offset: int, split: str | None = None) -> list[corpus.Sample]:
    """Messages of the project's data that this champion has not learnt from."""
    rows = []
    for path in sorted(corpus.DATASETS.glob("*.jsonl")):
        rows += [s for s in corpus.load_samples([path])[offset::EVERY] if s.split == split]
    return rows


def wait_for(what: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.05)


def test_what_reviewers_say_is_found_by_the_same_running_service(loop: Loop):
    loop.serve()
    held_out = KIND["held_out"]
    rest = [sample.text for sample in others(1, corpus.TEST)][:150]
    before = loop.model
    new_before, rest_before = loop.judged(held_out), loop.judged(rest)
    assert found(new_before) < 0.3

    texts = varied(500)
    ids = loop.sent(texts, "n")
    loop.review(texts, ids, [[LABEL]] * len(texts))
    result = loop.retrained()
    assert result["champion"] == before
    assert result["feedback"]["new"] == result["feedback"]["messages"] == 500
    assert result["passed"], result["reasons"]
    assert loop.model == before  # nothing changes until somebody promotes

    with loop.traffic() as answers:
        wait_for(lambda: len(answers) > 20)
        ok(loop.analyst.post(f"/v1/models/{result['version']}/promote"))
        wait_for(lambda: answers[-1][1] == result["version"])
        since = len(answers)
        wait_for(lambda: len(answers) > since + 20)
    assert {status for status, _ in answers} == {200}
    models = [model for _, model in answers]
    assert models == sorted(models, key=[before, result["version"]].index)

    assert found(loop.judged(held_out)) > 0.8
    after = loop.judged(rest)
    same = sum(a["action"] == b["action"] for a, b in zip(rest_before, after, strict=True))
    assert same / len(rest) > 0.9

    ok(loop.analyst.post("/v1/models/rollback"))
    wait_for(lambda: loop.model == before)
    assert loop.judged(held_out) == new_before
    assert loop.judged(rest) == rest_before


def test_a_poisoned_batch_is_stopped(loop: Loop):
    loop.serve()
    before = loop.model
    poisoned = [sample.text for sample in others(2) if sample.labels][::5][:200]
    assert len(poisoned) == 200
    loop.review(poisoned, loop.sent(poisoned, "p"), [[]] * 200)
    result = loop.retrained()
    assert not result["passed"]
    assert result["reasons"]
    refused = loop.analyst.post(f"/v1/models/{result['version']}/promote")
    assert refused.status_code == 409
    assert "the gate refuses" in refused.json()["detail"]
    shown = json.loads(loop.run("models", "show", result["version"], "--json"))
    assert not shown["passed"]
    assert "denied" in {reason["rule"] for reason in shown["comparison"]["verdict"]["reasons"]}
    assert len(shown["comparison"]["batch"]["suspects"]) == result["feedback"]["new"]
    assert loop.model == before


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_an_end_in_the_middle_leaves_no_half_written_model(loop: Loop, sign: signal.Signals):
    models = loop.folder / "models"
    there = {path.name for path in Registry(models).versions()}
    process = loop.spawn("retrain")
    try:
        wait_for(lambda: step(loop) == "fitting")
        process.send_signal(sign)
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
    assert {path.name for path in Registry(models).versions()} == there
    assert Registry(models).alias(CHAMPION) in there
    if sign is signal.SIGINT:
        assert code == 130
        assert not list(models.glob(".part/*"))
        assert job(loop).error == "interrupted"


def job(loop: Loop) -> Any:
    with loop.database.read() as connection:
        return jobs.last(connection, jobs.RETRAIN)


def step(loop: Loop) -> str | None:
    row = job(loop)
    return row.step if row else None

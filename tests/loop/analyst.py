"""What an analyst, a reviewer and a bot of a firm do, over HTTP and by command."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from service.rights import Role
from tests.processes import Firm
from tests.support import KEY
from training.attack import attack

MODERATION = str(Path(sys.executable).parent / "moderation")
KIND = json.loads((Path(__file__).parent / "attendance.json").read_text("utf-8"))


class Loop(Firm):
    """A firm with a client for each role."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        super().__init__(folder, database_url, **settings)
        self.url = ""

    def serve(self) -> None:
        """Start the service."""
        self.url = self.start().url
        self.bot = self.client(KEY)
        self.reviewer = self.client(self.key("reviewer", Role.REVIEWER))
        self.analyst = self.client(self.key("analyst", Role.ANALYST))

    def client(self, key: str) -> httpx.Client:
        client = httpx.Client(
            base_url=self.url, headers={"X-API-Key": key}, trust_env=False, timeout=60
        )
        return self._ends.enter_context(client)

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command of the firm and return what it prints."""
        done = subprocess.run(
            [MODERATION, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def spawn(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command and return its process."""
        return subprocess.Popen(
            [MODERATION, *command],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def judged(self, texts: list[str]) -> list[dict[str, Any]]:
        """Return what the service says of texts, without a trace, as one answer each."""
        messages = [{"text": text, "dry_run": True} for text in texts]
        answer = ok(self.bot.post("/v1/classify/batch", json={"messages": messages}))
        decisions = [one["decision"] for one in answer["results"]]
        return [{k: v for k, v in one.items() if k != "request_id"} for one in decisions]

    def sent(self, texts: list[str], name: str) -> list[str]:
        """Send messages to be judged and kept; return their ids."""
        ids = [f"{name}-{number}" for number in range(len(texts))]
        messages = [
            {"text": text, "message_id": id_, "group_id": "g-1", "sender_id": f"u-{id_}"}
            for text, id_ in zip(texts, ids, strict=True)
        ]
        answer = ok(self.bot.post("/v1/classify/batch", json={"messages": messages}))
        assert len(answer["results"]) == len(texts)
        return ids

    def review(self, texts: list[str], ids: list[str], labels: list[list[str]]) -> None:
        """Let the reviewer say of messages what they are."""
        items = [
            {"text": text, "message_id": id_, "group_id": "g-1", "labels": right}
            for text, id_, right in zip(texts, ids, labels, strict=True)
        ]
        for low in range(0, len(items), 100):
            body = {"items": items[low : low + 100]}
            results = ok(self.reviewer.post("/v1/feedback", json=body))["results"]
            assert not [one for one in results if one.get("error")], results

    def retrained(self) -> dict[str, Any]:
        """Ask for a retraining over HTTP, let a worker do it, and return what came of it."""
        job = ok(self.analyst.post("/v1/retrain"), 202)
        assert job["state"] == "queued"
        self.run("worker", "--once")
        job = ok(self.analyst.get(f"/v1/jobs/{job['id']}"))
        assert job["state"] == "done", job
        result: dict[str, Any] = job["result"]
        return result

    @property
    def model(self) -> str:
        """Return the version that the running service judges with."""
        answer = ok(self.bot.post("/v1/classify", json={"text": "收到", "dry_run": True}))
        return str(answer["model"])

    @contextmanager
    def traffic(self) -> Iterator[list[tuple[int, str]]]:
        """Send messages without a pause; give the list of status and model of each answer."""
        answers: list[tuple[int, str]] = []
        ended = threading.Event()

        def send() -> None:
            number = 0
            with httpx.Client(
                base_url=self.url, headers={"X-API-Key": KEY}, trust_env=False, timeout=60
            ) as bot:
                while not ended.is_set():
                    number += 1
                    body = {"text": f"第{number}批到货了", "message_id": f"t-{number}"}
                    answer = bot.post("/v1/classify", json=body)
                    answers.append((answer.status_code, answer.json().get("model", "")))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield answers
        finally:
            ended.set()
            thread.join()


def ok(answer: httpx.Response, code: int = 200) -> Any:
    assert answer.status_code == code, answer.text
    return answer.json()


def varied(count: int, seed: int = 6) -> list[str]:
    """Return messages of the new kind: the seeds with words before and behind them, some disguised."""
    rng = random.Random(seed)
    numbers = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        text = rng.choice(KIND["before"]) + rng.choice(KIND["seeds"]) + rng.choice(KIND["after"])
        if rng.random() < 0.2:
            text = attack(text, rng.choice(("separator", "homophone", "emoji")), numbers)
        found[text] = None
    return list(found)

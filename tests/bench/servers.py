"""Starting a server on loopback, asking it, and always stopping it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

KEY = "bench"
ROOT = Path(__file__).parents[2]
START_SECONDS = 120.0
SERVE = [sys.executable, "-m", "tests.bench.probe", "serve", "--host", "127.0.0.1", "--port", "0"]
BARE = [sys.executable, "-m", "tests.bench.bare"]
CLEAN = "明天上午九点开会，请大家准时参加"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `first_answer` is the seconds from its start to its first decision."""

    process: psutil.Process
    port: int
    first_answer: float

    def get(self, path: str) -> object:
        """Return the JSON that a path answers with."""
        return _ask(self.port, "GET", path)

    def work(self) -> float:
        """Return the seconds of processor time taken since its start: not lengthened by what else runs."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Return resident memory in MB (10^6 bytes)."""
        return self.process.memory_info().rss / 1e6


@contextmanager
def serving(command: list[str], compiled: bool = False) -> Iterator[Server]:
    """Run a server that prints its address until the block ends; it inherits this process's core."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=_environment(folder, compiled), stdout=subprocess.PIPE, text=True
        )
        # A server that never says a word must not hold the benchmark up for ever.
        watch = threading.Timer(START_SECONDS, process.kill)
        watch.start()
        try:
            port = _port(process)
            _ask(port, "POST", "/v1/classify", {"text": CLEAN})
            watch.cancel()
            yield Server(psutil.Process(process.pid), port, time.perf_counter() - start)
        finally:
            watch.cancel()
            _stop(process)


def _environment(folder: str, compiled: bool) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MODERATION_")}
    return inherited | {
        "MODERATION_API_KEY": KEY,
        "MODERATION_DATA_DIR": folder,
        "MODERATION_COMPILED": str(compiled).lower(),
    }


def _port(process: subprocess.Popen[str]) -> int:
    """Return the port of the address that the server prints first."""
    assert process.stdout
    for line in process.stdout:
        if "http://127.0.0.1:" in line:
            return int(line.split("http://127.0.0.1:")[1].split()[0].rstrip("/"))
    raise RuntimeError("the server ended before it printed its address")


def _ask(port: int, method: str, path: str, body: object = None) -> object:
    connection = _connected(port)
    try:
        headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
    return json.loads(content)


def _connected(port: int) -> http.client.HTTPConnection:
    """Return a connection; the address is printed a moment before the server listens."""
    until = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.connect()
            return connection
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()

"""The load of `http` and `service`: a bounded number of requests over keep-alive connections.

A process of its own, `python -m tests.bench.load`: reads a job from standard input as JSON, writes
the seconds taken. Raw sockets, so that the load costs little beside what it measures.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from tests.bench import measure
from tests.bench.servers import KEY, ROOT

CONNECTIONS = 32
TIMEOUT = 300.0


def fire(port: int, texts: Sequence[str], connections: int = CONNECTIONS) -> float:
    """Post every text from another process on another core; return seconds from first to last.

    Raises:
        RuntimeError: an answer was not 200, or the load process failed.
    """
    cores = measure.other_cores()
    job = {"port": port, "texts": list(texts), "connections": connections, "cores": cores}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=TIMEOUT,
    )
    if done.returncode:
        raise RuntimeError(f"load process failed: {done.stderr}")
    return float(json.loads(done.stdout))


class _Client(asyncio.Protocol):
    """One connection: sends the next request when the last is answered, until there are none."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.requests = requests
        self.done = done
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send_next(self) -> None:
        request = next(self.requests, None)
        if request is not None:
            self.transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.pending += data
        head, blank, body = self.pending.partition(b"\r\n\r\n")
        if not blank or len(body) < _content_length(head):
            return
        if head.startswith(b"HTTP/1.1 200 "):
            self.pending = b""
            self.send_next()
        else:
            self._fail(f"answer {self.pending[:300]!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc}")

    def _fail(self, problem: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(problem))


def _content_length(head: bytes) -> int:
    return int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])


def _request(text: str) -> bytes:
    body = json.dumps({"text": text}, ensure_ascii=False).encode()
    head = (
        "POST /v1/classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-API-Key: {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _drive(port: int, texts: Sequence[str], connections: int, cores: list[int]) -> float:
    measure.pin(cores)
    loop = asyncio.get_running_loop()
    requests = iter([_request(text) for text in texts])
    ends = [loop.create_future() for _ in range(connections)]
    clients = [
        (await loop.create_connection(lambda e=end: _Client(requests, e), "127.0.0.1", port))[1]
        for end in ends
    ]
    start = time.perf_counter()
    for client in clients:
        client.send_next()
    await asyncio.gather(*ends)
    seconds = time.perf_counter() - start
    for client in clients:
        client.transport.close()
    return seconds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_drive(**json.load(sys.stdin)))))

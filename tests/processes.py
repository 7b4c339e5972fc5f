"""Real service processes on loopback, over one database; each is stopped at the end, or killed before."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import httpx

from service.rights import Role
from service.storage import accounts
from service.storage.database import Database
from tests.support import KEY

COMMAND = [str(Path(sys.executable).parent / "moderation"), "serve"]
START_SECONDS = 60.0
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Service:
    """A running `moderation serve`."""

    url: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()


class Firm:
    """One database and the processes that serve it."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        self.folder = folder
        self.database = Database(database_url)
        own = {key: v for key, v in os.environ.items() if not key.startswith("MODERATION_")}
        given = {"data_dir": str(folder), "database": database_url, "api_key": KEY} | settings
        self.environment = own | {f"MODERATION_{key.upper()}": v for key, v in given.items()}
        self._ends = ExitStack()
        self._ends.callback(self.database.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def start(self, port: int = 0) -> Service:
        """Start a process and return it when it answers."""
        log = self._ends.enter_context((self.folder / "service.log").open("a"))
        process = subprocess.Popen(
            [*COMMAND, "--port", str(port)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._ends.callback(_stop, process)
        service = Service(f"http://{HOST}:{_port(process)}", process)
        transport = httpx.HTTPTransport(retries=10)  # the address is printed before it listens
        with httpx.Client(transport=transport, timeout=START_SECONDS) as client:
            client.get(f"{service.url}/healthz").raise_for_status()
        return service

    def key(self, name: str, *roles: Role) -> str:
        """Make a key and return it."""
        token = f"key-of-{name}"
        with self.database.write() as connection:
            accounts.add_key(connection, datetime.now(UTC), "test", name, roles, token)
        return token

    def keys(self, kind: str, count: int, role: Role) -> list[str]:
        """Make keys of one role."""
        return [self.key(f"{kind}-{number}", role) for number in range(count)]

    def log(self) -> str:
        """Return what the processes wrote."""
        return (self.folder / "service.log").read_text(encoding="utf-8")


def free_port() -> int:
    """Return a port that nobody listens on, for a process that must come back at the same address."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _port(process: subprocess.Popen[str]) -> int:
    """Return the port of the address that the service prints first."""
    assert process.stdout
    watch = threading.Timer(START_SECONDS, process.kill)  # one that says nothing ends the wait
    watch.start()
    try:
        for line in process.stdout:
            if f"http://{HOST}:" in line:
                return int(line.split(f"http://{HOST}:")[1].split()[0])
    finally:
        watch.cancel()
    raise RuntimeError("the service ended before it printed its address; see service.log")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()

"""The webhook: real HTTP on this machine. At least once, signed, retried, dead in the end; nothing lost."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from service.settings import Settings
from service.storage import actions
from service.webhook import LEASE, Courier
from tests import accounts
from tests.office import Office
from tests.support import KEY, Api

SECRET = "geheim-测试"


class Receiver:
    """A webhook that answers what it is told, one status after another, then 200."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.changed = threading.Condition()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.changed:
            self.got.append((headers, body))
            self.changed.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def ids(self) -> list[int]:
        return [json.loads(body)["id"] for _, body in self.got]

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, timeout=30)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(told.take(dict(self.headers), body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # with the default of 5 the system resets some of many callers

    server = Server(("127.0.0.1", 0), Handler)
    told = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def office(database) -> Office:
    return Office(database)


def warn(office: Office, count: int = 1) -> None:
    """Give instructions."""
    for number in range(count):
        office.published("commercial_ad", policy="shenzhen", sender_id=f"u-{number}")


def courier(office: Office, url: str, secret: str = SECRET) -> Courier:
    return Courier(office.database, url, secret, now=lambda: office.clock)


def rounds(*couriers: Courier, count: int = 1) -> list[int]:
    """Let couriers look side by side, so many times; return how much they sent."""

    async def run() -> list[int]:
        async with httpx.AsyncClient() as client:
            sent = []
            for _ in range(count):
                sent += await asyncio.gather(*(one.round(client) for one in couriers))
            return sent

    return asyncio.run(run())


def states(office: Office) -> Counter[str]:
    with office.database.read() as connection:
        found = {
            state: len(actions.listed(connection, state, 1000))
            for state in (actions.PENDING, actions.DONE, actions.CANCELLED, actions.DEAD)
        }
    return +Counter(found)


def only(office: Office, state: str) -> Any:
    with office.database.read() as connection:
        (row,) = actions.listed(connection, state, 10)
    return row


def test_what_is_sent_is_signed_and_says_what_to_do(office, receiver):
    warn(office)
    assert rounds(courier(office, receiver.url)) == [1]
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["kind"], told["group_id"], told["member_id"]) == ("warning", "g-1", "u-0")
    assert "2026-0001" in told["text"]
    signed = headers["X-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Signature"] == f"sha256={expected}"
    assert int(headers["X-Timestamp"]) == int(office.clock.timestamp())
    assert headers["Content-Type"] == "application/json"
    assert states(office) == {"acknowledged": 1}
    assert only(office, actions.DONE).done_by == "webhook"
    assert rounds(courier(office, receiver.url)) == [0]


def test_errors_are_tried_again_after_twice_the_time(office, receiver):
    receiver.answers = [500, 503, 302]
    warn(office)
    sender = courier(office, receiver.url)
    waits = []
    for expected in (5, 10, 20):
        assert rounds(sender) == [1]
        waits.append((only(office, actions.PENDING).due_at - office.clock).total_seconds())
        assert waits[-1] == expected
        office.clock += timedelta(seconds=expected - 1)
        assert rounds(sender) == [0], "not before its time"
        office.clock += timedelta(seconds=1)
    assert rounds(sender) == [1]
    assert states(office) == {"acknowledged": 1}
    assert len(set(receiver.ids())) == 1
    assert len(receiver.ids()) == 4


def test_an_address_where_nobody_answers(office, receiver):
    warn(office)
    rounds(courier(office, "http://127.0.0.1:9/"))
    assert "Connect" in only(office, actions.PENDING).error
    office.clock += timedelta(seconds=5)
    rounds(courier(office, receiver.url))
    assert states(office) == {"acknowledged": 1}


def test_dead_in_the_end_and_revived(office, receiver):
    receiver.answers = [500] * actions.MAX_ATTEMPTS
    warn(office)
    sender = courier(office, receiver.url)
    for _ in range(actions.MAX_ATTEMPTS):
        assert rounds(sender) == [1]
        office.clock += timedelta(hours=1)
    assert rounds(sender) == [0]
    dead = only(office, actions.DEAD)
    assert (dead.error, dead.attempts) == ("HTTP 500", 8)
    with office.database.write() as connection:
        actions.revive(connection, office.now(), dead.id, "zhao.min")
    assert rounds(sender) == [1]
    assert states(office) == {"acknowledged": 1}


def test_two_replicas_send_each_once(office, receiver):
    warn(office, 25)
    replicas = [courier(office, receiver.url) for _ in range(2)]
    assert sum(rounds(*replicas, count=4)) == 25
    assert sorted(receiver.ids()) == sorted(set(receiver.ids()))
    assert states(office) == {"acknowledged": 25}


def test_what_a_killed_replica_had_in_hand_is_sent_by_another(office, receiver):
    warn(office, 3)
    with office.database.write() as connection:  # taken, and then the process is gone
        assert len(actions.take_due(connection, office.clock, LEASE, 10)) == 3
    other = courier(office, receiver.url)
    assert rounds(other) == [0], "the lease holds"
    office.clock += LEASE
    assert rounds(other) == [3]
    assert states(office) == {"acknowledged": 3}


@contextmanager
def meanwhile(receiver: Receiver, do: Callable[[], Any]) -> Iterator[None]:
    """Do something while the webhook has a request in hand."""
    take = receiver.take

    def taken(headers: dict[str, str], body: bytes) -> int:
        do()
        return take(headers, body)

    receiver.take = taken  # type: ignore[method-assign]
    yield
    receiver.take = take  # type: ignore[method-assign]


@pytest.mark.parametrize("answer", [200, 500])
def test_withdrawn_while_it_is_sent(office, receiver, answer):
    """A removal that the webhook took is undone; one that it did not take is gone."""
    notice_id = office.published("incitement", policy="shenzhen")
    receiver.answers = [answer]
    with meanwhile(receiver, lambda: office.withdraw(notice_id)):
        rounds(courier(office, receiver.url))
    if answer == 200:
        assert states(office) == {"acknowledged": 1, "pending": 1}
        assert only(office, actions.PENDING).kind == "restore"
    else:
        assert states(office) == {"cancelled": 1}


def test_an_answer_with_the_wrong_secret_is_told_apart(office, receiver):
    warn(office)
    rounds(courier(office, receiver.url, "another"))
    ((headers, body),) = receiver.got
    signed = headers["X-Timestamp"].encode() + b"." + body
    right = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert not hmac.compare_digest(headers["X-Signature"], f"sha256={right}")


def test_the_service_sends_in_the_background_and_stops(
    database_url, tmp_path, quiet_model, receiver
):
    app = accounts.service(
        tmp_path,
        quiet_model,
        database=database_url,
        webhook=receiver.url,
        webhook_secret=SECRET,
    )
    office = Office(app.state.database)

    async def serve(before: int, after: int) -> None:
        warn(office, before)
        async with app.router.lifespan_context(app):
            await asyncio.to_thread(warn, office, after)
            await asyncio.to_thread(receiver.wait_for, before + after)

    asyncio.run(serve(2, 3))
    assert states(office) == {"acknowledged": 5}, "what was in hand at the end is noted"
    warn(office, 1)
    assert len(receiver.got) == 5, "nothing is sent once it has stopped"
    assert states(office) == {"acknowledged": 5, "pending": 1}
    app.state.database.close()


def test_a_database_out_of_order_does_not_end_the_sending(office, receiver, caplog):
    warn(office)
    sender = courier(office, receiver.url)
    sender.pause = 0.01
    working, tries = office.database.read, iter(range(3))

    def read() -> Any:
        if next(tries, None) is not None:
            raise RuntimeError("gone for a moment")
        return working()

    office.database.read = read  # type: ignore[method-assign]

    async def run() -> None:
        task = asyncio.create_task(sender.run())
        await asyncio.to_thread(receiver.wait_for, 1)
        sender.stop()
        await task

    asyncio.run(run())
    assert states(office) == {"acknowledged": 1}
    assert "gone for a moment" in caplog.text


def test_without_a_webhook_nothing_is_sent(tmp_path, quiet_model):
    app = accounts.service(tmp_path, quiet_model)
    office = Office(app.state.database)

    async def serve() -> None:
        async with app.router.lifespan_context(app):
            await asyncio.to_thread(warn, office)

    asyncio.run(serve())
    assert states(office) == {"pending": 1}
    assert Api(app, KEY).get("/v1/actions").json()["actions"][0]["attempts"] == 0
    app.state.database.close()


@pytest.mark.parametrize(
    "given",
    [{"webhook": "http://bot.example/hook"}, {"webhook": "bot.example", "webhook_secret": "s"}],
)
def test_a_webhook_needs_an_address_and_a_secret(given, tmp_path):
    with pytest.raises(ValueError, match=r"SECRET|pattern"):
        Settings(data_dir=tmp_path, **given)

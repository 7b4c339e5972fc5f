"""The client against a real service on loopback, and against one that fails now and then."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import uvicorn

from moderation.errors import MessageError
from moderation.types import GroupKind
from service import clientcalls
from service.app import create_app
from service.cases import State
from service.caseschemas import CaseListRequest
from service.client import AnswerError, Asked, AsyncClient, Client, Retries, UnreachableError
from service.eventforms import EventIn, Kind
from service.feedbackforms import Became, FeedbackItem
from service.rights import Role
from service.rosterrows import GroupRow, MemberRow
from service.settings import Settings
from service.storage.database import Database
from tests.processes import Firm, free_port
from tests.support import KEY
from tests.test_docs import READMES, ROOT, fences

FOUL = "诚信代开发嘌，加薇详谈"
QUICK = Retries(attempts=4, first_wait=0.001, longest_wait=0.01)


@dataclass
class Flaky:
    """An ASGI application in front of another one: does what `moods` say, one a request, then passes on.

    `lost` lets the request through and answers like a proxy that lost its server, `cut` lets it through
    and ends the connection half way, a number is answered as a status.
    """

    app: Any
    moods: list[str | int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.asked.append(scope["path"])
        mood = self.moods.pop(0) if scope["type"] == "http" and self.moods else None
        if mood is None:
            await self.app(scope, receive, send)
        elif mood == "lost":
            await self.app(scope, receive, _swallow)
            await _start(send, 502, b"<h1>Bad Gateway</h1>")
        elif mood == "cut":
            await self.app(scope, receive, _swallow)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise ConnectionAbortedError
        else:
            body = {"title": "Busy", "status": mood, "detail": "later"}
            await _start(send, mood, json.dumps(body).encode())


async def _swallow(message):
    pass


async def _start(send, status, body):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serve an application on loopback from a thread."""
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def app(quiet_model, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    return create_app(Settings(data_dir=data, api_key=KEY, model=str(quiet_model)))


@pytest.fixture(scope="module")
def flaky(app):
    return Flaky(app)


@pytest.fixture(scope="module")
def url(flaky):
    with listening(flaky) as url:
        yield url


@pytest.fixture(autouse=True)
def in_good_mood(flaky):
    flaky.moods, flaky.asked = [], []


@pytest.fixture(params=["sync", "async"])
def ask(request, url):
    """Return a function that makes one call by the client of either kind."""

    def by_client(name: str, *args: Any, retries: Retries = QUICK, **given: Any) -> Any:
        with Client(url, KEY, retries=retries) as client:
            return getattr(client, name)(*args, **given)

    async def by_async_client(name, *args, retries=QUICK, **given):
        async with AsyncClient(url, KEY, retries=retries) as client:
            return await getattr(client, name)(*args, **given)

    if request.param == "sync":
        return by_client
    return lambda *args, **given: asyncio.run(by_async_client(*args, **given))


def _message(name: str, text: str = FOUL) -> Asked:
    return Asked(text, message_id=name, group_id="g-client", sender_id="u-1")


def _cases(app: Any, message_id: str) -> int:
    database: Database = app.state.database
    with database.read() as connection:
        query = "SELECT count(*) FROM cases WHERE message_id = ?"
        return connection.exec_driver_sql(query, (message_id,)).scalar_one()


@pytest.mark.parametrize("mood", ["lost", "cut"])
def test_an_answer_lost_on_the_way_is_asked_for_again_and_counts_once(
    ask, app, flaky, mood, request
):
    name = request.node.name
    flaky.moods = [mood, mood]
    decision = ask("classify", _message(name))
    assert len(flaky.asked) == 3
    assert decision.case_id
    assert decision == ask("classify", _message(name))
    assert _cases(app, name) == 1


def test_a_message_without_an_id_is_given_one_before_it_is_sent(ask, flaky, app):
    flaky.moods = ["lost"]
    decision = ask("classify", Asked(FOUL))
    assert decision.message_id
    assert _cases(app, decision.message_id) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again(ask, flaky, status):
    flaky.moods = [status, status, status]
    assert ask("actions").next is None
    assert len(flaky.asked) == 4


def test_after_so_many_tries_the_problem_is_told(ask, flaky):
    flaky.moods = [503] * 4
    with pytest.raises(AnswerError, match="503 Busy: later"):
        ask("actions")
    assert len(flaky.asked) == 4


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_a_refusal_is_not_asked_again(ask, flaky, status):
    flaky.moods = [status]
    with pytest.raises(AnswerError):
        ask("cases")
    assert len(flaky.asked) == 1


@pytest.mark.parametrize("mood", ["lost", "cut", 502, 504])
def test_a_verdict_that_may_have_been_taken_is_not_sent_again(ask, flaky, mood):
    flaky.moods = [mood]
    with pytest.raises((AnswerError, UnreachableError)):
        ask("confirm", "c0")
    assert len(flaky.asked) == 1


@pytest.mark.parametrize("mood", [429, 503])
def test_a_verdict_that_was_not_taken_is_sent_again(ask, flaky, mood):
    flaky.moods = [mood]
    with pytest.raises(AnswerError) as told:
        ask("confirm", "c0")
    assert told.value.status == 403  # the answer of the second try: a bot confirms nothing
    assert len(flaky.asked) == 2


def test_waits_grow_and_differ(url, flaky):
    waits = []

    def chance(low: float, high: float) -> float:
        waits.append((low, high))
        return 0.0

    flaky.moods = [503] * 5
    patient = Retries(attempts=6, first_wait=0.5, longest_wait=3.0, chance=chance)
    with Client(url, KEY, retries=patient) as client:
        client.actions()
    assert waits == [(0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (1.5, 3.0), (1.5, 3.0)]


@pytest.mark.parametrize(
    ("given", "wait"), [("7", 7.0), ("700", 30.0), ("soon", 0.0), ("", 0.0), ("-3", 0.0)]
)
def test_the_wait_asked_for_is_kept_within_reason(given, wait):
    retries = Retries(first_wait=0.0, longest_wait=30.0)
    answer = httpx.Response(429, headers={"Retry-After": given})
    assert retries.wait(clientcalls.actions(), answer, 1) == wait


def test_the_wait_may_be_given_as_a_date():
    retries = Retries(first_wait=0.0, longest_wait=30.0)
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    answer = httpx.Response(503, headers={"Retry-After": when})
    wait = retries.wait(clientcalls.actions(), answer, 1)
    assert wait is not None
    assert 0 < wait <= 20


def test_nobody_there():
    with (
        Client(f"http://127.0.0.1:{free_port()}", KEY, retries=QUICK) as client,
        pytest.raises(UnreachableError, match="/v1/cases/c0/claim"),
    ):
        client.claim("c0")


def test_an_answer_of_another_program(ask, flaky):
    flaky.moods = ["lost"]
    with pytest.raises(AnswerError, match="502 Unexpected answer: <h1>Bad Gateway"):
        ask("health", retries=Retries(attempts=1))


def test_wrong_fields_are_pointed_to(ask):
    with pytest.raises(AnswerError) as told:
        ask("classify", Asked("好", policy="suzou-2017"))
    assert (told.value.status, told.value.pointers) == (422, ("/policy",))
    assert "suzhou-2017" in told.value.detail


def test_another_text_under_the_same_id_is_a_conflict(ask, request):
    ask("classify", _message(request.node.name))
    with pytest.raises(AnswerError) as told:
        ask("classify", _message(request.node.name, "收到"))
    assert told.value.status == 409


def test_a_text_that_cannot_be_sent_is_refused_at_once(ask, flaky):
    with pytest.raises(MessageError):
        ask("classify", Asked("\ud800"))
    assert not flaky.asked


def test_a_batch_answers_each_in_its_place(ask, request):
    name = request.node.name
    good, bad = _message(f"{name}-1"), Asked("好", policy="nowhere")
    first, second = ask("classify_batch", [good, bad])
    assert first.decision.case_id
    assert second.error.errors[0].pointer == "/messages/1/policy"


def test_events_are_told_once_however_often_they_are_sent(ask, flaky, request):
    name = request.node.name
    said = EventIn(
        event_id=name, kind=Kind.JOINED, group_id="g-events", at=datetime.now(UTC), member_id="u-1"
    )
    flaky.moods = ["lost"]
    (first,) = ask("send_events", [said])
    other = said.model_copy(update={"member_id": "u-2"})
    again, refused = ask("send_events", [said, other])
    assert first.event.event_id == name
    assert again == first
    assert refused.error.status == 409


def test_feedback_is_answered_in_its_place(ask, request):
    decision = ask("classify", _message(request.node.name))
    said = [
        FeedbackItem(case_id=decision.case_id, labels=[], comment="正常报价"),
        FeedbackItem(case_id="c" + "0" * 22, labels=[]),
    ]
    reported, unknown = ask("send_feedback", said)
    assert (reported.case_id, reported.became) == (decision.case_id, Became.REPORTED)
    assert unknown.error.status == 404


def test_a_dry_run_leaves_no_trace(ask, app, request):
    decision = ask("classify", _message(request.node.name), dry_run=True)
    assert decision.findings
    assert decision.case_id is None
    assert _cases(app, request.node.name) == 0


def test_a_recall_names_the_case(ask, request):
    decision = ask("classify", _message(f"{request.node.name}/1"))
    told = ask("recall", f"{request.node.name}/1", "g-client")
    assert told.case_id == decision.case_id


@pytest.fixture(scope="module")
def firm(quiet_model, tmp_path_factory):
    """A firm under a policy that warns and then removes, its service a process of its own."""
    folder = tmp_path_factory.mktemp("firm")
    database = f"sqlite:///{folder / 'firm.db'}"
    with Firm(folder, database, model=str(quiet_model), default_policy="shenzhen") as firm:
        yield firm


@pytest.fixture(scope="module")
def service(firm):
    return firm.start()


@pytest.fixture(scope="module")
def keys(firm, service):
    roles = (Role.REVIEWER, Role.APPROVER, Role.ADMIN)
    return {role: firm.key(role.value, role) for role in roles}


def test_from_a_message_to_the_instruction_and_back(service, keys):
    with (
        Client(service.url, KEY) as bot,
        Client(service.url, keys[Role.REVIEWER]) as reviewer,
        Client(service.url, keys[Role.APPROVER]) as approver,
    ):
        said = [Asked(f"{FOUL}{n}", f"m-{n}", "g-1", sender_id="u-1") for n in range(3)]
        ids = [bot.classify(message).case_id for message in said]
        queue = reviewer.cases(CaseListRequest(state=[State.OPEN], group_id="g-1"))
        assert {case.case_id for case in queue.cases} == set(ids)
        for case_id in ids:
            assert reviewer.claim(case_id).reviewer == "reviewer"
        assert reviewer.confirm(ids[0]).state is State.CONFIRMED
        assert reviewer.relabel(ids[1], ["insult"], text="是骂人").labels == ["insult"]
        assert reviewer.reject(ids[2]).entry is None
        (notice,) = reviewer.case(ids[0]).notices
        for verb in ("approve", "publish"):
            approver.ask(clientcalls.Call("POST", f"/v1/notices/{notice.id}/{verb}", dict))
        (action,) = bot.actions().actions
        assert (action.kind, action.case_id) == ("warning", ids[0])
        assert bot.acknowledge(action.id) == bot.acknowledge(action.id)
        assert not bot.actions().actions


def test_health_tells_what_is_loaded(service):
    with Client(service.url, KEY) as client:
        health = client.health()
    assert (health.status, health.problem) == ("ready", None)
    assert health.policies >= 5


def test_health_tells_what_is_out_of_order(app, ask):
    broken = app.state.settings.lexicons / "own.tsv"
    broken.write_text("one\ttwo\n", encoding="utf-8")
    try:
        health = ask("health")
    finally:
        broken.unlink()
    assert health.status == "degraded"
    assert "own.tsv" in health.problem


def test_a_roster_is_brought_in_and_what_is_left_out_stays(service, keys):
    group = GroupRow(group_id="g-2", name="客服群", policy="factory")
    member = MemberRow(group_id="g-2", member_id="u-2", name="李想")
    with Client(service.url, keys[Role.ADMIN]) as admin:
        assert admin.import_roster([group, member]).members.added == 1
        again = GroupRow(group_id="g-2", name="客服一群", kind=GroupKind.CUSTOMER)
        assert admin.import_roster([again]).groups.changed == 1
        kept = admin.ask(clientcalls.Call("GET", "/v1/groups/g-2", dict))
    assert (kept["policy"], kept["name"]) == ("factory", "客服一群")


def test_the_client_and_the_bots_load_neither_web_framework_nor_database():
    heavy = "{'fastapi', 'starlette', 'uvicorn', 'sqlalchemy', 'pydantic_settings', 'orjson'}"
    code = (
        "import sys, service.bots.wecom, service.bots.sample_bot\n"
        f"print({heavy} & {{name.partition('.')[0] for name in sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("name", READMES)
def test_the_example_of_the_readme_runs(name, service, capsys):
    (example,) = fences((ROOT / name).read_text("utf-8"), "py")
    exec(example.replace("http://127.0.0.1:8000", service.url).replace("mod_…", KEY), {})
    assert "review ['illicit_ad'" in capsys.readouterr().out

"""The HTTP service: its answers, its refusals, all of one shape, and never an internal error."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.taxonomy import taxonomy
from service.app import create_app
from service.masking import mask_decision
from service.settings import Settings
from tests.support import CLEAN, FOUL, KEY, Api, assert_evidence_quotes

PROBLEM = {"type", "title", "status", "detail", "errors"}


def _problem(response: httpx.Response, *statuses: int) -> dict:
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == PROBLEM
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    return body


def _pointers(problem: dict) -> list[str]:
    assert all(error["detail"] for error in problem["errors"])
    return [error["pointer"] for error in problem["errors"]]


def test_classify(api):
    given = {"text": "代*开*发*票", "message_id": "m-1", "policy": "suzhou-2017"}
    response = api.post("/v1/classify", json=given)
    assert response.status_code == 200
    decision = response.json()
    assert decision["message_id"] == "m-1"
    assert decision["findings"][0]["label"] == "illicit_ad"
    assert decision["penalty"]["amount"] == {"min": "20.00", "max": "20.00", "currency": "CNY"}
    assert_evidence_quotes(given["text"], decision)


def test_classify_with_every_field(api):
    given = {
        **{"text": "代开发票", "message_id": "m", "group_id": "g", "sender_id": "u"},
        **{"group_kind": "customer", "sender_role": "customer", "reply_to": "m-0"},
        **{"sent_at": "2026-01-05T09:00:00+08:00", "policy": "shenzhen", "occurrence": 2},
        "dry_run": True,
    }
    decision = api.post("/v1/classify", json=given).json()
    assert decision["articles"][0]["article"] == "2.5.1"
    assert decision["penalty"] is None


def test_offence_bears_on_the_penalty(api):
    given = {"text": "代开发票", "policy": "shenzhen", "occurrence": 2}
    penalty = api.post("/v1/classify", json=given).json()["penalty"]
    assert (penalty["kind"], penalty["occurrence"]) == ("removal", 2)


def test_default_policy_is_a_setting(quiet_model, tmp_path):
    chosen = Settings(
        data_dir=tmp_path, api_key=KEY, model=str(quiet_model), default_policy="division"
    )
    api = Api(create_app(chosen))
    assert api.post("/v1/classify", json={"text": "好"}).json()["policy"].startswith("division@")


@pytest.mark.parametrize("text", [*CLEAN, *FOUL, "好" * 10_000, "\u200b", "👨‍👩‍👧", "'\"<&>"])
def test_command_line_and_service_agree(api, quiet, text):
    from moderation import Message

    served = api.post("/v1/classify", json={"text": text}).json()
    decided = mask_decision(text, quiet.moderate([Message(text)])[0]).to_dict()
    for decision in (served, decided):
        del decision["request_id"], decision["case_id"]
    assert served == decided


def test_batch_keeps_the_order(api):
    messages = [{"text": text, "message_id": str(n)} for n, text in enumerate(CLEAN + FOUL)]
    results = api.post("/v1/classify/batch", json={"messages": messages}).json()["results"]
    ids = [result["decision"]["message_id"] for result in results]
    assert ids == [message["message_id"] for message in messages]
    assert results[0]["decision"]["action"] == "pass"


def test_largest_batch(api):
    messages = [{"text": CLEAN[0]}] * 1000
    results = api.post("/v1/classify/batch", json={"messages": messages}).json()["results"]
    assert len(results) == 1000
    problem = _problem(
        api.post("/v1/classify/batch", json={"messages": [*messages, messages[0]]}), 422
    )
    assert _pointers(problem) == ["/messages"]


BAD = {
    "empty": (b'{"text": ""}', "/text"),
    "10,001 characters": (b'{"text": "' + b"a" * 10_001 + b'"}', "/text"),
    "NUL": (b'{"text": "a\\u0000"}', "/text"),
    "lone surrogate": (b'{"text": "\\ud800"}', "/text"),
    "no text": (b"{}", "/text"),
    "text is a number": (b'{"text": 5}', "/text"),
    "text is null": (b'{"text": null}', "/text"),
    "text is not a number": (b'{"text": NaN}', "/text"),
    "text is a list": (b'{"text": ["a"]}', "/text"),
    "extra field": (b'{"text": "a", "txt": "b"}', "/txt"),
    "unknown policy": (b'{"text": "a", "policy": "divison"}', "/policy"),
    "policy is a number": (b'{"text": "a", "policy": 5}', "/policy"),
    "surrogate in another field": (b'{"text": "a", "message_id": "\\udfff"}', "/message_id"),
    "long id": (b'{"text": "a", "group_id": "' + b"g" * 201 + b'"}', "/group_id"),
    "empty id": (b'{"text": "a", "sender_id": ""}', "/sender_id"),
    "unknown group kind": (b'{"text": "a", "group_kind": "pub"}', "/group_kind"),
    "unknown role": (b'{"text": "a", "sender_role": "boss"}', "/sender_role"),
    "occurrence zero": (b'{"text": "a", "occurrence": 0}', "/occurrence"),
    "occurrence beyond all measure": (b'{"text": "a", "occurrence": 1' + b"0" * 30 + b"}", "/occurrence"),
    "occurrence is half": (b'{"text": "a", "occurrence": 1.5}', "/occurrence"),
    "time is a word": (b'{"text": "a", "sent_at": "soon"}', "/sent_at"),
    "dry run is a word": (b'{"text": "a", "dry_run": "perhaps"}', "/dry_run"),
}  # fmt: skip
UNREADABLE = {
    "nothing": b"",
    "not JSON": b"not json",
    "half of it": b'{"text": "a"',
    "invalid UTF-8": b'{"text": "\xff"}',
    "UTF-8 cut short": '{"text": "好'.encode()[:-1],
    "GBK": '{"text": "好"}'.encode("gbk"),
    "a list": b'["a"]',
    "a word": b'"a"',
    "null": b"null",
    "too deep": b"[" * 100_000,
    "surrogate as a key": b'{"text": "a", "\\ud800": 1}',
}


@pytest.mark.parametrize(("body", "pointer"), BAD.values(), ids=BAD)
def test_bad_field_is_pointed_at(api, body, pointer):
    assert _pointers(_problem(api.raw("/v1/classify", body), 422)) == [pointer]


def test_every_bad_field_is_pointed_at(api):
    body = b'{"text": "", "policy": 5, "occurrence": 0}'
    problem = _problem(api.raw("/v1/classify", body), 422)
    assert set(_pointers(problem)) == {"/text", "/policy", "/occurrence"}


def test_unknown_policy_offers_the_nearest(api):
    problem = _problem(api.post("/v1/classify", json={"text": "a", "policy": "divison"}), 422)
    assert "did you mean 'division'?" in problem["detail"]


def test_no_endpoint_stumbles_over_a_body_nested_too_deep(api):
    for url, operations in api.app.openapi()["paths"].items():
        for method in operations.keys() & {"post", "put", "patch"}:
            for body in (b"[" * 100_000, b"[" * 50_000 + b"]" * 50_000):
                given = {"content": body, "headers": {"Content-Type": "application/json"}}
                assert 400 <= api.request(method.upper(), url, **given).status_code < 500, url


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("url", ["/v1/classify", "/v1/classify/batch"])
def test_unreadable_body(api, url, body):
    problem = _problem(api.raw(url, body), 422)
    assert _pointers(problem)
    if url == "/v1/classify":
        assert _pointers(problem) == [""], "the whole body is meant"


@pytest.mark.parametrize(("body", "pointer"), BAD.values(), ids=BAD)
def test_one_bad_message_does_not_sink_the_batch(api, body, pointer):
    batch = b'{"messages": [{"text": "a"}, ' + body + b', {"text": "b"}]}'
    response = api.raw("/v1/classify/batch", batch)
    assert response.status_code == 200, response.text
    before, bad, after = response.json()["results"]
    assert before["decision"]["action"] == after["decision"]["action"] == "pass"
    assert set(bad) == {"error"}
    assert set(bad["error"]) == PROBLEM
    assert _pointers(bad["error"]) == [f"/messages/1{pointer}"]


@pytest.mark.parametrize("item", [5, None, "a", ["a"], {}])
def test_a_message_that_is_no_message(api, item):
    given = {"messages": [{"text": "a"}, item]}
    good, bad = api.post("/v1/classify/batch", json=given).json()["results"]
    assert good["decision"]["action"] == "pass"
    assert _pointers(bad["error"])[0].startswith("/messages/1")


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"messages": []}, "/messages"),
        ({"messages": "a"}, "/messages"),
        ({}, "/messages"),
        ({"messages": [{"text": "a"}], "policy": "division"}, "/policy"),
    ],
)
def test_bad_batch(api, given, pointer):
    problem = _problem(api.post("/v1/classify/batch", json=given), 422)
    assert _pointers(problem) == [pointer]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_FIELDS = ("text", "message_id", "group_kind", "sender_role", "sent_at", "policy", "occurrence")


@given(given=st.dictionaries(st.sampled_from(_FIELDS), _JSON) | _JSON)
@settings(max_examples=60)
def test_no_json_makes_an_internal_error(api, given):
    body = json.dumps(given).encode()
    for url, content in (
        ("/v1/classify", body),
        ("/v1/classify/batch", b'{"messages":[%b]}' % body),
    ):
        response = api.raw(url, content)
        assert response.status_code in {200, 422}, (given, response.text)


@given(body=st.binary(max_size=60))
@settings(max_examples=40)
def test_no_bytes_make_an_internal_error(api, body):
    assert api.raw("/v1/classify", body).status_code in {200, 422}


MEGABYTES = 5_000_000


def test_large_body_is_refused_by_its_length(api):
    problem = _problem(api.raw("/v1/classify", b'{"text": "' + b"a" * MEGABYTES + b'"}'), 413)
    assert "4000000" in problem["detail"]


def test_large_body_is_refused_while_it_comes(api):
    sent = 0

    async def chunks():
        nonlocal sent
        for _ in range(500):
            sent += 100_000
            yield b"a" * 100_000

    _problem(api.raw("/v1/classify", chunks()), 413)
    assert sent < 2 * MEGABYTES, "the rest is not even read"


def test_a_body_within_the_limit_may_come_in_chunks(api):
    async def chunks():
        yield b'{"text": "'
        yield "收到".encode()[:4]
        yield "收到".encode()[4:] + b'"}'

    assert api.raw("/v1/classify", chunks()).json()["action"] == "pass"


PATHS = [
    ("POST", "/v1/classify"),
    ("POST", "/v1/classify/batch"),
    ("GET", "/v1/labels"),
    ("GET", "/v1/policies"),
    ("GET", "/v1/policies/division"),
    ("GET", "/v1/policies/division/explain?label=porn"),
]


@pytest.mark.parametrize("key", [None, "", "wrong", KEY[:-1], f"{KEY}x", "钥".encode()])
@pytest.mark.parametrize(("method", "url"), PATHS)
def test_without_the_key_nothing_is_answered(api, method, url, key):
    stranger = Api(api.app, key)
    body = {"text": "a"} if url == "/v1/classify" else {"messages": [{"text": "a"}]}
    given = {"json": body} if method == "POST" else {}
    _problem(stranger.request(method, url, **given), 401)


def test_key_is_made_once_and_kept_private(quiet_model, tmp_path):
    chosen = Settings(data_dir=tmp_path, model=str(quiet_model))
    first = create_app(chosen).state.gate.bot_key
    assert create_app(chosen).state.gate.bot_key == first
    assert len(first) > 20
    assert (tmp_path / "api_key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["/healthz", "/readyz"])
def test_health_needs_no_key(api, url):
    assert Api(api.app, None).get(url).status_code == 200


def test_ready_tells_what_is_loaded(api, quiet):
    told = api.get("/readyz").json()
    assert told["status"] == "ready"
    assert told["model"] == quiet.model.version
    assert told["policies"] == 5
    assert told["terms"] > 0
    assert told["problem"] is None


def test_labels(api):
    told = api.get("/v1/labels").json()
    assert [label["id"] for label in told] == list(taxonomy().ids)
    assert len(told) == 19
    assert {label["category"] for label in told} == {
        *("ad", "spam", "abuse", "leak", "off_topic", "harmful")
    }
    assert all(label["name"] and label["about"] for label in told)


def test_policies(api):
    told = {policy["id"]: policy for policy in api.get("/v1/policies").json()}
    assert set(told) == {"suzhou-2017", "shenzhen", "factory", "bank-customer", "division"}
    leaks = ["business_secret", "credential", "personal_data"]
    assert told["suzhou-2017"]["uncovered"] == leaks
    assert told["suzhou-2017"]["date"] == "2017-10-24"
    assert told["division"]["uncovered"] == []


def test_one_policy(api):
    told = api.get("/v1/policies/factory").json()
    assert [article["article"] for article in told["articles"]] == [f"7.{n}" for n in range(1, 9)]
    assert told["articles"][0]["exempt"] == {"chatter": ["interest"]}
    assert told["articles"][0]["duty"] == ["supervisor", "group_owner"]


@pytest.mark.parametrize("url", ["/v1/policies/divison", "/v1/policies/divison/explain?label=porn"])
def test_unknown_policy_is_not_found(api, url):
    assert "did you mean 'division'?" in _problem(api.get(url), 404)["detail"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "/label"),
        ("label=prn", "/label"),
        ("label=porn&label=", "/label"),
        ("label=%00", "/label"),
        ("label=%ff", "/label"),
        ("label=porn&occurrence=0", "/occurrence"),
        ("label=porn&occurrence=x", "/occurrence"),
        ("label=porn&occurrence=1000000000000000000000", "/occurrence"),
        ("label=porn&group_kind=pub", "/group_kind"),
        ("label=porn&sender_role=boss", "/sender_role"),
    ],
)
def test_bad_question_is_pointed_at(api, query, pointer):
    problem = _problem(api.get(f"/v1/policies/division/explain?{query}"), 422)
    assert _pointers(problem) == [pointer]


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [("GET", "/nowhere", 404), ("GET", "/v1/classify", 405), ("DELETE", "/v1/labels", 405)],
)
def test_wrong_address_has_the_same_shape(api, method, url, status):
    _problem(api.request(method, url), status)


def test_an_unexpected_error_has_the_same_shape_and_tells_no_secret(
    quiet_model, tmp_path, monkeypatch
):
    app = create_app(Settings(data_dir=tmp_path, api_key=KEY, model=str(quiet_model)))

    def fails(*_, **__):
        raise RuntimeError("inner secret")

    monkeypatch.setattr(app.state.moderator, "moderate", fails)
    problem = _problem(Api(app).post("/v1/classify", json={"text": "a"}), 500)
    assert "inner secret" not in json.dumps(problem)


def test_docs_have_examples(api):
    schema = api.get("/openapi.json").json()
    example = schema["components"]["schemas"]["ClassifyRequest"]["examples"][0]
    assert api.post("/v1/classify", json=example).status_code == 200
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation.get("description") or path == "/metrics", path
    answers = schema["paths"]["/v1/classify"]["post"]["responses"]
    assert {"200", "401", "413", "422"} <= set(answers)


def test_docs_page(api):
    assert Api(api.app, None).get("/docs").status_code == 200


def test_wrong_settings_do_not_start(quiet_model, tmp_path):
    from moderation import DataFileError, UnknownNameError

    given = {"data_dir": tmp_path, "api_key": KEY, "model": str(quiet_model)}
    with pytest.raises(UnknownNameError, match="division"):
        create_app(Settings(**given, default_policy="divison"))
    with pytest.raises(DataFileError, match="nowhere"):
        create_app(Settings(**given, policies_dir=tmp_path / "nowhere"))


@pytest.fixture
def server(quiet_model: Path, tmp_path: Path):
    """Start the real command on a free port, in a folder of its own."""
    command = [str(Path(sys.executable).parent / "moderation"), "serve", "--port", "0"]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "MODERATION_DATA_DIR": str(tmp_path / "data"),
        "MODERATION_MODEL": str(quiet_model),
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment, cwd=tmp_path
    ) as process:
        yield process
        process.terminate()


def _printed_curl(process: subprocess.Popen) -> list[str]:
    for line in process.stdout:
        if line.startswith("curl "):
            return shlex.split(line)
    raise AssertionError("no curl line was printed")


def test_the_printed_line_works(server):
    words = _printed_curl(server)
    url = next(word for word in words if word.startswith("http://"))
    given = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
    headers = dict(re.split(r":\s*", header, maxsplit=1) for header in given)
    body = words[words.index("-d") + 1]
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(transport=transport, headers=headers, trust_env=False) as client:
        response = client.post(url, content=body.encode())
        assert response.status_code == 200, response.text
        decision = response.json()
        assert decision["action"] in {"review", "block"}
        assert_evidence_quotes(json.loads(body)["text"], decision)
        del client.headers["X-API-Key"]
        assert client.post(url, content=body.encode()).status_code == 401

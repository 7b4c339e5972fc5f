"""The short way of `/v1/classify` answers as the general way does, and leaves to it what is unusual."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.settings import Settings
from service.storage.database import StorageError
from tests.support import CLEAN, FOUL, KEY, Api, any_text

SHORT = {"Content-Type": "application/json"}
GENERAL = {"Content-Type": "application/json; charset=utf-8"}
FIELDS = st.fixed_dictionaries(
    {"text": st.one_of(st.sampled_from(CLEAN + FOUL), any_text(), st.sampled_from([None, 1, ""]))},
    optional={
        "policy": st.sampled_from(["shenzhen", "suzhou-2017", "shenzen", None]),
        "group_kind": st.sampled_from(["customer", "interest", "club"]),
        "sender_role": st.sampled_from(["staff", "customer"]),
        "occurrence": st.sampled_from([1, 3, 0]),
        "dry_run": st.booleans(),
        "more": st.integers(),
    },
)


def told(response: httpx.Response) -> tuple[int, dict[str, Any], str]:
    """Return what an answer says but for what is new with each request."""
    own = {"request_id": "", "case_id": ""}
    return response.status_code, response.json() | own, response.headers["content-type"]


@given(FIELDS)
def test_both_ways_answer_alike(api, body):
    ways = [api.post("/v1/classify", json=body, headers=way) for way in (SHORT, GENERAL)]
    assert told(ways[0]) == told(ways[1])


@given(st.binary(max_size=40))
def test_both_ways_refuse_alike(api, body):
    ways = [api.post("/v1/classify", content=body, headers=way) for way in (SHORT, GENERAL)]
    assert told(ways[0]) == told(ways[1])


def test_a_repeat_by_the_other_way_is_the_same_message(api):
    body = {"text": FOUL[0], "message_id": "by-both-ways"}
    first, again = (api.post("/v1/classify", json=body, headers=way) for way in (SHORT, GENERAL))
    assert first.json() == again.json()
    other = api.post("/v1/classify", json=body | {"text": CLEAN[0]}, headers=SHORT)
    assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")


def test_a_body_that_comes_in_pieces_is_judged(api):
    async def pieces():
        yield b'{"text": '
        yield '"代开发票"}'.encode()

    response = api.post("/v1/classify", content=pieces(), headers=SHORT)
    assert response.status_code == 200
    assert response.json()["action"] == "review"


@pytest.mark.parametrize("way", [SHORT, GENERAL])
def test_what_is_not_kept_is_to_be_tried_again(quiet_model, tmp_path, monkeypatch, way):
    @contextmanager
    def refusing():
        raise StorageError("disk full")
        yield

    app = create_app(Settings(data_dir=tmp_path, api_key=KEY, model=str(quiet_model)))
    monkeypatch.setattr(app.state.database, "write", refusing)
    response = Api(app).post("/v1/classify", json={"text": CLEAN[0]}, headers=way)
    app.state.recorder.close()
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")

"""Who may do what: every endpoint with every role, by key and by session. The walk reads off the
application what each endpoint asks for, so an endpoint added later is tested without a word here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st

from service import auth, problems
from service.auth import UNSAFE, Needs, may, signed_in
from service.ratelimit import RateLimit
from service.rights import ROLES, Right, Role
from service.storage import accounts as storage
from tests import accounts
from tests.support import KEY, Api

WAY_IN = ("POST", "/v1/session")
REFUSED = (401, 403)
HAVE = {
    Role.BOT: "classify recall feedback see_actions carry_out appeal report_events",
    Role.REVIEWER: "feedback see_cases review reveal appeal see_notices see_roster",
    Role.APPROVER: "see_cases reveal appeal decide_appeal reopen see_notices approve payroll "
    "see_roster see_actions revive",
    Role.ANALYST: "take_out see_cases edit_terms see_models retrain promote",
    Role.ADMIN: "take_out see_cases appeal see_notices payroll see_roster edit_roster edit_terms "
    "report_events "
    "see_models promote "
    "see_actions revive see_audit accounts erase",
}
"""What each role may besides looking up and trying: said a second time, so that no right is given away
by a slip. It changes when a right is added, not when an endpoint is."""
FOREIGN = {
    "nothing": {},
    "wrong key": {"X-API-Key": "mod_wrong"},
    "empty key": {"X-API-Key": ""},
    "key in Chinese": {"X-API-Key": "密钥".encode()},
    "made-up cookie": {"Cookie": "session=made-up", "X-CSRF-Token": "made-up"},
    "empty cookie": {"Cookie": "session="},
}


@dataclass(frozen=True)
class Operation:
    """A method of a path, the rights that it asks for, and whether it is for signed-in users alone."""

    method: str
    path: str
    rights: frozenset[Right]
    is_session_only: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        """The path, about something that does not exist."""
        return re.sub(r"\{[^}]+\}", "999999999", self.path)

    def call(self, api: Api, **given) -> int:
        return api.request(self.method, self.url, json={}, **given).status_code

    def is_open_to(self, role: Role) -> bool:
        return all(role in ROLES[right] for right in self.rights)


def _needs(dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from _needs(one)


def operations(app: FastAPI) -> list[Operation]:
    """Return every operation under `/v1`, the way in left out."""
    found = []
    for route in iter_route_contexts(app.routes):
        if not (route.path or "").startswith("/v1"):
            continue
        asked = list(_needs(route.dependant))
        rights = frozenset(one.right for one in asked if isinstance(one, Needs))
        for method in sorted(route.methods):
            if (method, route.path) != WAY_IN:
                only = signed_in in asked and not rights
                found.append(Operation(method, route.path_format, rights, only))
    return found


@pytest.fixture(scope="module")
def app(quiet_model, tmp_path_factory) -> FastAPI:
    return accounts.service(tmp_path_factory.mktemp("rights"), quiet_model)


def test_the_walk_sees_every_endpoint(app):
    listed = {
        f"{method.upper()} {path}"
        for path, about in app.openapi()["paths"].items()
        for method in about
        if path.startswith("/v1")
    }
    assert listed - {" ".join(WAY_IN)} <= {str(one) for one in operations(app)}
    assert "POST /v1/classify" in listed


def test_every_endpoint_asks_for_a_right_or_a_session(app):
    assert not [str(one) for one in operations(app) if not one.rights and not one.is_session_only]


def test_every_endpoint_says_in_its_description_how_it_is_entered(app):
    for one in operations(app):
        security = app.openapi()["paths"][one.path][one.method.lower()]["security"]
        ways = [{"APIKeyCookie": []}]
        assert security == (ways if one.is_session_only else [{"APIKeyHeader": []}, *ways]), one


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_nothing_is_reached_without_credentials(app, headers):
    stranger = accounts.signed_in(app, headers)
    assert {str(one): one.call(stranger) for one in operations(app)} == {
        str(one): 401 for one in operations(app)
    }


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("way", ["key", "session"])
def test_a_role_opens_what_it_has_the_right_to_and_nothing_else(app, role, way):
    database = app.state.database
    key = accounts.with_key(app, role)
    name = accounts.add_user(database, f"only-{role.value}-by-{way}", role)
    wrong = {}
    for one in operations(app):
        headers = accounts.open_session(database, name)  # an operation may end it
        api = key if way == "key" else accounts.signed_in(app, headers)
        status = one.call(api)
        if one.is_session_only:
            good = status == 401 if way == "key" else status not in REFUSED and status < 500
        elif one.is_open_to(role):
            good = status not in REFUSED and status < 500
        else:
            good = status == 403
        if not good:
            wrong[str(one)] = status
    assert not wrong


@pytest.mark.parametrize("role", Role)
def test_the_rights_of_a_role(role):
    assert {right.value for right in Right if role in ROLES[right]} == {
        *HAVE[role].split(),
        *("look_up", "try"),
    }


@pytest.mark.parametrize("right", Right)
def test_a_right_is_lacked_by_all_other_roles(app, right):
    bare = FastAPI()
    bare.state = app.state
    problems.install(bare)
    bare.add_api_route("/only", lambda: "in", dependencies=[may(right)])
    for role in Role:
        expected = 200 if role in ROLES[right] else 403
        for api in (accounts.with_key(bare, role), accounts.with_session(bare, role)):
            assert api.get("/only").status_code == expected, role


def test_two_roles_have_the_rights_of_both(app):
    both = accounts.with_key(app, Role.BOT, Role.ADMIN)
    assert both.post("/v1/classify", json={"text": "收到"}).status_code == 200
    assert both.get("/v1/users").status_code == 200


def test_the_bots_own_key_is_a_bots(app):
    assert Api(app).post("/v1/classify", json={"text": "收到"}).status_code == 200
    assert Api(app).get("/v1/users").status_code == 403


@pytest.mark.parametrize(
    "token", [None, "", "wrong", "令牌".encode()], ids=["none", "empty", "wrong", "Chinese"]
)
def test_a_session_changes_nothing_without_its_token(app, token):
    """A page of another site can make a browser send the cookie, not the token."""
    headers = accounts.open_session(
        app.state.database, accounts.add_user(app.state.database, f"forged-{token!r}", *Role)
    )
    del headers["X-CSRF-Token"]
    if token is not None:
        headers["X-CSRF-Token"] = token
    forged = accounts.signed_in(app, headers)
    changing = [one for one in operations(app) if one.method in UNSAFE]
    assert {str(one): one.call(forged) for one in changing} == {str(one): 403 for one in changing}
    assert forged.get("/v1/session").status_code == 200


def test_a_token_is_good_for_its_own_session_alone(app):
    mine, other = accounts.with_session(app, Role.ADMIN), accounts.with_session(app, Role.ADMIN)
    mine.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]
    assert mine.request("DELETE", "/v1/session").status_code == 403
    assert other.request("DELETE", "/v1/session").status_code == 204


def test_a_key_is_preferred_to_a_session(app):
    """So a key never gets the rights of whoever is signed in beside it."""
    admin = accounts.with_session(app, Role.ADMIN)
    admin.headers["X-API-Key"] = KEY
    assert admin.get("/v1/users").status_code == 403


def test_a_revoked_key_opens_nothing(app):
    admin, bot = accounts.with_session(app, Role.ADMIN), accounts.with_key(app, Role.BOT)
    for _ in range(2):  # the second time the key is remembered
        assert bot.post("/v1/classify", json={"text": "收到"}).status_code == 200
    newest = admin.get("/v1/keys").json()[0]
    assert newest["head"] == bot.headers["X-API-Key"][:8]
    assert admin.request("DELETE", f"/v1/keys/{newest['id']}").status_code == 204
    assert bot.post("/v1/classify", json={"text": "收到"}).status_code == 401
    assert bot.get("/v1/labels").status_code == 401


def test_a_key_revoked_elsewhere_is_dead_when_it_is_looked_up_again(app, monkeypatch):
    bot = accounts.with_key(app, Role.BOT)
    assert bot.get("/v1/labels").status_code == 200
    with app.state.database.write() as connection:
        number = storage.all_keys(connection)[0].id
        storage.revoke_key(connection, datetime.now(UTC), "other process", number)
    monkeypatch.setattr(auth, "REMEMBERED", 0.0)
    assert bot.get("/v1/labels").status_code == 401


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"roles": ["analyst"]}, {"password": accounts.OTHER_PASSWORD}]
)
def test_a_change_of_a_user_ends_his_sessions(app, change):
    admin, user = accounts.with_session(app, Role.ADMIN), accounts.with_session(app, Role.REVIEWER)
    name = user.get("/v1/session").json()["name"]
    assert admin.request("PATCH", f"/v1/users/{name}", json=change).status_code == 200
    assert user.get("/v1/labels").status_code == 401
    assert user.get("/v1/session").status_code == 401


def test_a_disabled_user_opens_nothing_even_by_a_session_that_is_left(app):
    database = app.state.database
    name = accounts.add_user(database, "left-behind", Role.ADMIN)
    accounts.add_user(database, "another-admin", Role.ADMIN)
    with database.write() as connection:
        storage.put_user(connection, datetime.now(UTC), "test", name, disabled=True)
    left = accounts.signed_in(app, accounts.open_session(database, name))
    assert left.get("/v1/users").status_code == 401


def test_a_session_that_is_over_opens_nothing(app):
    name = accounts.add_user(app.state.database, "yesterday", Role.ADMIN)
    headers = accounts.open_session(app.state.database, name, lasts=timedelta(seconds=-1))
    assert accounts.signed_in(app, headers).get("/v1/users").status_code == 401


@pytest.mark.parametrize("way", [accounts.with_key, accounts.with_session])
def test_one_request_too_many_is_refused(quiet_model, tmp_path, way):
    """One request in a hundred seconds, so that no machine is too slow for this."""
    limited = accounts.service(tmp_path, quiet_model, rate=0.01)
    one, other = way(limited, Role.ADMIN), way(limited, Role.ADMIN)
    assert one.get("/v1/labels").status_code == 200
    refused = one.get("/v1/users")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 90 <= int(refused.headers["Retry-After"]) <= 100
    assert other.get("/v1/labels").status_code == 200


def test_the_busy_endpoint_counts_too(quiet_model, tmp_path):
    bot = Api(accounts.service(tmp_path, quiet_model, rate=0.01))
    assert bot.post("/v1/classify", json={"text": "收到"}).status_code == 200
    assert bot.post("/v1/classify", json={"text": "收到"}).status_code == 429
    assert bot.post("/v1/classify", json={}).status_code == 429


@given(
    rate=st.floats(0.1, 1000),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=80),
)
def test_never_more_than_the_rate_and_a_second_ahead(rate, pauses):
    clock = [1000.0]
    limit = RateLimit(rate, lambda: clock[0])
    passed: list[float] = []
    for pause in pauses:
        clock[0] += pause
        wait = limit.wait("one")
        if wait:
            clock[0] += wait
            assert not limit.wait("one"), "after the wait that was named it passes"
        passed.append(clock[0])
    for start in passed:
        in_a_second = [at for at in passed if start <= at < start + 1]
        assert len(in_a_second) <= max(rate, 1) + rate + 1
    assert not limit.wait("another")


def test_without_a_rate_nothing_is_refused():
    limit = RateLimit(0)
    assert not any(limit.wait("one") for _ in range(10_000))

"""Signing in: who gets a session, what the cookie is like, and how long a name that was tried waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import httpx
import pytest

from service import signin
from service.rights import Role
from service.signin import FREE_ATTEMPTS, LONGEST_WAIT, SignInError, WaitError, back_off
from service.storage import accounts as storage
from service.storage import audit
from tests import accounts
from tests.accounts import OTHER_PASSWORD, PASSWORD
from tests.support import Api

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
AS_SERVED = signin.HASHER


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    monkeypatch.setattr(signin, "HASHER", accounts.CHEAP)


@pytest.fixture
def app(quiet_model, tmp_path, database_url):
    app = accounts.service(tmp_path, quiet_model, database=database_url)
    yield app
    app.state.database.close()


def _enter(app, name: str, password: str = PASSWORD, scheme: str = "http") -> httpx.Response:
    body = {"name": name, "password": password}
    return Api(app, None).post(f"{scheme}://service.example/v1/session", json=body)


def _browser(app, opened: httpx.Response) -> Api:
    token = opened.json()["csrf_token"]
    cookie = f"session={opened.cookies['session']}"
    return accounts.signed_in(app, {"Cookie": cookie, "X-CSRF-Token": token})


def _attempt(database, at: datetime, name: str, password: str = "不是这个口令") -> str:
    """Try a name; return how it went."""
    try:
        signin.sign_in(database, at, name, password)
    except SignInError:
        return "wrong"
    except WaitError as error:
        return f"wait {error.wait.total_seconds():g}"
    return "in"


def test_in_and_out(app):
    accounts.add_user(app.state.database, "王芳", Role.REVIEWER, Role.APPROVER)
    opened = _enter(app, "王芳")
    assert opened.status_code == 201
    told = opened.json()
    assert (told["name"], told["roles"]) == ("王芳", ["approver", "reviewer"])
    lasts = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1) < lasts <= signin.LASTS
    browser = _browser(app, opened)
    assert browser.get("/v1/session").json()["csrf_token"] == told["csrf_token"]
    assert browser.get("/v1/labels").status_code == 200
    closed = browser.request("DELETE", "/v1/session")
    assert closed.status_code == 204
    assert SimpleCookie(closed.headers["set-cookie"])["session"]["max-age"] == "0"
    assert browser.get("/v1/session").status_code == 401
    assert browser.get("/v1/labels").status_code == 401


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_for_this_site_and_no_script(app, scheme, secure):
    accounts.add_user(app.state.database, "li.na", Role.ADMIN)
    opened = _enter(app, "li.na", scheme=scheme)
    cookie = SimpleCookie(opened.headers["set-cookie"])["session"]
    assert cookie["httponly"] is True
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert bool(cookie["secure"]) is secure
    assert cookie["expires"]
    assert cookie.value not in opened.text


def test_what_is_kept_opens_nothing(app):
    accounts.add_user(app.state.database, "li.na", Role.ADMIN)
    token = _enter(app, "li.na").cookies["session"]
    stolen = accounts.signed_in(app, {"Cookie": f"session={storage.hashed(token)}"})
    assert stolen.get("/v1/session").status_code == 401


def test_passwords_are_kept_as_argon2_hashes_of_the_cost_that_is_advised():
    """The second choice of RFC 9106: three passes over 64 MiB."""
    assert AS_SERVED.hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize("who", ["wrong password", "nobody", "disabled"])
def test_a_refusal_does_not_say_why(app, who):
    database = app.state.database
    accounts.add_user(database, "li.na", Role.ADMIN)
    accounts.add_user(database, "gone", Role.REVIEWER)
    with database.write() as connection:
        storage.put_user(connection, START, "test", "gone", disabled=True)
    name, password = {
        "wrong password": ("li.na", OTHER_PASSWORD),
        "nobody": ("nobody", PASSWORD),
        "disabled": ("gone", PASSWORD),
    }[who]
    refused = _enter(app, name, password)
    assert refused.status_code == 401
    assert refused.json()["detail"] == "name or password is wrong"
    assert "set-cookie" not in refused.headers


def test_the_wait_doubles_up_to_a_quarter_of_an_hour():
    waits = [back_off(count).total_seconds() for count in range(1, 20)]
    assert waits[:8] == [0, 0, 0, 0, 1, 2, 4, 8]
    assert waits == sorted(waits)
    assert back_off(10_000) == LONGEST_WAIT == timedelta(minutes=15)


@pytest.mark.parametrize("name", ["li.na", "nobody"])
def test_from_the_fifth_failure_on_a_name_waits(database, name):
    """A name that is nobody's waits alike: nobody learns which names there are."""
    accounts.add_user(database, "li.na", Role.REVIEWER)
    assert [_attempt(database, START, name) for _ in range(7)] == ["wrong"] * 5 + ["wait 1"] * 2
    assert _attempt(database, START + SECOND / 2, name) == "wait 0.5"
    assert _attempt(database, START + SECOND, name) == "wrong"
    assert _attempt(database, START + 2 * SECOND, name) == "wait 1"
    assert _attempt(database, START + 3 * SECOND, name) == "wrong"
    assert _attempt(database, START + 3 * SECOND, name) == "wait 4"


def test_who_waits_is_refused_even_with_the_right_password(database):
    accounts.add_user(database, "li.na", Role.REVIEWER)
    for _ in range(5):
        _attempt(database, START, "li.na")
    assert _attempt(database, START, "li.na", PASSWORD) == "wait 1"
    assert _attempt(database, START + SECOND, "li.na", PASSWORD) == "in"
    assert [_attempt(database, START + SECOND, "li.na") for _ in range(5)] == ["wrong"] * 5


def test_one_name_waits_for_itself_alone(database):
    accounts.add_user(database, "li.na", Role.REVIEWER)
    for _ in range(6):
        _attempt(database, START, "other")
    assert _attempt(database, START, "li.na", PASSWORD) == "in"


def test_a_new_password_ends_the_wait(database):
    accounts.add_user(database, "li.na", Role.REVIEWER)
    for _ in range(6):
        _attempt(database, START, "li.na")
    new = signin.HASHER.hash(OTHER_PASSWORD)
    with database.write() as connection:
        storage.put_user(connection, START, "admin", "li.na", password=new)
    assert _attempt(database, START, "li.na", OTHER_PASSWORD) == "in"


def test_attempts_are_forgotten_after_a_day(database):
    with database.write() as connection:
        for name in ("nobody", "somebody"):
            storage.note_attempt(connection, START, name, 6)
    later = START + storage.FORGOTTEN + SECOND
    assert _attempt(database, later, "nobody") == "wrong"
    with database.read() as connection:
        assert storage.last_attempts(connection, "somebody") is None


def test_many_at_once_get_no_more_guesses(database):
    accounts.add_user(database, "li.na", Role.REVIEWER)
    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda _: _attempt(database, START, "li.na"), range(12)))
    assert found.count("wrong") == FREE_ATTEMPTS + 1
    assert found.count("wait 1") == 12 - FREE_ATTEMPTS - 1


def test_over_http_the_wait_is_named(app):
    for _ in range(FREE_ATTEMPTS + 1):
        assert _enter(app, "nobody").status_code == 401
    refused = _enter(app, "nobody")
    while refused.status_code == 401:  # a machine so slow that each second had gone by
        refused = _enter(app, "nobody")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1


def test_a_series_of_attempts_stands_in_the_audit_log(database):
    accounts.add_user(database, "li.na", Role.REVIEWER)
    for _ in range(6):
        _attempt(database, START, "li.na")
        _attempt(database, START, "a password typed as a name")
    with database.read() as connection:
        (row,) = audit.listed(connection, verb="session.attempt")
    assert (row.subject, row.detail) == ("li.na", {"attempts": 5})


def test_ones_own_password(app):
    accounts.add_user(app.state.database, "li.na", Role.REVIEWER)
    browser, elsewhere = (_browser(app, _enter(app, "li.na")) for _ in range(2))
    body = {"old_password": OTHER_PASSWORD, "password": "第三个也足够长的口令"}
    wrong = browser.post("/v1/session/password", json=body)
    assert wrong.status_code == 422
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/old_password"]
    body = {"old_password": PASSWORD, "password": "太短的口令"}
    short = browser.post("/v1/session/password", json=body)
    assert [error["pointer"] for error in short.json()["errors"]] == ["/password"]
    body = {"old_password": PASSWORD, "password": OTHER_PASSWORD}
    changed = browser.post("/v1/session/password", json=body)
    assert changed.status_code == 201
    assert browser.get("/v1/session").status_code == 401
    assert elsewhere.get("/v1/session").status_code == 401
    assert _browser(app, changed).get("/v1/session").json()["name"] == "li.na"
    assert _enter(app, "li.na", PASSWORD).status_code == 401
    assert _enter(app, "li.na", OTHER_PASSWORD).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "li.na"},
        {"name": "li.na", "password": None},
        {"name": "", "password": "x"},
        {"name": "li\0na", "password": "x"},
        {"name": "li.na", "password": "x" * 201},
        {"name": "li.na", "password": "x", "remember": True},
    ],
)
def test_a_form_that_is_wrong(app, body):
    assert Api(app, None).post("/v1/session", json=body).status_code == 422

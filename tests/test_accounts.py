"""Users and keys, over HTTP and by command."""

from __future__ import annotations

import io
import json

import pytest
from typer.testing import CliRunner

from service import cli, signin
from service.rights import Role
from service.storage import accounts as storage
from service.storage.database import Database
from tests import accounts
from tests.accounts import OTHER_PASSWORD, PASSWORD
from tests.support import Api

SECRETS = ("password", "hash", "$argon2")


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    monkeypatch.setattr("service.signin.HASHER", accounts.CHEAP)
    monkeypatch.setattr("service.api.accounts.HASHER", accounts.CHEAP)


@pytest.fixture
def app(quiet_model, tmp_path, database_url):
    app = accounts.service(tmp_path, quiet_model, database=database_url)
    yield app
    app.state.database.close()


@pytest.fixture
def admin(app) -> Api:
    return accounts.with_session(app, Role.ADMIN)


def _enter(app, name: str, password: str = PASSWORD) -> int:
    body = {"name": name, "password": password}
    return Api(app, None).post("/v1/session", json=body).status_code


def _pointers(response) -> list[str]:
    assert response.status_code == 422
    return [error["pointer"] for error in response.json()["errors"]]


def test_a_user_is_added_and_signs_in(app, admin):
    body = {"name": "王芳", "password": PASSWORD, "roles": ["reviewer"], "member_id": "u-1"}
    made = admin.post("/v1/users", json=body)
    assert made.status_code == 201
    user = {"name": "王芳", "roles": ["reviewer"], "member_id": "u-1", "disabled": False}
    assert made.json() == user
    listed = admin.get("/v1/users")
    assert user in listed.json()
    assert not [secret for secret in SECRETS if secret in listed.text]
    assert _enter(app, "王芳") == 201


def test_a_user_is_changed(app, admin):
    accounts.add_user(app.state.database, "li.na", Role.REVIEWER, member_id="u-2")
    body = {"roles": ["analyst", "approver"], "member_id": "", "password": OTHER_PASSWORD}
    changed = admin.request("PATCH", "/v1/users/li.na", json=body).json()
    assert changed["roles"] == ["analyst", "approver"]
    assert changed["member_id"] is None
    assert (_enter(app, "li.na"), _enter(app, "li.na", OTHER_PASSWORD)) == (401, 201)
    off = admin.request("PATCH", "/v1/users/li.na", json={"disabled": True})
    assert off.json() == changed | {"disabled": True}
    assert _enter(app, "li.na", OTHER_PASSWORD) == 401
    admin.request("PATCH", "/v1/users/li.na", json={"disabled": False})
    assert _enter(app, "li.na", OTHER_PASSWORD) == 201


def test_only_what_is_given_changes(app, admin):
    accounts.add_user(app.state.database, "li.na", Role.REVIEWER, member_id="u-2")
    changed = admin.request("PATCH", "/v1/users/li.na", json={"roles": ["approver"]}).json()
    assert changed["member_id"] == "u-2"
    assert _enter(app, "li.na") == 201


def test_a_member_is_one_user_alone(app, admin):
    """Else he could judge himself under the other name."""
    accounts.add_user(app.state.database, "li.na", Role.REVIEWER, member_id="u-2")
    body = {"name": "li.na.2", "password": PASSWORD, "roles": ["reviewer"], "member_id": "u-2"}
    assert admin.post("/v1/users", json=body).status_code == 409
    assert admin.post("/v1/users", json=body | {"member_id": ""}).status_code == 201
    again = admin.request("PATCH", "/v1/users/li.na.2", json={"member_id": "u-2"})
    assert again.status_code == 409
    same = admin.request("PATCH", "/v1/users/li.na", json={"member_id": "u-2"})
    assert same.status_code == 200


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": ["reviewer"]}])
def test_the_last_admin_stays(app, admin, change):
    me = f"/v1/users/{admin.get('/v1/session').json()['name']}"
    accounts.add_user(app.state.database, "off", Role.ADMIN)
    admin.request("PATCH", "/v1/users/off", json={"disabled": True})
    refused = admin.request("PATCH", me, json=change)
    assert refused.status_code == 409
    assert "last admin" in refused.json()["detail"]
    assert admin.get("/v1/users").status_code == 200, "nothing has changed, the session neither"
    admin.request("PATCH", "/v1/users/off", json={"disabled": False})
    assert admin.request("PATCH", me, json=change).status_code == 200


@pytest.mark.parametrize("name", ["li.na", "wecom", "bot", "ledger", "intake", "webhook"])
def test_a_name_stands_for_one_in_history(app, admin, name):
    """Neither twice, nor that of a key, nor that of the program."""
    accounts.add_user(app.state.database, "li.na", Role.REVIEWER)
    admin.post("/v1/keys", json={"name": "wecom", "roles": ["bot"]})
    body = {"name": name, "password": OTHER_PASSWORD, "roles": ["admin"]}
    assert admin.post("/v1/users", json=body).status_code == 409
    assert _enter(app, "li.na") == 201


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"password": "九个字的口令不够呀"}, "/password"),
        ({"password": "x" * 201}, "/password"),
        ({"roles": []}, "/roles"),
        ({"roles": ["boss"]}, "/roles/0"),
        ({"name": ""}, "/name"),
        ({"name": "a b"}, "/name"),
        ({"name": "a/b"}, "/name"),
        ({"name": "a\0b"}, "/name"),
        ({"member_id": "a\0b"}, "/member_id"),
        ({"is_admin": True}, "/is_admin"),
    ],
)
def test_a_user_with_something_wrong(admin, wrong, pointer):
    body = {"name": "li.na", "password": PASSWORD, "roles": ["reviewer"]} | wrong
    assert _pointers(admin.post("/v1/users", json=body)) == [pointer]


def test_a_change_of_nothing_or_of_nobody(app, admin):
    accounts.add_user(app.state.database, "li.na", Role.REVIEWER)
    assert _pointers(admin.request("PATCH", "/v1/users/li.na", json={})) == [""]
    gone = admin.request("PATCH", "/v1/users/nobody", json={"disabled": True})
    assert gone.status_code == 404


def test_a_key_is_shown_once(app, admin):
    made = admin.post("/v1/keys", json={"name": "wecom", "roles": ["bot", "analyst"]})
    assert made.status_code == 201
    key = made.json()["key"]
    assert Api(app, key).get("/v1/labels").status_code == 200
    listed = admin.get("/v1/keys")
    (shown,) = listed.json()
    assert shown["name"] == "wecom"
    assert shown["roles"] == ["analyst", "bot"]
    assert shown["created_by"] == admin.get("/v1/session").json()["name"]
    assert key.startswith(shown["head"])
    assert key not in listed.text
    assert storage.hashed(key) not in listed.text


def test_a_key_may_follow_one_of_the_same_name(app, admin):
    first, second = (
        admin.post("/v1/keys", json={"name": "wecom", "roles": ["bot"]}).json() for _ in range(2)
    )
    assert admin.request("DELETE", f"/v1/keys/{first['id']}").status_code == 204
    assert Api(app, first["key"]).get("/v1/labels").status_code == 401
    assert Api(app, second["key"]).get("/v1/labels").status_code == 200
    assert admin.request("DELETE", f"/v1/keys/{first['id']}").status_code == 404
    states = {key["id"]: key["revoked_at"] is None for key in admin.get("/v1/keys").json()}
    assert states == {first["id"]: False, second["id"]: True}


def test_a_key_is_not_called_like_a_user(app, admin):
    accounts.add_user(app.state.database, "li.na", Role.REVIEWER)
    for name in ("li.na", "bot"):
        refused = admin.post("/v1/keys", json={"name": name, "roles": ["reviewer"]})
        assert refused.status_code == 409


@pytest.mark.parametrize("number", [0, -1, "x", 2**63])
def test_a_number_that_no_key_has(admin, number):
    assert _pointers(admin.request("DELETE", f"/v1/keys/{number}")) == ["/key_id"]


def test_every_change_stands_in_the_audit_log(app, admin):
    body = {"name": "li.na", "password": PASSWORD, "roles": ["reviewer"]}
    admin.post("/v1/users", json=body)
    admin.request("PATCH", "/v1/users/li.na", json={"disabled": True})
    key = admin.post("/v1/keys", json={"name": "wecom", "roles": ["bot"]}).json()
    admin.request("DELETE", f"/v1/keys/{key['id']}")
    me = admin.get("/v1/session").json()["name"]
    log = admin.get(f"/v1/audit?actor={me}")
    verbs = [row["verb"] for row in log.json()["entries"]]
    assert verbs == ["key.revoke", "key.add", "user.change", "user.add", "session.open"]
    assert PASSWORD not in log.text
    assert "$argon2" not in log.text
    assert key["key"] not in log.text
    assert admin.get("/v1/audit/verify").json()["ok"]


@pytest.fixture
def run(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_DATABASE", database_url)
    monkeypatch.setenv("MODERATION_DATA_DIR", str(tmp_path / "var"))

    def _run(line: str, code: int = 0, **given):
        result = CliRunner().invoke(cli.app, line.split(), **given)
        shown = result.exception if isinstance(result.exception, storage.AccountError) else ""
        assert result.exit_code == code, f"{result.output}{shown}"
        return result

    return _run


def _signs_in(url: str, name: str, password: str = PASSWORD) -> bool:
    database = Database(url)
    try:
        signin.sign_in(database, accounts.now(), name, password)
    except signin.SignInError:
        return False
    finally:
        database.close()
    return True


def test_the_first_admin_is_made_by_command(run, database_url):
    line = "users add root --role admin --role reviewer --member-id u-1 --password-stdin --json"
    made = json.loads(run(line, input=f"{PASSWORD}\n").stdout)
    assert made == {
        **{"name": "root", "roles": ["admin", "reviewer"], "member_id": "u-1"},
        "disabled": False,
    }
    assert _signs_in(database_url, "root")
    assert json.loads(run("users list --json").stdout) == [made]
    assert "reviewer" in run("users list").stdout


def test_a_password_is_asked_for_without_echo(run, database_url):
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    shown = run("users add root --role admin", input=typed)
    assert PASSWORD not in shown.output
    assert _signs_in(database_url, "root")
    typed = f"{OTHER_PASSWORD}\n{OTHER_PASSWORD}\n"
    run("users change root --ask-password", input=typed)
    assert _signs_in(database_url, "root", OTHER_PASSWORD)


def test_users_are_changed_by_command(run, database_url):
    for name in ("root", "li.na"):
        run(f"users add {name} --role admin --password-stdin", input=PASSWORD)
    run("users change li.na --role analyst --role approver")
    assert "disabled" in run("users change li.na --disable").stdout
    assert not _signs_in(database_url, "li.na")
    run("users change li.na --enable")
    assert _signs_in(database_url, "li.na")
    run("users change li.na --password-stdin", input=OTHER_PASSWORD)
    assert _signs_in(database_url, "li.na", OTHER_PASSWORD)


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("users add li.na --role reviewer --password-stdin", "too short\n"),
        ("users add li.na --role reviewer --password-stdin", ""),
        ("users add li/na --role reviewer --password-stdin", PASSWORD),
        ("users add li.na --role boss --password-stdin", PASSWORD),
        ("users add li.na --password-stdin", PASSWORD),
        ("users change root", ""),
        ("keys add wecom", ""),
        ("keys add we/com --role bot", ""),
        ("keys revoke 0", ""),
    ],
)
def test_a_command_that_is_wrong(run, line, typed):
    run("users add root --role admin --password-stdin", input=PASSWORD)
    run(line, code=2, input=typed)
    assert len(json.loads(run("users list --json").stdout)) == 1


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("users add root --role reviewer --password-stdin", "taken"),
        ("users add ledger --role reviewer --password-stdin", "taken"),
        ("users change nobody --disable", "no user 'nobody'"),
        ("users change root --disable", "last admin"),
        ("users change root --role reviewer", "last admin"),
        ("keys add root --role bot", "taken"),
        ("keys revoke 7", "no key 7"),
    ],
)
def test_a_command_that_cannot_be_done(run, line, about, monkeypatch, capsys):
    run("users add root --role admin --password-stdin", input=PASSWORD)
    monkeypatch.setattr("sys.argv", ["moderation", *line.split()])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert about in capsys.readouterr().err


def test_keys_by_command(run, database_url):
    made = run("keys add wecom --role bot")
    key = made.stdout.strip()
    listed = json.loads(run("keys list --json").stdout)
    assert [one["roles"] for one in listed] == [["bot"]]
    assert key.startswith(listed[0]["head"])
    assert key not in run("keys list").output
    second = json.loads(run("keys add wecom --role analyst --json").stdout)
    run(f"keys revoke {listed[0]['id']}")
    database = Database(database_url)
    with database.read() as connection:
        assert storage.principal_of_key(connection, key) is None
        found = storage.principal_of_key(connection, second["key"])
    database.close()
    assert found is not None
    assert found.roles == {Role.ANALYST}
    assert "revoked" in run("keys list").stdout

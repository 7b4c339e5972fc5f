"""`/admin`: users, keys, what is set, the audit log and its verification, health."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query
from fastapi.responses import Response
from pydantic import ValidationError

from service.accountforms import NewKey, NewUser, UserChange
from service.pages.shell import Visit, in_thread, page, redirect
from service.pages.words import SETTINGS
from service.rights import Right, Role
from service.signin import HASHER, MIN_PASSWORD
from service.storage import accounts, audit

router = APIRouter(prefix="/admin", include_in_schema=False)
Admin = Annotated[Visit, page(Right.ACCOUNTS)]
Auditor = Annotated[Visit, page(Right.SEE_AUDIT)]
Roles = Annotated[list[Role], Form()]
HIDDEN = ("api_key", "secret", "webhook_secret", "database")
"""Settings of which the page only says whether they are set."""
ROWS = 100


@router.get("")
async def users(visit: Admin) -> Response:
    """Show the users, and the form to add one."""
    return await _users(visit)


@router.post("/users")
async def add_user(
    visit: Admin,
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    role: Roles = [],  # noqa: B006
    member_id: Annotated[str, Form()] = "",
) -> Response:
    """Add a user."""
    try:
        form = NewUser(
            name=name.strip(), password=password, roles=frozenset(role), member_id=member_id or None
        )
    except ValidationError:
        problem = f"请填写用户名（字母、数字、汉字、. _ @ -）、至少 {MIN_PASSWORD} 个字符的密码，并选角色。"
        return await _users(visit, problem)

    def work(connection: Any, at: datetime) -> None:
        if accounts.user(connection, form.name) is not None:
            raise accounts.AccountError("taken")
        accounts.put_user(
            connection,
            at,
            visit.who.name,
            form.name,
            password=HASHER.hash(form.password),
            roles=form.roles,
            member_id=form.member_id,
        )

    return await _changed(visit, work, _users, "这个名字已经有人用了。")


@router.post("/users/{name}")
async def change_user(
    visit: Admin,
    name: str,
    role: Roles = [],  # noqa: B006
    member_id: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    disabled: Annotated[bool, Form()] = False,
) -> Response:
    """Change roles, roster id, password or whether the user may sign in."""
    try:
        form = UserChange(
            roles=frozenset(role),
            member_id=member_id,
            password=password or None,
            disabled=disabled,
        )
    except ValidationError:
        return await _users(visit, f"至少选一个角色；新密码至少 {MIN_PASSWORD} 个字符。")
    given = form.model_dump(exclude_none=True)
    if form.password is not None:
        given["password"] = HASHER.hash(form.password)

    def work(connection: Any, at: datetime) -> None:
        accounts.known_user(connection, name)
        accounts.put_user(connection, at, visit.who.name, name, **given)

    return await _changed(visit, work, _users, "没有这个用户，或者他是最后一位管理员。")


@router.get("/keys")
async def keys(visit: Admin) -> Response:
    """Show the keys."""
    return await _keys(visit)


@router.post("/keys")
async def add_key(
    visit: Admin,
    name: Annotated[str, Form()],
    role: Roles = [],  # noqa: B006
) -> Response:
    """Make a key and show it this once."""
    try:
        form = NewKey(name=name.strip(), roles=frozenset(role))
    except ValidationError:
        return await _keys(visit, problem="请填写名称并选至少一个角色。")
    token = accounts.new_key()

    def work() -> str | None:
        with visit.state.database.write() as connection:
            accounts.add_key(
                connection, datetime.now(UTC), visit.who.name, form.name, form.roles, token
            )
        return token

    try:
        await in_thread(work)
    except accounts.AccountError:
        return await _keys(visit, problem="这个名字已经有人用了。")
    return await _keys(visit, made=token)


@router.post("/keys/{number}/revoke")
async def revoke_key(visit: Admin, number: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
    """Make a key worthless at once."""

    def work(connection: Any, at: datetime) -> None:
        accounts.revoke_key(connection, at, visit.who.name, number)
        visit.state.gate.forget()

    return await _changed(visit, work, _keys, "没有这把有效的密钥。")


@router.get("/audit")
async def audit_log(
    visit: Auditor,
    actor: Annotated[str, Query(max_length=200)] = "",
    verb: Annotated[str, Query(max_length=200)] = "",
    subject: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """Show changes, newest first."""

    def look() -> list[Any]:
        with visit.state.database.read() as connection:
            return list(
                audit.listed(
                    connection,
                    actor=actor or None,
                    verb=verb or None,
                    subject=subject or None,
                    since=None,
                    before=before,
                    limit=ROWS + 1,
                )
            )

    rows = await in_thread(look)
    return visit.show(
        "admin_audit.html",
        rows=rows[:ROWS],
        next=rows[ROWS - 1].number if len(rows) > ROWS else None,
        given={"actor": actor, "verb": verb, "subject": subject},
        verified=None,
    )


@router.post("/audit")
async def verify(visit: Auditor) -> Response:
    """Walk the whole chain and say whether it holds."""

    def look() -> tuple[list[Any], audit.Verified]:
        with visit.state.database.read() as connection:
            rows = audit.listed(
                connection, actor=None, verb=None, subject=None, since=None, before=None, limit=ROWS
            )
            return list(rows), audit.verify(connection)

    rows, verified = await in_thread(look)
    given = {"actor": "", "verb": "", "subject": ""}
    return visit.show("admin_audit.html", rows=rows, next=None, given=given, verified=verified)


@router.get("/settings")
async def settings(visit: Admin) -> Response:
    """Show what is set and what it means; settings are changed in the environment."""
    own = visit.state.settings
    shown = [
        {
            "name": f"MODERATION_{name.upper()}",
            "about": SETTINGS.get(name, field.description),
            "value": ("已设置" if getattr(own, name) else "未设置")
            if name in HIDDEN
            else getattr(own, name),
        }
        for name, field in type(own).model_fields.items()
    ]
    moderator = visit.state.moderator
    health = {
        "模型": moderator.model.version,
        "制度": len(moderator.policies),
        "词条": len(moderator.lexicon.current().terms),
        "词库问题": moderator.lexicon.problem or "没有",
        "数据库": "SQLite" if visit.state.database.is_sqlite else "PostgreSQL",
        "表版本": await in_thread(visit.state.database.version),
    }
    return visit.show("admin_settings.html", shown=shown, health=health)


Show = Callable[..., Any]


async def _changed(
    visit: Visit, work: Callable[[Any, datetime], None], show: Show, refused: str
) -> Response:
    """Do a change in one transaction and lead back, or say why not."""

    def write() -> None:
        with visit.state.database.write() as connection:
            work(connection, datetime.now(UTC))

    try:
        await in_thread(write)
    except accounts.AccountError:
        answer: Response = await show(visit, refused)
        return answer
    return redirect("/admin/keys" if show is _keys else "/admin")


async def _users(visit: Visit, problem: str | None = None) -> Response:
    def look() -> list[accounts.User]:
        with visit.state.database.read() as connection:
            return accounts.all_users(connection)

    found = await in_thread(look)
    status = 409 if problem else 200
    return visit.show("admin_users.html", status, users=found, roles=list(Role), problem=problem)


async def _keys(visit: Visit, problem: str | None = None, made: str | None = None) -> Response:
    def look() -> list[accounts.Key]:
        with visit.state.database.read() as connection:
            return accounts.all_keys(connection)

    found = await in_thread(look)
    return visit.show(
        "admin_keys.html",
        409 if problem else 200,
        keys=found,
        roles=list(Role),
        problem=problem,
        made=made,
    )

"""Notices: who may approve, what follows when the ledger changes, numbers without gaps; over HTTP too."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from service.cases import Verb
from service.notices import NoticeError, NoticeState
from service.rights import Role
from service.storage import actions, roster
from service.storage.audit import verify
from service.storage.noticebook import UnknownNoticeError
from tests import accounts
from tests.office import APPROVER, REVIEWER, START, ZONE, Office
from tests.support import Api


@pytest.fixture
def office(database) -> Office:
    return Office(database)


def known(office: Office) -> None:
    """Let the roster know the group and its people."""
    with office.database.write() as connection:
        at = START
        group = roster.Group("g-1", "一车间群", owner="u-8", admin="u-9")
        roster.put_groups(connection, at, "test", [group], at)
        member = roster.Member("g-1", "u-1", nickname="小王", supervisor="u-9")
        roster.put_members(connection, at, "test", [member], at)
        people = [
            roster.Person("u-1", "王小明", "一车间"),
            roster.Person("u-9", "李班长", "一车间"),
        ]
        roster.put_people(connection, at, "test", people)


def pending(office: Office) -> list[str]:
    with office.database.read() as connection:
        return [row.kind for row in actions.listed(connection, actions.PENDING, 100)]


def test_a_confirmed_case_has_a_draft_with_its_facts(office):
    known(office)
    view = office.notice(office.confirmed(text="代开发票，电话 12800001111", hidden="12800001111"))
    assert (view.state, view.number, str(view.amount)) == (NoticeState.DRAFT, None, "20.00")
    assert view.facts.sender.name == "王小明"
    assert view.facts.sender.nickname == "小王"
    assert view.facts.group_name == "一车间群"
    assert view.facts.labels == ("illicit_ad",)
    assert [one.person.name for one in view.liable] == ["王小明"]
    assert view.articles[0]["article"] == "19"


def test_private_parts_of_the_quotation_are_masked(office):
    case_id = office.flag(
        "personal_data", text="王某电话 12800001111", hidden="12800001111", policy="division"
    )
    office.confirm(case_id)
    assert office.notices(case_id)[0].facts.quotation == "王某电话 1•••••••••1"


def test_so_are_numbers_that_no_pattern_knows(office):
    text = "王某的身份证是 110101199003078871"  # its check digit is wrong
    case_id = office.flag("personal_data", text=text, policy="division")
    office.confirm(case_id)
    assert office.notices(case_id)[0].facts.quotation == f"王某的身份证是 1{'•' * 16}1"


def test_a_second_person_approves(office):
    notice_id = office.confirmed()
    with pytest.raises(NoticeError, match="another person"):
        office.approve(notice_id, by=REVIEWER)
    office.approve(notice_id)
    with pytest.raises(NoticeError, match="not draft"):
        office.approve(notice_id)


def test_nobody_approves_a_notice_on_himself(office):
    accounts.add_user(office.database, "wang", Role.APPROVER, member_id="u-1")
    notice_id = office.confirmed()
    with pytest.raises(NoticeError, match="on himself"):
        office.approve(notice_id, by="wang")


def test_an_open_fine_needs_its_amount(office):
    first = office.flag("insult", policy="factory")
    office.confirm(first)
    assert not office.notices(first), "a reminder is given without a notice"
    second = office.flag("insult", policy="factory")
    office.confirm(second)
    (draft,) = office.notices(second)
    assert (draft.kind, draft.amount) == ("fine", None)
    with pytest.raises(NoticeError, match="amount"):
        office.approve(draft.id)
    office.step(second, Verb.AMOUNT, amount=Decimal("35.50"))
    office.approve(draft.id)
    assert str(office.notice(draft.id).amount) == "35.50"


def test_only_an_approved_notice_is_published_and_only_once(office):
    notice_id = office.confirmed()
    with pytest.raises(NoticeError):
        office.publish(notice_id)
    office.approve(notice_id)
    assert office.publish(notice_id) == "2026-0001"
    with pytest.raises(NoticeError):
        office.publish(notice_id)


def test_a_draft_follows_the_ledger(office):
    """Under `shenzhen` the second ad asks for removal; with the first overturned, for a warning."""
    first, second = (office.flag("commercial_ad", policy="shenzhen") for _ in range(2))
    office.confirm(first)
    office.confirm(second)
    assert [office.notices(one)[0].kind for one in (first, second)] == ["warning", "removal"]
    office.overturn(first)
    assert office.notices(first)[0].state is NoticeState.WITHDRAWN
    assert office.notices(second)[0].kind == "warning"


def test_an_approved_notice_falls_back_to_draft(office):
    first, second = (office.flag("commercial_ad", policy="shenzhen") for _ in range(2))
    office.confirm(first)
    office.confirm(second)
    notice_id = office.notices(second)[0].id
    office.approve(notice_id)
    office.overturn(first)
    view = office.notice(notice_id)
    assert (view.state, view.kind, view.changed) == (NoticeState.DRAFT, "warning", True)
    assert view.approved.by is None


def test_a_published_notice_is_marked_and_replaced_after_its_withdrawal(office):
    first, second = (office.flag("commercial_ad", policy="shenzhen") for _ in range(2))
    office.confirm(first)
    office.confirm(second)
    notice_id = office.notices(second)[0].id
    office.approve(notice_id)
    office.publish(notice_id)
    assert "removal" in pending(office)
    office.overturn(first)
    marked = office.notice(notice_id)
    assert (marked.state, marked.changed, marked.kind) == (NoticeState.PUBLISHED, True, "removal")
    assert [view.id for view in office.notices(changed=True, state=NoticeState.PUBLISHED)] == [
        notice_id
    ]
    office.withdraw(notice_id, "首次违规经申诉撤销")
    new, old = office.notices(second)
    assert (old.state, old.reason) == (NoticeState.WITHDRAWN, "首次违规经申诉撤销")
    assert (new.state, new.kind, new.number) == (NoticeState.DRAFT, "warning", None)
    assert "removal" not in pending(office)


def test_a_notice_withdrawn_by_a_person_does_not_come_back(office):
    case_id = office.flag()
    office.confirm(case_id)
    office.withdraw(office.notices(case_id)[0].id, "口头教育即可")
    other = office.flag()
    office.confirm(other)
    assert [view.state for view in office.notices(case_id)] == [NoticeState.WITHDRAWN]
    with pytest.raises(NoticeError, match="already"):
        office.withdraw(office.notices(case_id)[0].id)


def test_unknown_notice(office):
    with pytest.raises(UnknownNoticeError):
        office.notice(77)
    with pytest.raises(UnknownNoticeError):
        office.approve(77)


def test_numbers_have_no_gap_when_many_publish_at_once(office):
    ids = [office.confirmed(sender_id=f"u-{number}") for number in range(24)]
    for notice_id in ids[:20]:
        office.approve(notice_id)

    def publish(notice_id: int) -> str | None:
        try:
            return office.publish(notice_id)
        except NoticeError:
            return None

    with ThreadPoolExecutor(8) as threads:  # drafts and repeats among them take no number
        numbers = list(threads.map(publish, [*ids, *ids[:10]]))
    given = sorted(number for number in numbers if number)
    assert given == [f"2026-{number:04d}" for number in range(1, 21)]
    with office.database.read() as connection:
        assert verify(connection).problem is None


def test_the_year_of_a_number_is_that_of_the_firm(office):
    first, second = office.confirmed(), office.confirmed()
    office.approve(first)
    office.approve(second)
    office.clock = datetime(2026, 12, 31, 15, 50, tzinfo=UTC)
    assert office.publish(first) == "2026-0001"
    office.clock = datetime(2026, 12, 31, 16, 10, tzinfo=UTC)
    assert office.publish(second) == "2027-0001"
    assert ZONE.key == "Asia/Shanghai"


def test_lists_by_person_and_month(office):
    known(office)
    mine = office.published()
    wider = office.published("business_secret", policy="division", sender_id="U-1")
    by_person = {one: [v.id for v in office.notices(person=one)] for one in ("u-1", "U-1", "u%")}
    assert by_person == {"u-1": [mine], "U-1": [wider], "u%": []}
    since, until = datetime(2026, 11, 1, tzinfo=ZONE), datetime(2026, 12, 1, tzinfo=ZONE)
    office.confirmed(sender_id="u-2")
    assert [v.id for v in office.notices(since=since, until=until)] == [wider, mine]
    assert not office.notices(since=until)


@pytest.fixture
def served(database_url, tmp_path, quiet_model) -> Iterator[tuple[Office, Api, Api]]:
    """Return an office, and clients of its service for an approver and a bot."""
    app = accounts.service(tmp_path, quiet_model, database=database_url, firm="测试公司")
    key = accounts.add_key(app.state.database, Role.APPROVER)
    yield Office(app.state.database), Api(app, key), Api(app)
    app.state.database.close()


def test_the_way_of_a_notice_over_http(served):
    office, api, _ = served
    notice_id = office.confirmed()
    url = f"/v1/notices/{notice_id}"
    assert api.get(url).json()["state"] == "draft"
    early = api.post(f"{url}/publish")
    assert (early.status_code, early.json()["title"]) == (409, "Conflict")
    assert api.post(f"{url}/approve").json()["state"] == "approved"
    published = api.post(f"{url}/publish").json()
    assert published["number"].endswith("-0001")
    assert published["approved"]["by"] == published["published"]["by"]
    for body in ({}, {"reason": " \n"}, {"reason": "a\0b"}, {"reason": "长" * 501}):
        answer = api.post(f"{url}/withdraw", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/reason"
    gone = api.post(f"{url}/withdraw", json={"reason": "申诉成立"}).json()
    assert (gone["state"], gone["reason"]) == ("withdrawn", "申诉成立")
    assert api.post(f"{url}/withdraw", json={"reason": "再次"}).status_code == 409


def test_pages_of_notices_over_http(served):
    office, api, _ = served
    ids = [office.confirmed(sender_id=f"u-{number}") for number in range(5)]
    seen, before = [], None
    while True:
        params = {"limit": 2} | ({"before": before} if before else {})
        page = api.get("/v1/notices", params=params).json()
        seen += [one["id"] for one in page["notices"]]
        before = page["next"]
        if before is None:
            break
    assert seen == ids[::-1]
    assert not api.get("/v1/notices", params={"state": "published"}).json()["notices"]
    assert api.get("/v1/notices", params={"person": "u-3"}).json()["notices"][0]["id"] == ids[3]
    assert api.get("/v1/notices", params={"month": "2026-13"}).status_code == 422


@pytest.mark.parametrize("method", ["approve", "publish", "withdraw"])
def test_what_does_not_exist_is_not_found(served, method):
    _, api, _ = served
    assert api.post(f"/v1/notices/9/{method}", json={"reason": "无"}).status_code == 404
    assert api.get("/v1/notices/9").status_code == 404
    assert api.get("/v1/notices/9/document").status_code == 404
    assert api.get(f"/v1/notices/{2**63}").status_code == 422


def test_the_bot_fetches_and_acknowledges(served):
    office, people, bot = served
    office.published("commercial_ad", policy="shenzhen")
    (given,) = bot.get("/v1/actions").json()["actions"]
    assert (given["kind"], given["member_id"], given["state"]) == ("warning", "u-1", "pending")
    assert "2026-0001" in given["text"]
    url = f"/v1/actions/{given['id']}"
    assert people.post(f"{url}/revive").status_code == 409
    for _ in range(2):
        assert bot.post(f"{url}/acknowledge").json()["state"] == "acknowledged"
    assert bot.get("/v1/actions").json() == {"actions": [], "next": None}
    assert bot.post("/v1/actions/99/acknowledge").status_code == 404
    assert people.post("/v1/actions/99/revive").status_code == 404


def removed(office: Office) -> int:
    """Return a published notice of removal."""
    return office.published("incitement", policy="shenzhen")


def test_a_removal_carried_out_is_undone_when_its_notice_is_withdrawn(served):
    office, _, bot = served
    notice_id = removed(office)
    (given,) = bot.get("/v1/actions").json()["actions"]
    bot.post(f"/v1/actions/{given['id']}/acknowledge")
    office.withdraw(notice_id)
    assert pending(office) == ["restore"]


def test_a_removal_cancelled_in_the_bots_hands_is_undone(served):
    office, _, bot = served
    notice_id = removed(office)
    (given,) = bot.get("/v1/actions").json()["actions"]
    office.withdraw(notice_id)
    assert pending(office) == []
    for _ in range(2):
        assert bot.post(f"/v1/actions/{given['id']}/acknowledge").status_code == 200
    assert pending(office) == ["restore"]
    assert office.notice(notice_id).approved.by == APPROVER

"""From verdict to penalty, over HTTP and on both databases; the law of the ledger by random histories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from moderation.errors import ModerationError
from moderation.policyfiles import PolicyBook
from moderation.types import SenderRole
from service import ledger
from service.cases import Appeal, Case, Step, Verb, fold
from service.ledger import AmountError, Breach
from service.notices import needs_notice
from service.storage import actions, audit, casequery, noticebook, roster
from service.storage.casebook import Casebook
from service.storage.intake import Intake
from service.storage.schema import actions as action_table
from service.storage.schema import cases, entries, notices
from service.storage.snapshots import Snapshots
from tests.firm import AD, START, Firm, get
from tests.office import APPROVER, OTHER, REVIEWER, Office

FLOOD = "哈" * 40
INSULT = "弄死你，要你狗命"


@pytest.fixture
def firm(tmp_path, quiet_model, database_url) -> Iterator[Firm]:
    firm = Firm(tmp_path, quiet_model, database_url)
    yield firm
    firm.close()


def penalty(case: dict) -> tuple[str, int]:
    return case["entry"]["penalty"]["kind"], case["entry"]["penalty"]["occurrence"]


def test_an_overturned_first_case_makes_the_second_a_warning_again(firm):
    first, second = firm.confirmed(), firm.confirmed()
    assert penalty(firm.case(first)) == ("warning", 1)
    assert penalty(firm.case(second)) == ("removal", 2)
    notice = firm.publish(second)
    assert (notice["kind"], notice["state"], notice["changed"]) == ("removal", "published", False)

    firm.overturn(first)

    assert firm.case(first)["state"] == "rejected"
    assert firm.case(first)["entry"] is None
    assert [one["state"] for one in firm.case(first)["notices"]] == ["withdrawn"]
    assert penalty(firm.case(second)) == ("warning", 1)
    (notice,) = firm.case(second)["notices"]
    assert (notice["kind"], notice["state"], notice["changed"]) == ("removal", "published", True)
    assert [one["case_id"] for one in get(firm.li, "/v1/members/u-1/record")["entries"]] == [second]


def test_a_draft_follows_the_ledger_and_is_marked(firm):
    first, second = firm.confirmed(), firm.confirmed()
    firm.overturn(first)
    (notice,) = firm.case(second)["notices"]
    assert (notice["kind"], notice["state"], notice["changed"]) == ("warning", "draft", True)


def test_a_draft_that_was_taken_back_stays_away(firm):
    first, second = firm.confirmed(), firm.confirmed()
    firm.overturn(first)
    notice = firm.case(second)["notices"][0]
    withdrawn = firm.zhao.post(f"/v1/notices/{notice['id']}/withdraw", json={"reason": "口头教育"})
    assert withdrawn.status_code == 200, withdrawn.text
    firm.confirmed()
    assert [one["state"] for one in firm.case(second)["notices"]] == ["withdrawn"]


def test_the_next_proposal_counts_confirmed_cases_alone(firm):
    def proposed() -> tuple[str, int]:
        found = firm.classify()["penalty"]
        return found["kind"], found["occurrence"]

    first = firm.flag()
    assert proposed() == ("warning", 1)
    firm.confirm(first)
    assert proposed() == ("removal", 2)
    assert firm.classify(sender_id="u-2")["penalty"]["kind"] == "warning"
    firm.do(firm.li, first, "undo")
    assert proposed() == ("warning", 1)


def test_the_factory_reminds_first_and_fines_by_hand_then(firm):
    first = firm.confirmed(policy="factory")
    assert penalty(firm.case(first)) == ("reminder", 1)
    assert firm.case(first)["notices"] == []
    (told,) = get(firm.bot, "/v1/actions")["actions"]
    assert (told["kind"], told["case_id"], told["member_id"]) == ("reminder", first, "u-1")

    second = firm.confirmed(policy="factory")
    entry = firm.case(second)["entry"]
    assert (entry["penalty"]["kind"], entry["penalty"]["amount"]) == ("fine", None)
    assert entry["amount"] is None
    notice = firm.case(second)["notices"][0]
    refused = firm.zhao.post(f"/v1/notices/{notice['id']}/approve")
    assert refused.status_code == 409
    assert "amount" in refused.json()["detail"]
    after = firm.do(firm.li, second, "amount", amount="80.00")
    assert after["entry"]["amount"] == "80.00"
    assert firm.publish(second)["amount"] == "80.00"


def test_a_reminder_that_lost_its_reason_is_taken_back(firm):
    first = firm.confirmed(policy="factory")
    firm.do(firm.li, first, "undo")
    assert get(firm.bot, "/v1/actions")["actions"] == []


def test_a_range_is_bounded(firm):
    case_id = firm.flag(FLOOD, policy="suzhou-2017")
    firm.do(firm.li, case_id, "claim")
    for wrong in ("19.99", "100.01"):
        problem = firm.do(firm.li, case_id, "confirm", 422, amount=wrong)
        assert problem["errors"][0]["pointer"] == "/amount"
        assert "20.00 to 100.00" in problem["errors"][0]["detail"]
    assert firm.case(case_id)["state"] == "claimed"
    assert firm.do(firm.li, case_id, "confirm", amount="60.00")["entry"]["amount"] == "60.00"


def test_a_fixed_sum_needs_no_typing_and_allows_no_other(firm):
    case_id = firm.flag(policy="suzhou-2017")
    firm.do(firm.li, case_id, "claim")
    firm.do(firm.li, case_id, "confirm", 422, amount="30.00")
    assert firm.do(firm.li, case_id, "confirm")["entry"]["amount"] == "20.00"


def test_where_there_is_no_fine_there_is_no_sum(firm):
    case_id = firm.flag()
    firm.do(firm.li, case_id, "claim")
    problem = firm.do(firm.li, case_id, "confirm", 422, amount="20.00")
    assert "no fine" in problem["detail"]


def test_a_customer_gets_no_penalty_and_no_notice(firm):
    case_id = firm.confirmed(policy="bank-customer", sender_role="customer")
    case = firm.case(case_id)
    assert case["entry"]["penalty"] is None
    assert case["entry"]["articles"]
    assert case["notices"] == []


def test_the_liable_are_those_of_the_time_of_the_message(firm):
    def member(supervisor: str) -> roster.Member:
        return roster.Member("g-1", "u-1", "小赵", SenderRole.STAFF, supervisor)

    with firm.database.write() as connection:
        for day, owner, boss in ((0, "old-owner", "old-boss"), (10, "new-owner", "new-boss")):
            since = START + timedelta(days=day)
            group = roster.Group("g-1", "一车间", owner=owner)
            roster.put_groups(connection, START, "test", [group], since)
            roster.put_members(connection, START, "test", [member(boss)], since)
    for day, owner, boss in ((5, "old-owner", "old-boss"), (11, "new-owner", "new-boss")):
        sent_at = (START + timedelta(days=day)).isoformat()
        case_id = firm.flag(sent_at=sent_at, policy="factory", sender_id="u-1")
        shown = get(firm.li, f"/v1/cases/{case_id}/preview")
        assert shown["liable"] == [{"party": "sender", "member_id": "u-1"}]
        assert shown["duty"] == [
            {"party": "supervisor", "member_id": boss},
            {"party": "group_owner", "member_id": owner},
        ]
        assert firm.confirm(case_id)["entry"]["duty"] == shown["duty"]


def test_a_preview_is_what_confirming_gives(firm):
    firm.confirmed()
    case_id = firm.flag()
    before = get(firm.li, f"/v1/cases/{case_id}/preview")
    assert (before["penalty"]["kind"], before["occurrences"]) == ("removal", {"2.5.1": 2})
    other = get(firm.li, f"/v1/cases/{case_id}/preview", label=["insult", "credential"])
    assert [article["article"] for article in other["articles"]] == [
        "2.2.3",
        "2.2.4",
        "2.6.1",
        "2.6.2",
    ]
    assert firm.case(case_id)["state"] == "open"
    assert firm.confirm(case_id)["entry"] == before


def test_a_sample_of_verdicts_goes_to_another_reviewer(tmp_path, quiet_model, database_url):
    firm = Firm(tmp_path, quiet_model, database_url, opinion_rate=1.0)
    one, two, rejected = firm.confirmed(), firm.confirmed(), firm.flag(INSULT)
    firm.do(firm.li, rejected, "claim")
    firm.do(firm.li, rejected, "reject")
    assert set(firm.cases(opinion_wanted=True)) == {one, two}
    assert get(firm.li, "/v1/agreement")["awaited"] == 2
    firm.do(firm.li, one, "opinion", 409, labels=["illicit_ad"])
    firm.do(firm.wang, one, "opinion", labels=["illicit_ad"])
    firm.do(firm.wang, two, "opinion", labels=[], text="正常业务")
    expected = {
        "opinions": 2,
        "same_labels": 1,
        "same_verdict": 1,
        "share": 0.5,
        "awaited": 0,
    }
    assert get(firm.li, "/v1/agreement") == expected
    firm.overturn(one)  # what the opinion was on does not change any more
    assert get(firm.li, "/v1/agreement") == expected
    firm.close()


def test_without_a_sample_nobody_is_asked(tmp_path, quiet_model, database_url):
    firm = Firm(tmp_path, quiet_model, database_url, opinion_rate=0.0)
    firm.confirmed()
    assert get(firm.li, "/v1/agreement")["awaited"] == 0
    assert get(firm.li, "/v1/agreement")["share"] is None
    firm.close()


BOOK = PolicyBook.load()
_persons = count(1)
KINDS = (
    ("shenzhen", "illicit_ad"),
    ("shenzhen", "commercial_ad"),
    ("factory", "illicit_ad"),
    ("suzhou-2017", "insult"),
)
OPERATIONS = {
    "confirm": ("claim", "confirm"),
    "confirm with a sum": ("claim", "typed"),
    "reject": ("claim", "reject"),
    "relabel": ("claim", "relabel"),
    "uphold": ("appeal", "upheld"),
    "overturn": ("appeal", "overturned"),
    "publish": ("approve", "publish"),
    **{name: (name,) for name in ("claim", "release", "undo", "appeal", "overturned", "reopen")},
    **{name: (name,) for name in ("amount", "approve", "withdraw", "opinion")},
}
SUMS = {"typed": Decimal("50.00"), "amount": Decimal("90.00")}


def operate(office: Office, case_id: str, operation: str, by: str) -> None:
    """Do something to a case or its notice, as far as it is allowed."""
    for name in OPERATIONS[operation]:
        with suppress(ModerationError):
            _operate(office, case_id, name, by)


def _operate(office: Office, case_id: str, name: str, by: str) -> None:
    if name in ("approve", "publish", "withdraw"):
        for shown in office.notices(case_id)[:1]:
            getattr(office, name)(shown.id)
    elif name in ("upheld", "overturned"):
        office.step(case_id, Verb.DECIDE_APPEAL, OTHER, outcome=Appeal(name))
    else:
        verb = Verb.CONFIRM if name == "typed" else Verb(name)
        labels = ("insult", "porn") if verb in (Verb.RELABEL, Verb.OPINION) else ()
        office.step(case_id, verb, by, labels=labels, amount=SUMS.get(name), text="理由")


def computed(connection, ids: list[str]) -> dict[str, dict]:
    """Return the entries of cases as the ledger computes them afresh from their histories."""
    breaches, typed = [], {}
    for row in connection.execute(select(cases).where(cases.c.case_id.in_(ids))).all():
        steps = [
            Step(
                Verb(step["verb"]),
                step["by"],
                step["at"],
                tuple(step["detail"].get("labels", ())),
                Decimal(step["detail"]["amount"]) if "amount" in step["detail"] else None,
                step["detail"].get("text", ""),
                Appeal(step["detail"]["outcome"]) if "outcome" in step["detail"] else None,
            )
            for step in casequery.steps_and_notices(connection, row.case_id)[0]
        ]
        case = fold(Case(found=tuple(row.found)), steps)
        assert (case.state.value, list(case.labels), case.amount, case.decided_by) == (
            row.state,
            row.labels,
            row.amount,
            row.decided_by,
        )
        if case.is_breach:
            typed[row.case_id] = case.amount
            breaches.append(
                Breach(row.case_id, row.sender_id, BOOK[row.policy_id], case.labels, row.sent_at)
            )
    return {
        entry.breach.case_id: {
            "case_id": entry.breach.case_id,
            "person": entry.breach.person,
            "policy_id": entry.breach.policy.id,
            "at": entry.breach.at,
            "ruling": entry.ruling.to_dict(),
            "occurrences": entry.occurrences,
            "kind": entry.penalty.kind if entry.penalty else None,
            "amount": due(entry.penalty, typed[entry.breach.case_id]),
        }
        for entry in ledger.record(breaches)
    }


def due(asked, typed: Decimal | None) -> Decimal | None:
    try:
        return ledger.amount_due(asked, typed)
    except AmountError:
        return ledger.amount_due(asked, None)


def assert_notices_follow(connection, case_id: str, entry: dict | None) -> None:
    """A notice in force says what the ledger asks for, or is marked; without one nobody asks for it."""
    query = select(notices).where(notices.c.case_id == case_id).order_by(notices.c.id)
    found = connection.execute(query).all()
    asked = noticebook.penalty_of(entry["ruling"]["penalty"]) if entry and entry["kind"] else None
    amount = entry["amount"] if entry else None
    living = [one for one in found if one.state != "withdrawn"]
    assert len(living) <= 1
    for one in living:
        same = (noticebook.penalty_of(one.penalty), one.amount) == (asked, amount)
        assert one.changed == (not same) if one.state == "published" else same
    if not living and needs_notice(asked):
        assert found[-1].withdrawn_by == APPROVER
    reminders = connection.execute(
        select(action_table.c.state).where(action_table.c.case_id == case_id, _REMINDER)
    ).scalars()
    pending = [state for state in reminders if state == actions.PENDING]
    assert len(pending) == (1 if asked is not None and asked.kind == "reminder" else 0)


_REMINDER = action_table.c.kind == "reminder"


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    flagged=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(KINDS), st.integers(0, 40)),
        min_size=2,
        max_size=5,
    ),
    done=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(sorted(OPERATIONS)),
            st.sampled_from([REVIEWER, REVIEWER, OTHER]),
        ),
        max_size=25,
    ),
)
def test_any_order_of_steps_gives_the_record_computed_afresh(database, flagged, done):
    office = Office(database)
    people = [f"person-{next(_persons)}", f"person-{next(_persons)}"]
    ids = [
        office.flag(
            label,
            message_id=None,
            sender_id=people[who],
            policy=policy,
            sent_at=START + timedelta(days=day),
        )
        for who, (policy, label), day in flagged
    ]
    for which, name, by in done:
        operate(office, ids[which % len(ids)], name, by)
    with database.read() as connection:
        expected = computed(connection, ids)
        stored = connection.execute(select(entries).where(entries.c.case_id.in_(ids))).all()
        assert {row.case_id: dict(row._mapping) for row in stored} == expected
        for case_id in ids:
            assert_notices_follow(connection, case_id, expected.get(case_id))
        assert audit.verify(connection).problem is None


def test_the_window_of_the_policy_is_respected_in_the_database(database, tmp_path):
    file = tmp_path / "window.toml"
    file.write_text(
        'id = "window"\ntitle = "三十天"\nwindow_days = 30\n[[article]]\narticle = "1"\n'
        'labels = ["illicit_ad"]\nsummary = "广告"\n'
        'ladder = [{ kind = "warning" }, { kind = "removal" }]\n',
        encoding="utf-8",
    )
    office, book = Office(database), PolicyBook.load(tmp_path)
    office.casebook = Casebook(Snapshots(book))
    office.intake = Intake(book, "window", b"k" * 32)
    found = []
    for day in (0, 30, 61):
        case_id = office.flag(policy="window", sent_at=START + timedelta(days=day), text=AD)
        office.confirm(case_id)
        with database.read() as connection:
            found.append(
                connection.execute(
                    select(entries.c.kind).where(entries.c.case_id == case_id)
                ).scalar_one()
            )
    assert found == ["warning", "removal", "warning"]

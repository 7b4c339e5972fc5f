"""Filters of the queue under names: each user's own, few, short, and nothing but filters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.rights import Role
from service.storage import accounts, filters
from service.storage.filters import MOST, FilterError, SavedFilter
from tests.firm import Firm
from tests.support import Api

QUERY = "label=illicit_ad&state=open"


@pytest.fixture
def firm(quiet_model, tmp_path, database_url):
    firm = Firm(tmp_path, quiet_model, database_url)
    yield firm
    firm.close()


def saved(firm: Firm, user: str = "li") -> dict[str, str]:
    with firm.database.read() as connection:
        return {one.name: one.query for one in filters.saved(connection, user)}


def keep(who: Api, name: str, query: str = QUERY, **headers: str):
    return who.post("/filters", data={"name": name, "query": query}, headers=headers)


def test_a_filter_is_kept_shown_and_removed_by_forms_alone(firm):
    kept = keep(firm.li, " 黑产 ")
    assert (kept.status_code, kept.headers["location"]) == (303, f"/cases?{QUERY}")
    assert saved(firm) == {"黑产": QUERY}
    link = f'<a href="/cases?{QUERY.replace("&", "&amp;")}"'
    assert f"{link}>黑产</a>" in firm.li.get("/cases").text
    assert f'{link} aria-current="page">黑产</a>' in firm.li.get(f"/cases?{QUERY}").text
    gone = firm.li.post("/filters/remove", data={"name": "黑产", "query": "state=open"})
    assert (gone.status_code, gone.headers["location"]) == (303, "/cases?state=open")
    assert saved(firm) == {}


def test_each_user_has_his_own(firm):
    keep(firm.li, "我的")
    keep(firm.wang, "我的", "label=chatter")
    assert saved(firm) == {"我的": QUERY}
    assert saved(firm, "wang") == {"我的": "label=chatter"}
    firm.wang.post("/filters/remove", data={"name": "我的"})
    assert saved(firm) == {"我的": QUERY}


def test_a_name_is_given_once(firm):
    keep(firm.li, "我的")
    keep(firm.li, "我的", "label=chatter")
    assert saved(firm) == {"我的": "label=chatter"}


def test_there_is_an_end_and_it_is_said(firm):
    for number in range(MOST):
        assert keep(firm.li, f"第 {number} 个").status_code == 303
    refused = keep(firm.li, "多一个")
    assert refused.status_code == 409
    assert f"最多保存 {MOST} 个" in refused.text
    part = keep(firm.li, "多一个", **{"hx-request": "true"})
    assert part.status_code == 200
    assert f"最多保存 {MOST} 个" in part.text
    assert keep(firm.li, "第 0 个", "label=chatter").status_code == 303
    assert len(saved(firm)) == MOST


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("", QUERY, 422),
        ("   ", QUERY, 422),
        ("长" * 31, QUERY, 422),
        ("我的", "x" * 1001, 422),
        ("我的", "state=nothing", 400),
        ("我的", "since=yesterday", 400),
    ],
)
def test_what_is_no_filter_is_refused(firm, name, query, status):
    assert keep(firm.li, name, query).status_code == status
    assert saved(firm) == {}


@pytest.mark.parametrize("query", ["cursor=c-1&state=open", "?state=open", "state=open&label="])
def test_only_what_narrows_the_queue_is_kept(firm, query):
    keep(firm.li, "我的", query)
    assert saved(firm) == {"我的": "state=open"}


def test_htmx_is_given_the_part_and_text_stays_text(firm):
    part = keep(firm.li, "<b>'\"", **{"hx-request": "true"})
    assert part.status_code == 200
    assert part.text.count('id="saved"') == 1
    assert "<html" not in part.text
    assert "<b>" not in part.text
    assert "&lt;b&gt;" in part.text


def test_who_may_not_see_cases_keeps_no_filter(firm):
    guest = Api(firm.app, None)
    assert keep(guest, "我的").headers["location"].startswith("/signin")
    del firm.li.headers["X-CSRF-Token"]
    assert keep(firm.li, "我的").status_code == 403
    assert saved(firm) == {}


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_table_is_a_dictionary_with_a_lid(database, monkeypatch, steps):
    monkeypatch.setattr(filters, "MOST", 5)
    model: dict[str, str] = {}
    with database.write() as connection:
        _user(connection)
        for number, (name, is_kept) in enumerate(steps):
            if not is_kept:
                filters.remove(connection, "li", name)
                model.pop(name, None)
            elif name in model or len(model) < 5:
                filters.put(connection, "li", SavedFilter(name, str(number)))
                model[name] = str(number)
            else:
                with pytest.raises(FilterError):
                    filters.put(connection, "li", SavedFilter(name, str(number)))
        found = {one.name: one.query for one in filters.saved(connection, "li")}
        for name in model:
            filters.remove(connection, "li", name)
    assert found == model


def _user(connection) -> None:
    if accounts.user(connection, "li") is None:
        now = datetime.now(UTC)
        accounts.put_user(connection, now, "test", "li", password="x", roles=[Role.REVIEWER])

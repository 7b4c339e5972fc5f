"""What each shipped policy makes of each label, asked of the command line and of the service.

The expectations in `cases/policies.json` are written out by hand from the policies themselves.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from moderation.taxonomy import taxonomy
from service.cli import app
from tests.support import Api, cases

BOOK = cases("policies")


def _all_cases() -> list[Any]:
    found = []
    for policy, facts in BOOK.items():
        singles = [
            {
                "about": label,
                "labels": [label],
                "uncovered": [] if expected["articles"] else [label],
            }
            | expected
            for label, expected in facts["labels"].items()
        ]
        for case in (*singles, *facts["cases"]):
            found.append(pytest.param(policy, case, id=f"{policy}: {case['about']}"))
    return found


def _expected(policy: str, case: dict[str, Any]) -> dict[str, Any]:
    occurrence = case.get("occurrence", 1)
    penalty = case["penalty"]
    if penalty is not None:
        told = BOOK[policy]["penalties"][penalty]
        penalty = told | {"occurrence": occurrence, "status": "proposed"}
    return {
        "articles": sorted(case["articles"]),
        "penalty": penalty,
        "uncovered": case.get("uncovered", []),
    }


def _told(ruling: dict[str, Any]) -> dict[str, Any]:
    names = [
        f"{article['article']} of {article['ban']}" if article["ban"] else article["article"]
        for article in ruling["articles"]
    ]
    return {
        "articles": sorted(names),
        "penalty": ruling["penalty"],
        "uncovered": ruling["uncovered"],
    }


def _by_command(policy: str, case: dict[str, Any]) -> dict[str, Any]:
    options = [
        f"--{name.replace('_', '-')}={case[name]}"
        for name in ("occurrence", "group_kind", "sender_role")
        if name in case
    ]
    asked = ["policy", "explain", policy, *case["labels"], *options, "--json"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _by_http(api: Api, policy: str, case: dict[str, Any]) -> dict[str, Any]:
    asked = [("label", label) for label in case["labels"]]
    asked += [
        (key, case[key]) for key in ("occurrence", "group_kind", "sender_role") if key in case
    ]
    response = api.get(f"/v1/policies/{policy}/explain", params=asked)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(("policy", "case"), _all_cases())
def test_command_line(policy, case):
    ruling = _by_command(policy, case)
    assert _told(ruling) == _expected(policy, case)
    assert ruling["policy"].startswith(f"{policy}@sha256:")


@pytest.mark.parametrize(("policy", "case"), _all_cases())
def test_http(api, policy, case):
    ruling = _by_http(api, policy, case)
    assert _told(ruling) == _expected(policy, case)
    assert all(article["summary"] for article in ruling["articles"])


def test_every_pair_is_expected():
    assert set(BOOK) == {"suzhou-2017", "shenzhen", "factory", "bank-customer", "division"}
    for facts in BOOK.values():
        assert set(facts["labels"]) == set(taxonomy().ids)


@pytest.mark.parametrize("policy", BOOK)
def test_all_labels_at_once_cite_what_each_cites(api, policy):
    ruling = _by_http(api, policy, {"labels": list(taxonomy().ids)})
    cited = {
        (
            f"{article['article']} of {article['ban']}" if article["ban"] else article["article"],
            label,
        )
        for article in ruling["articles"]
        for label in article["labels"]
    }
    expected = BOOK[policy]["labels"]
    assert cited == {(name, label) for label in expected for name in expected[label]["articles"]}
    assert set(ruling["uncovered"]) == {x for x in expected if not expected[x]["articles"]}


@pytest.mark.parametrize(
    ("policy", "article", "expected"),
    [
        ("suzhou-2017", "15", [("50.00", None, ["group_owner"])]),
        (
            "suzhou-2017",
            "17",
            [("10.00", "10.00", ["group_admin"]), ("20.00", "20.00", ["member"])],
        ),
        ("suzhou-2017", "18", [("20.00", "20.00", ["group_admin"])]),
        ("suzhou-2017", "20", [("50.00", None, ["group_admin"])]),
        ("suzhou-2017", "21", [("30.00", None, ["group_admin"])]),
        ("bank-customer", "4.4", [("50.00", "50.00", ["responder"])]),
    ],
)
def test_conduct_fines(api, policy, article, expected):
    shown = api.get(f"/v1/policies/{policy}").json()
    penalties = next(r["penalties"] for r in shown["conduct"] if r["article"] == article)
    assert [(p["amount"]["min"], p["amount"]["max"], p["liable"]) for p in penalties] == expected
    assert {p["kind"] for p in penalties} == {"fine"}


@pytest.mark.parametrize(
    ("policy", "article", "kind"),
    [
        ("shenzhen", "2.5.3", "removal"),
        ("shenzhen", "2.6", "discretionary"),
        ("shenzhen", "2.2.5", "discretionary"),
        ("bank-customer", "4.2", "fine"),
        ("bank-customer", "2.3", "none"),
        ("division", "3.3", "none"),
        ("division", "3.2", "none"),
        ("division", "2.1", "none"),
    ],
)
def test_conduct_without_an_amount(api, policy, article, kind):
    shown = api.get(f"/v1/policies/{policy}").json()
    penalties = next(r["penalties"] for r in shown["conduct"] if r["article"] == article)
    assert [(p["kind"], p["amount"]) for p in penalties] == [(kind, None)]

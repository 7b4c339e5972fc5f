"""Requests made up from the OpenAPI document: no 500, and no answer that the document does not tell of."""

from __future__ import annotations

from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from service.client import Asked, Client
from service.rights import Role
from service.rosterrows import GroupRow, MemberRow
from tests.processes import Firm
from tests.stress.size import EXAMPLES

FOUL = "诚信代开发嘌，加薇详谈{n}"
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def firm(database_url, quiet_model, tmp_path):
    with Firm(tmp_path, database_url, model=str(quiet_model), default_policy="shenzhen") as firm:
        yield firm


@pytest.fixture
def documented(firm):
    """The document of a service, and what there is to find in it: cases, a group, a notice."""
    service = firm.start()
    with Client(service.url, firm.key("first", *Role)) as client:
        client.import_roster(
            [GroupRow(group_id="g", name="群"), MemberRow(group_id="g", member_id="u")]
        )
        said = [Asked(FOUL.format(n=n), f"m{n}", "g", sender_id="u") for n in range(4)]
        ids = [client.classify(message).case_id for message in said]
        for case_id in ids[:2]:
            client.claim(case_id)
        client.confirm(ids[0])
    known = {"case_id": ids, "group_id": ["g"], "member_id": ["u"], "policy_id": ["shenzhen"]}
    known |= {name: [1] for name in ("notice_id", "action_id")}
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json"), known


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_documented(firm, documented, mode, subtests):
    document, known = documented
    for number, found in enumerate(document.get_all_operations()):
        operation = found.ok()
        key = firm.key(f"everybody-{number}", *Role)  # a new one: the one before may be revoked
        with subtests.test(operation.label), suppress(Unsatisfiable):  # nothing in it can be wrong
            _try(operation, mode, known, key)
    assert firm.log() == ""


def _try(operation, mode, known, key):
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    @settings(
        max_examples=EXAMPLES,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    def ask(case, data):
        case.path_parameters = {  # most requests are about something that is there
            name: data.draw(st.sampled_from([*known.get(name, ()), value]))
            for name, value in case.path_parameters.items()
        }
        case.call_and_validate(headers={"X-API-Key": key}, checks=CHECKS)

    ask()

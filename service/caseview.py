"""From stored cases to what is shown of them: private parts dotted, sums as text. For HTTP and commands alike."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from service.caseschemas import (
    CaseHead,
    CaseListOut,
    CaseOut,
    CaseState,
    CountsOut,
    EntryOut,
    RecordOut,
)
from service.masking import dotted
from service.storage.casequery import RECORD, Counts, Standing, Whole


def state(row: Any, standing: Standing | None) -> CaseState:
    """Return a case after a step."""
    return CaseState.model_validate(_head(row) | {"entry": standing and _entry(standing)})


def whole(found: Whole) -> CaseOut:
    """Return all that is known of a case."""
    row = found.row
    body = _head(row) | {
        "entry": found.standing and _entry(found.standing),
        "decision": row.decision,
        "group_kind": row.group_kind,
        "sender_role": row.sender_role,
        "lexicon": row.lexicon_version,
        "normalizer": row.normalizer_version,
        "counted": row.counted,
        "history": found.history,
        "notices": [_notice(one) for one in found.notices],
        "record": [_record_entry(one) for one in found.record[-RECORD:]],
        "around": [_head(one) for one in found.around],
    }
    return CaseOut.model_validate(body)


def page(rows: list[Any], limit: int, counts: Counts) -> CaseListOut:
    """Return a page of cases, given one more than it may hold if there is one."""
    shown = rows[:limit]
    return CaseListOut(
        cases=[CaseHead.model_validate(_head(row)) for row in shown],
        next=shown[-1].case_id if len(rows) > limit else None,
        counts=CountsOut(
            by_state=counts.by_state,
            appeal_open=counts.appeal_open,
            opinion_wanted=counts.opinion_wanted,
            sampled=counts.sampled,
        ),
    )


def entry(standing: Standing) -> EntryOut:
    """Return what the ledger says of a case."""
    return EntryOut.model_validate(_entry(standing))


def record(member_id: str, rows: Iterable[Any]) -> RecordOut:
    """Return a person's record."""
    body = {"member_id": member_id, "entries": [_record_entry(row) for row in rows]}
    return RecordOut.model_validate(body)


def _head(row: Any) -> dict[str, Any]:
    same = CaseHead.model_fields.keys() - {"policy", "text", "amount"}
    return {name: getattr(row, name) for name in same} | {
        "policy": row.policy_version,
        "text": dotted(row.text, row.decision),
        "amount": _money(row.amount),
    }


def _entry(standing: Standing) -> dict[str, Any]:
    return {
        **standing.ruling,
        "occurrences": standing.occurrences,
        "amount": _money(standing.amount),
        "liable": standing.liable,
        "duty": standing.duty,
    }


def _record_entry(row: Any) -> dict[str, Any]:
    return {
        **row.ruling,
        "case_id": row.case_id,
        "at": row.at,
        "occurrences": row.occurrences,
        "amount": _money(row.amount),
    }


def _notice(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "state": row.state,
        "kind": row.penalty["kind"],
        "amount": _money(row.amount),
        "changed": row.changed,
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"

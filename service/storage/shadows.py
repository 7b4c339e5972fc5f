"""What a challenger says beside the champion: counts per pair of versions, and the cases they differ on.

Of messages that passed only the counts are kept, never a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.storage.schema import cases, seen, shadow, shadow_cases

BOTH, GAINED, LOST = "both", "newly_flagged", "no_longer_flagged"
"""Who finds a label: both models, the challenger alone, the champion alone."""


@dataclass(slots=True)
class Tally:
    """Messages that both judged; `missed` came while the challenger could not follow.

    `actions` counts pairs of the champion's action and the challenger's, `labels` pairs of a label
    and who finds it. They agree where action and all labels are the same.
    """

    messages: int = 0
    agreed: int = 0
    missed: int = 0
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, old: tuple[str, set[str]], new: tuple[str, set[str]]) -> bool:
        """Count a message by action and labels of both; return whether they agree."""
        self.messages += 1
        self.agreed += old == new
        self.actions[old[0], new[0]] += 1
        for label in old[1] | new[1]:
            self.labels[label, _who(label in old[1], label in new[1])] += 1
        return old == new

    def add(self, other: Tally) -> None:
        """Add the counts of another tally."""
        self.messages += other.messages
        self.agreed += other.agreed
        self.missed += other.missed
        self.actions += other.actions
        self.labels += other.labels


@dataclass(frozen=True, slots=True)
class Difference:
    """A message on which they differ; None as its case where it has none that is known yet."""

    case_id: str | None
    message_key: int | None
    at: datetime
    action: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A tally of two versions and the time it spans."""

    champion: str
    challenger: str
    since: datetime
    until: datetime
    tally: Tally


def add(
    connection: Connection,
    now: datetime,
    versions: tuple[str, str],
    tally: Tally,
    differences: Sequence[Difference] = (),
) -> None:
    """Add a tally to what is known of champion and challenger, and the cases they differ on."""
    here = (shadow.c.champion == versions[0]) & (shadow.c.challenger == versions[1])
    ids = {"champion": versions[0], "challenger": versions[1]}
    row = connection.execute(select(shadow).where(here)).first()
    if row is None:
        connection.execute(insert(shadow), [ids | {"since": now, "until": now} | _stored(tally)])
    else:
        whole = _tally(row)
        whole.add(tally)
        connection.execute(update(shadow).where(here).values({"until": now} | _stored(whole)))
    _keep(connection, ids, differences)


def standings(connection: Connection, challenger: str | None = None) -> list[Standing]:
    """Return every comparison, or those of one challenger, the latest first."""
    query = select(shadow).order_by(shadow.c.until.desc(), shadow.c.champion, shadow.c.challenger)
    if challenger is not None:
        query = query.where(shadow.c.challenger == challenger)
    return [
        Standing(row.champion, row.challenger, row.since, row.until, _tally(row))
        for row in connection.execute(query)
    ]


def behind(connection: Connection, standing: Standing, limit: int) -> list[Row[Any]]:
    """Return the cases on which two versions differ, newest first, as they stand now."""
    query = (
        select(shadow_cases.c.action.label("new_action"))
        .add_columns(shadow_cases.c.old, shadow_cases.c.new, *cases.c)
        .join(cases, cases.c.case_id == shadow_cases.c.case_id)
        .where(
            shadow_cases.c.champion == standing.champion,
            shadow_cases.c.challenger == standing.challenger,
        )
        .order_by(shadow_cases.c.at.desc(), shadow_cases.c.case_id.desc())
        .limit(limit)
    )
    return list(connection.execute(query))


def _keep(connection: Connection, ids: dict[str, str], differences: Sequence[Difference]) -> None:
    """Keep the differences that have a case, each case once."""
    rows: dict[str, dict[str, Any]] = {}
    for one in differences:
        case_id = one.case_id or _sampled(connection, one.message_key)
        if case_id is not None:
            rows[case_id] = ids | {
                "case_id": case_id,
                "at": one.at,
                "action": one.action,
                "old": list(one.old),
                "new": list(one.new),
            }
    known = select(shadow_cases.c.case_id).where(
        shadow_cases.c.champion == ids["champion"],
        shadow_cases.c.challenger == ids["challenger"],
        shadow_cases.c.case_id.in_(rows),
    )
    for case_id in connection.execute(known).scalars():
        del rows[case_id]
    if rows:
        connection.execute(insert(shadow_cases), list(rows.values()))


def _sampled(connection: Connection, key: int | None) -> str | None:
    """Return the case of a passed message that was drawn for the sample; its answer does not name it."""
    if key is None:
        return None
    return connection.execute(select(seen.c.case_id).where(seen.c.message_key == key)).scalar()


def _who(old: bool, new: bool) -> str:
    return BOTH if old and new else LOST if old else GAINED


def _stored(tally: Tally) -> dict[str, Any]:
    return {
        "messages": tally.messages,
        "agreed": tally.agreed,
        "missed": tally.missed,
        "actions": [[*pair, count] for pair, count in sorted(tally.actions.items())],
        "labels": [[*pair, count] for pair, count in sorted(tally.labels.items())],
    }


def _tally(row: Row[Any]) -> Tally:
    actions = Counter({(old, new): count for old, new, count in row.actions})
    labels = Counter({(label, who): count for label, who, count in row.labels})
    return Tally(row.messages, row.agreed, row.missed, actions, labels)

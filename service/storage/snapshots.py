"""Policies and lexicons as they were when a case was decided, kept once per version."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import Connection, bindparam, insert, select

from moderation.lexicon import Lexicon, Term
from moderation.policy import Policy
from moderation.policyfiles import parse_policy
from service.storage.database import StorageError
from service.storage.schema import snapshots

POLICY, LEXICON = "policy", "lexicon"

# Built once: on the busy path building a statement costs as much as running it.
_CONTENT = select(snapshots.c.content).where(
    snapshots.c.kind == bindparam("kind"), snapshots.c.version == bindparam("version")
)
_KEPT = _CONTENT.with_only_columns(snapshots.c.version)


class Snapshots:
    """Keeps and reads versions of policies and lexicons."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._policies = {policy.version: policy for policy in policies}

    def keep(
        self, connection: Connection, at: datetime, policy: Policy, lexicon: Lexicon | None
    ) -> None:
        """See to it that both versions are in the database; None is a lexicon that was out of order."""
        _keep(connection, at, POLICY, policy.version, lambda: policy.text)
        if lexicon is not None:
            _keep(connection, at, LEXICON, lexicon.version, lambda: _pack(lexicon))

    def policy(self, connection: Connection, version: str) -> Policy:
        """Return a policy by the version that a case names.

        Raises:
            StorageError: no such version was kept.
        """
        if version not in self._policies:
            text = _content(connection, POLICY, version)
            self._policies[version] = parse_policy(text, Path(version))
        return self._policies[version]


def lexicon(connection: Connection, version: str) -> Lexicon:
    """Return a lexicon by the version that a case names.

    Raises:
        StorageError: no such version was kept.
    """
    rows = orjson.loads(_content(connection, LEXICON, version))
    return Lexicon(Term(*row) for row in rows)


def _pack(lexicon: Lexicon) -> str:
    return orjson.dumps([[t.text, t.label, t.score, t.source] for t in lexicon.terms]).decode()


def _keep(
    connection: Connection, at: datetime, kind: str, version: str, content: Callable[[], str]
) -> None:
    if connection.execute(_KEPT, {"kind": kind, "version": version}).first() is None:
        row = {"kind": kind, "version": version, "at": at, "content": content()}
        connection.execute(insert(snapshots), [row])


def _content(connection: Connection, kind: str, version: str) -> str:
    found = connection.execute(_CONTENT, {"kind": kind, "version": version}).scalar()
    if found is None:
        raise StorageError(f"no {kind} {version} was kept")
    return str(found)

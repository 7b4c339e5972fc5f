"""Every table. A change here needs a migration; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from service.storage.columns import Json, Money, Time

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Name = String(200)
Serial = BigInteger().with_variant(Integer, "sqlite")
"""A number given by the database; SQLite counts up only in a plain INTEGER."""

groups = Table(
    "groups",
    metadata,
    Column("group_id", Name, primary_key=True),
    Column("since", Time, primary_key=True),
    Column("name", Name, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("policy", Name),
    Column("owner", Name),
    Column("admin", Name),
    Column("dissolved", Boolean, nullable=False),
    Column("departments", Json),
    Column("temporary", Boolean, nullable=False, default=False),
    Column("ended_at", Time),
    Column("from_event", Boolean, nullable=False, default=False),
    comment="one row per version of a group; the last one not after a time holds then",
)

members = Table(
    "members",
    metadata,
    Column("group_id", Name, primary_key=True),
    Column("member_id", Name, primary_key=True),
    Column("since", Time, primary_key=True),
    Column("nickname", Name),
    Column("role", String(20), nullable=False),
    Column("supervisor", Name),
    Column("present", Boolean, nullable=False),
    Column("from_event", Boolean, nullable=False, default=False),
    Index("ix_members_member_id", "member_id"),
    comment="one row per version of a membership; not present means left",
)

people = Table(
    "people",
    metadata,
    Column("member_id", Name, primary_key=True),
    Column("name", Name),
    Column("department", Name),
    Column("wage", Money),
    Column("employed_from", Time),
    Column("employed_until", Time),
    Column("department_since", Time),
    comment="what is the same in every group; wage is a month's, for the cap",
)

events = Table(
    "events",
    metadata,
    Column("event_id", Name, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("group_id", Name, nullable=False),
    Column("at", Time, nullable=False),
    Column("member_id", Name),
    Column("by", Name),
    Column("detail", Json, nullable=False),
    Column("received_at", Time, nullable=False),
    Index("ix_events_group_id_at", "group_id", "at"),
    comment="what happened in groups besides messages, each once; the roster's history is folded from them",
)

turns = Table(
    "turns",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("group_id", Name, nullable=False),
    Column("message_id", Name, nullable=False),
    Column("sender_id", Name, nullable=False),
    Column("sent_at", Time, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("reply_to", Name),
    Column("mentions", Json, nullable=False),
    Column("text", Text),
    Index("ix_turns_group_id_sent_at", "group_id", "sent_at"),
    Index("uq_turns_group_id_message_id", "group_id", "message_id", unique=True),
    comment="messages of groups whose policy asks for answers; text only of what asks, puts off or is a notice",
)

duties = Table(
    "duties",
    metadata,
    Column("duty_id", String(40), primary_key=True),
    Column("rule", String(40), nullable=False),
    Column("article", Name, nullable=False),
    Column("policy_id", Name, nullable=False),
    Column("group_id", Name, nullable=False),
    Column("party", String(20), nullable=False),
    Column("person", Name),
    Column("subject", Name, nullable=False),
    Column("since", Time, nullable=False),
    Column("due", Time, nullable=False),
    Column("met_at", Time),
    Column("reminded_at", Time),
    Column("state", String(12), nullable=False),
    Column("case_id", String(40), ForeignKey("cases.case_id")),
    Column("detail", Json, nullable=False),
    Index("ix_duties_state_due", "state", "due"),
    Index("ix_duties_group_id_state", "group_id", "state"),
    Index("ix_duties_person", "person"),
    comment="what somebody owes a group under a policy's conduct rules, until when, and what became of it",
)

checks = Table(
    "checks",
    metadata,
    Column("group_id", Name, primary_key=True),
    Column("next_at", Time, nullable=False, index=True),
    Column("since", Time, nullable=False),
    Column("quiet_since", Time),
    Column("edition", BigInteger, nullable=False),
    comment="when each group is to be looked at next; edition counts the changes of its roster and events",
)

seen = Table(
    "seen",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("message_key", BigInteger, unique=True),
    Column("group_key", BigInteger, nullable=False),
    Column("sender_key", BigInteger, nullable=False),
    Column("exact", BigInteger, nullable=False),
    Column("near", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False, index=True),
    Column("case_id", String(40)),
    Column("recalled", Boolean, nullable=False, default=False),
    comment="keyed fingerprints of all messages: repeats are known and floods counted without any text",
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", String(40), primary_key=True),
    Column("origin", String(10), nullable=False, default="flag"),
    Column("rate", Float),
    Column("opened_at", Time, nullable=False),
    Column("group_id", Name),
    Column("message_id", Name),
    Column("sender_id", Name),
    Column("reply_to", Name),
    Column("sent_at", Time, nullable=False),
    Column("text", Text),
    Column("recalled_at", Time),
    Column("erased_at", Time),
    Column("action", String(10), nullable=False),
    Column("decision", Json, nullable=False),
    Column("found", Json, nullable=False),
    Column("group_kind", String(20), nullable=False),
    Column("sender_role", String(20), nullable=False),
    Column("party", String(20)),
    Column("policy_id", Name, nullable=False),
    Column("policy_version", Name, nullable=False),
    Column("lexicon_version", Name, nullable=False),
    Column("normalizer_version", Name, nullable=False),
    Column("counted", Json, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("certainty", Float, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reviewer", Name),
    Column("claimed_at", Time),
    Column("labels", Json, nullable=False),
    Column("amount", Money),
    Column("decided_by", Name),
    Column("decided_at", Time),
    Column("appeal", String(12)),
    Column("opinion_wanted", Boolean, nullable=False),
    Column("opinion_by", Name),
    Column("steps", Integer, nullable=False),
    Index("ix_cases_queue", "state", "rank", "certainty", "opened_at", "case_id", "origin"),
    Index("ix_cases_newest", "state", "opened_at", "case_id", "origin"),
    Index("ix_cases_sender_id_policy_id", "sender_id", "policy_id"),
    Index("ix_cases_group_id_sent_at", "group_id", "sent_at"),
    Index("ix_cases_opened_at_case_id", "opened_at", "case_id"),
    Index("ix_cases_decided_at", "decided_at"),
    Index("ix_cases_appeal", "appeal"),
    Index("ix_cases_opinion_wanted", "opinion_wanted"),
    comment="origin: see service.cases.Origin; rate: share of a sample; party: as what one is liable for conduct",
)

case_labels = Table(
    "case_labels",
    metadata,
    Column("case_id", String(40), ForeignKey(cases.c.case_id), primary_key=True),
    Column("label", String(40), primary_key=True, index=True),
    comment="labels found, to filter by",
)

case_steps = Table(
    "case_steps",
    metadata,
    Column("case_id", String(40), ForeignKey(cases.c.case_id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Time, nullable=False),
    Column("by", Name, nullable=False),
    Column("verb", String(20), nullable=False),
    Column("detail", Json, nullable=False),
    comment="everything done to a case, in order",
)

feedback = Table(
    "feedback",
    metadata,
    Column("case_id", String(40), ForeignKey(cases.c.case_id), primary_key=True),
    Column("by", Name, primary_key=True),
    Column("at", Time, nullable=False),
    Column("labels", Json, nullable=False),
    Column("comment", Text),
    Column("reviewed", Boolean, nullable=False),
    Column("print", BigInteger),
    Index("ix_feedback_at", "at"),
    Index("ix_feedback_print", "print"),
    comment="what somebody says is right of a case; print: keyed fingerprint of a text sent by itself",
)

entries = Table(
    "entries",
    metadata,
    Column("case_id", String(40), ForeignKey(cases.c.case_id), primary_key=True),
    Column("person", Name),
    Column("policy_id", Name, nullable=False),
    Column("at", Time, nullable=False),
    Column("ruling", Json, nullable=False),
    Column("occurrences", Json, nullable=False),
    Column("kind", String(20)),
    Column("amount", Money),
    Index("ix_entries_person_policy_id", "person", "policy_id"),
    Index("ix_entries_at", "at"),
    comment="the ledger: one row per confirmed case, computed from them alone",
)

notices = Table(
    "notices",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("case_id", String(40), ForeignKey(cases.c.case_id), nullable=False, index=True),
    Column("number", String(20), unique=True),
    Column("state", String(12), nullable=False, index=True),
    Column("changed", Boolean, nullable=False),
    Column("lapsed_at", Time),
    Column("drafted_at", Time, nullable=False),
    Column("decided_by", Name, nullable=False),
    Column("approved_by", Name),
    Column("approved_at", Time),
    Column("published_by", Name),
    Column("published_at", Time, index=True),
    Column("withdrawn_by", Name),
    Column("withdrawn_at", Time, index=True),
    Column("reason", Text),
    Column("penalty", Json, nullable=False),
    Column("amount", Money),
    Column("articles", Json, nullable=False),
    Column("liable", Json, nullable=False),
    sqlite_autoincrement=True,
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
    comment="numbers without gaps: taken in the transaction that uses them",
)

actions = Table(
    "actions",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("case_id", String(40), ForeignKey(cases.c.case_id), index=True),
    Column("notice_id", Serial, ForeignKey(notices.c.id)),
    Column("kind", String(20), nullable=False),
    Column("group_id", Name),
    Column("member_id", Name),
    Column("text", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Time, nullable=False),
    Column("done_at", Time),
    Column("done_by", Name),
    Column("error", Text),
    Index("ix_actions_state_due_at", "state", "due_at"),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    metadata,
    Column("name", Name, primary_key=True),
    Column("password", Text, nullable=False),
    Column("roles", Json, nullable=False),
    Column("member_id", Name),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
)

saved_filters = Table(
    "saved_filters",
    metadata,
    Column("user", Name, ForeignKey(users.c.name), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("query", Text, nullable=False),
    comment="filters of the queue that users have given a name",
)

attempts = Table(
    "attempts",
    metadata,
    Column("who", String(64), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("at", Time, nullable=False, index=True),
    comment="sign-ins since the last good one, by the hash of the name: unknown names count too",
)

keys = Table(
    "keys",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("name", Name, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("head", String(12), nullable=False),
    Column("roles", Json, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("revoked_at", Time),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user", Name, ForeignKey(users.c.name), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False, index=True),
    Column("actor", Name, nullable=False),
    Column("verb", String(40), nullable=False),
    Column("subject", Name, nullable=False, index=True),
    Column("detail", Json, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_verb_number", "verb", "number"),
    comment="append-only; each hash covers the row and the hash before it",
)

analyses = Table(
    "analyses",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("at", Time, nullable=False),
    Column("content", Json, nullable=False),
    comment="the last result of each long computation: drift, suspects among the labels",
)

shadow = Table(
    "shadow",
    metadata,
    Column("champion", Name, primary_key=True),
    Column("challenger", Name, primary_key=True),
    Column("since", Time, nullable=False),
    Column("until", Time, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("agreed", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("actions", Json, nullable=False),
    Column("labels", Json, nullable=False),
    comment="how a challenger judged live messages beside the champion: counts alone",
)

shadow_cases = Table(
    "shadow_cases",
    metadata,
    Column("champion", Name, primary_key=True),
    Column("challenger", Name, primary_key=True),
    Column("case_id", String(40), ForeignKey(cases.c.case_id), primary_key=True),
    Column("at", Time, nullable=False),
    Column("action", String(10), nullable=False),
    Column("old", Json, nullable=False),
    Column("new", Json, nullable=False),
    comment="cases on which the two differ: the challenger's action, the labels of both",
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("params", Json, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("asked_by", Name, nullable=False),
    Column("asked_at", Time, nullable=False),
    Column("worker", Name),
    Column("tries", Integer, nullable=False),
    Column("started_at", Time),
    Column("beat_at", Time),
    Column("done_at", Time),
    Column("step", Text),
    Column("result", Json),
    Column("error", Text),
    sqlite_autoincrement=True,
    comment="long work; beat_at is the last sign of life of the worker that has it",
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("version", Name, primary_key=True),
    Column("at", Time, nullable=False),
    Column("content", Text, nullable=False),
    comment="policies and lexicons as they were, so that a decision can be replayed",
)

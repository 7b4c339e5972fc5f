"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.storage.columns
import service.storage.schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "analyses",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("content", service.storage.columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_analyses")),
        comment="the last result of each long computation: drift, suspects among the labels",
    )
    op.create_table(
        "attempts",
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.PrimaryKeyConstraint("who", name=op.f("pk_attempts")),
        comment="sign-ins since the last good one, by the hash of the name: unknown names count too",
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_at"), ["at"], unique=False)

    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("verb", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", service.storage.columns.Json(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
        comment="append-only; each hash covers the row and the hash before it",
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_subject"), ["subject"], unique=False)
        batch_op.create_index("ix_audit_verb_number", ["verb", "number"], unique=False)

    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("opened_at", service.storage.columns.Time(), nullable=False),
        sa.Column("group_id", sa.String(length=200), nullable=True),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.Column("sender_id", sa.String(length=200), nullable=True),
        sa.Column("reply_to", sa.String(length=200), nullable=True),
        sa.Column("sent_at", service.storage.columns.Time(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("recalled_at", service.storage.columns.Time(), nullable=True),
        sa.Column("erased_at", service.storage.columns.Time(), nullable=True),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("decision", service.storage.columns.Json(), nullable=False),
        sa.Column("found", service.storage.columns.Json(), nullable=False),
        sa.Column("group_kind", sa.String(length=20), nullable=False),
        sa.Column("sender_role", sa.String(length=20), nullable=False),
        sa.Column("party", sa.String(length=20), nullable=True),
        sa.Column("policy_id", sa.String(length=200), nullable=False),
        sa.Column("policy_version", sa.String(length=200), nullable=False),
        sa.Column("lexicon_version", sa.String(length=200), nullable=False),
        sa.Column("normalizer_version", sa.String(length=200), nullable=False),
        sa.Column("counted", service.storage.columns.Json(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("certainty", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reviewer", sa.String(length=200), nullable=True),
        sa.Column("claimed_at", service.storage.columns.Time(), nullable=True),
        sa.Column("labels", service.storage.columns.Json(), nullable=False),
        sa.Column("amount", service.storage.columns.Money(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at", service.storage.columns.Time(), nullable=True),
        sa.Column("appeal", sa.String(length=12), nullable=True),
        sa.Column("opinion_wanted", sa.Boolean(), nullable=False),
        sa.Column("opinion_by", sa.String(length=200), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
        comment="origin: see service.cases.Origin; rate: share of a sample; party: as what one is liable for conduct",
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index("ix_cases_appeal", ["appeal"], unique=False)
        batch_op.create_index("ix_cases_decided_at", ["decided_at"], unique=False)
        batch_op.create_index("ix_cases_group_id_sent_at", ["group_id", "sent_at"], unique=False)
        batch_op.create_index(
            "ix_cases_newest", ["state", "opened_at", "case_id", "origin"], unique=False
        )
        batch_op.create_index("ix_cases_opened_at_case_id", ["opened_at", "case_id"], unique=False)
        batch_op.create_index("ix_cases_opinion_wanted", ["opinion_wanted"], unique=False)
        batch_op.create_index(
            "ix_cases_queue",
            ["state", "rank", "certainty", "opened_at", "case_id", "origin"],
            unique=False,
        )
        batch_op.create_index(
            "ix_cases_sender_id_policy_id", ["sender_id", "policy_id"], unique=False
        )

    op.create_table(
        "checks",
        sa.Column("group_id", sa.String(length=200), nullable=False),
        sa.Column("next_at", service.storage.columns.Time(), nullable=False),
        sa.Column("since", service.storage.columns.Time(), nullable=False),
        sa.Column("quiet_since", service.storage.columns.Time(), nullable=True),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_checks")),
        comment="when each group is to be looked at next; edition counts the changes of its roster and events",
    )
    with op.batch_alter_table("checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_checks_next_at"), ["next_at"], unique=False)

    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
        comment="numbers without gaps: taken in the transaction that uses them",
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("group_id", sa.String(length=200), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("member_id", sa.String(length=200), nullable=True),
        sa.Column("by", sa.String(length=200), nullable=True),
        sa.Column("detail", service.storage.columns.Json(), nullable=False),
        sa.Column("received_at", service.storage.columns.Time(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
        comment="what happened in groups besides messages, each once; the roster's history is folded from them",
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_group_id_at", ["group_id", "at"], unique=False)

    op.create_table(
        "groups",
        sa.Column("group_id", sa.String(length=200), nullable=False),
        sa.Column("since", service.storage.columns.Time(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("policy", sa.String(length=200), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("admin", sa.String(length=200), nullable=True),
        sa.Column("dissolved", sa.Boolean(), nullable=False),
        sa.Column("departments", service.storage.columns.Json(), nullable=True),
        sa.Column("temporary", sa.Boolean(), nullable=False),
        sa.Column("ended_at", service.storage.columns.Time(), nullable=True),
        sa.Column("from_event", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "since", name=op.f("pk_groups")),
        comment="one row per version of a group; the last one not after a time holds then",
    )
    op.create_table(
        "jobs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("params", service.storage.columns.Json(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", service.storage.columns.Time(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("started_at", service.storage.columns.Time(), nullable=True),
        sa.Column("beat_at", service.storage.columns.Time(), nullable=True),
        sa.Column("done_at", service.storage.columns.Time(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("result", service.storage.columns.Json(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        comment="long work; beat_at is the last sign of life of the worker that has it",
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jobs_state"), ["state"], unique=False)

    op.create_table(
        "keys",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("head", sa.String(length=12), nullable=False),
        sa.Column("roles", service.storage.columns.Json(), nullable=False),
        sa.Column("created_at", service.storage.columns.Time(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("revoked_at", service.storage.columns.Time(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_keys_hash")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "members",
        sa.Column("group_id", sa.String(length=200), nullable=False),
        sa.Column("member_id", sa.String(length=200), nullable=False),
        sa.Column("since", service.storage.columns.Time(), nullable=False),
        sa.Column("nickname", sa.String(length=200), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("supervisor", sa.String(length=200), nullable=True),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("from_event", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "member_id", "since", name=op.f("pk_members")),
        comment="one row per version of a membership; not present means left",
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.create_index("ix_members_member_id", ["member_id"], unique=False)

    op.create_table(
        "people",
        sa.Column("member_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("department", sa.String(length=200), nullable=True),
        sa.Column("wage", service.storage.columns.Money(), nullable=True),
        sa.Column("employed_from", service.storage.columns.Time(), nullable=True),
        sa.Column("employed_until", service.storage.columns.Time(), nullable=True),
        sa.Column("department_since", service.storage.columns.Time(), nullable=True),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_people")),
        comment="what is the same in every group; wage is a month's, for the cap",
    )
    op.create_table(
        "seen",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_key", sa.BigInteger(), nullable=True),
        sa.Column("group_key", sa.BigInteger(), nullable=False),
        sa.Column("sender_key", sa.BigInteger(), nullable=False),
        sa.Column("exact", sa.BigInteger(), nullable=False),
        sa.Column("near", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("recalled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seen")),
        sa.UniqueConstraint("message_key", name=op.f("uq_seen_message_key")),
        comment="keyed fingerprints of all messages: repeats are known and floods counted without any text",
    )
    with op.batch_alter_table("seen", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seen_received_at"), ["received_at"], unique=False)

    op.create_table(
        "shadow",
        sa.Column("champion", sa.String(length=200), nullable=False),
        sa.Column("challenger", sa.String(length=200), nullable=False),
        sa.Column("since", service.storage.columns.Time(), nullable=False),
        sa.Column("until", service.storage.columns.Time(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("agreed", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("actions", service.storage.columns.Json(), nullable=False),
        sa.Column("labels", service.storage.columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("champion", "challenger", name=op.f("pk_shadow")),
        comment="how a challenger judged live messages beside the champion: counts alone",
    )
    op.create_table(
        "snapshots",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "version", name=op.f("pk_snapshots")),
        comment="policies and lexicons as they were, so that a decision can be replayed",
    )
    op.create_table(
        "turns",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("group_id", sa.String(length=200), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("sender_id", sa.String(length=200), nullable=False),
        sa.Column("sent_at", service.storage.columns.Time(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("reply_to", sa.String(length=200), nullable=True),
        sa.Column("mentions", service.storage.columns.Json(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
        comment="messages of groups whose policy asks for answers; text only of what asks, puts off or is a notice",
    )
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.create_index("ix_turns_group_id_sent_at", ["group_id", "sent_at"], unique=False)
        batch_op.create_index(
            "uq_turns_group_id_message_id", ["group_id", "message_id"], unique=True
        )

    op.create_table(
        "users",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("roles", service.storage.columns.Json(), nullable=False),
        sa.Column("member_id", sa.String(length=200), nullable=True),
        sa.Column("created_at", service.storage.columns.Time(), nullable=False),
        sa.Column("disabled_at", service.storage.columns.Time(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "case_labels",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_case_labels_case_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "label", name=op.f("pk_case_labels")),
        comment="labels found, to filter by",
    )
    with op.batch_alter_table("case_labels", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_labels_label"), ["label"], unique=False)

    op.create_table(
        "case_steps",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("verb", sa.String(length=20), nullable=False),
        sa.Column("detail", service.storage.columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_case_steps_case_id")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_case_steps")),
        comment="everything done to a case, in order",
    )
    op.create_table(
        "duties",
        sa.Column("duty_id", sa.String(length=40), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("article", sa.String(length=200), nullable=False),
        sa.Column("policy_id", sa.String(length=200), nullable=False),
        sa.Column("group_id", sa.String(length=200), nullable=False),
        sa.Column("party", sa.String(length=20), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("since", service.storage.columns.Time(), nullable=False),
        sa.Column("due", service.storage.columns.Time(), nullable=False),
        sa.Column("met_at", service.storage.columns.Time(), nullable=True),
        sa.Column("reminded_at", service.storage.columns.Time(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("detail", service.storage.columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_duties_case_id")),
        sa.PrimaryKeyConstraint("duty_id", name=op.f("pk_duties")),
        comment="what somebody owes a group under a policy's conduct rules, until when, and what became of it",
    )
    with op.batch_alter_table("duties", schema=None) as batch_op:
        batch_op.create_index("ix_duties_group_id_state", ["group_id", "state"], unique=False)
        batch_op.create_index("ix_duties_person", ["person"], unique=False)
        batch_op.create_index("ix_duties_state_due", ["state", "due"], unique=False)

    op.create_table(
        "entries",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=True),
        sa.Column("policy_id", sa.String(length=200), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("ruling", service.storage.columns.Json(), nullable=False),
        sa.Column("occurrences", service.storage.columns.Json(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("amount", service.storage.columns.Money(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_entries_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_entries")),
        comment="the ledger: one row per confirmed case, computed from them alone",
    )
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.create_index("ix_entries_at", ["at"], unique=False)
        batch_op.create_index("ix_entries_person_policy_id", ["person", "policy_id"], unique=False)

    op.create_table(
        "feedback",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("labels", service.storage.columns.Json(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("reviewed", sa.Boolean(), nullable=False),
        sa.Column("print", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_feedback_case_id")),
        sa.PrimaryKeyConstraint("case_id", "by", name=op.f("pk_feedback")),
        comment="what somebody says is right of a case; print: keyed fingerprint of a text sent by itself",
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index("ix_feedback_at", ["at"], unique=False)
        batch_op.create_index("ix_feedback_print", ["print"], unique=False)

    op.create_table(
        "notices",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("lapsed_at", service.storage.columns.Time(), nullable=True),
        sa.Column("drafted_at", service.storage.columns.Time(), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("approved_by", sa.String(length=200), nullable=True),
        sa.Column("approved_at", service.storage.columns.Time(), nullable=True),
        sa.Column("published_by", sa.String(length=200), nullable=True),
        sa.Column("published_at", service.storage.columns.Time(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=200), nullable=True),
        sa.Column("withdrawn_at", service.storage.columns.Time(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("penalty", service.storage.columns.Json(), nullable=False),
        sa.Column("amount", service.storage.columns.Money(), nullable=True),
        sa.Column("articles", service.storage.columns.Json(), nullable=False),
        sa.Column("liable", service.storage.columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_notices_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("number", name=op.f("uq_notices_number")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notices_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_notices_published_at"), ["published_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_notices_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_notices_withdrawn_at"), ["withdrawn_at"], unique=False)

    op.create_table(
        "saved_filters",
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_saved_filters_user")),
        sa.PrimaryKeyConstraint("user", "name", name=op.f("pk_saved_filters")),
        comment="filters of the queue that users have given a name",
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", service.storage.columns.Time(), nullable=False),
        sa.Column("expires_at", service.storage.columns.Time(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_sessions_user")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_user"), ["user"], unique=False)

    op.create_table(
        "shadow_cases",
        sa.Column("champion", sa.String(length=200), nullable=False),
        sa.Column("challenger", sa.String(length=200), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("at", service.storage.columns.Time(), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("old", service.storage.columns.Json(), nullable=False),
        sa.Column("new", service.storage.columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_shadow_cases_case_id")
        ),
        sa.PrimaryKeyConstraint("champion", "challenger", "case_id", name=op.f("pk_shadow_cases")),
        comment="cases on which the two differ: the challenger's action, the labels of both",
    )
    op.create_table(
        "actions",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("notice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("group_id", sa.String(length=200), nullable=True),
        sa.Column("member_id", sa.String(length=200), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", service.storage.columns.Time(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", service.storage.columns.Time(), nullable=False),
        sa.Column("done_at", service.storage.columns.Time(), nullable=True),
        sa.Column("done_by", sa.String(length=200), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_actions_case_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_actions_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("actions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_actions_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_actions_state_due_at", ["state", "due_at"], unique=False)


def downgrade() -> None:
    """Undo it."""
    with op.batch_alter_table("actions", schema=None) as batch_op:
        batch_op.drop_index("ix_actions_state_due_at")
        batch_op.drop_index(batch_op.f("ix_actions_case_id"))

    op.drop_table("actions")
    op.drop_table("shadow_cases")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_user"))
        batch_op.drop_index(batch_op.f("ix_sessions_expires_at"))

    op.drop_table("sessions")
    op.drop_table("saved_filters")
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notices_withdrawn_at"))
        batch_op.drop_index(batch_op.f("ix_notices_state"))
        batch_op.drop_index(batch_op.f("ix_notices_published_at"))
        batch_op.drop_index(batch_op.f("ix_notices_case_id"))

    op.drop_table("notices")
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.drop_index("ix_feedback_print")
        batch_op.drop_index("ix_feedback_at")

    op.drop_table("feedback")
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.drop_index("ix_entries_person_policy_id")
        batch_op.drop_index("ix_entries_at")

    op.drop_table("entries")
    with op.batch_alter_table("duties", schema=None) as batch_op:
        batch_op.drop_index("ix_duties_state_due")
        batch_op.drop_index("ix_duties_person")
        batch_op.drop_index("ix_duties_group_id_state")

    op.drop_table("duties")
    op.drop_table("case_steps")
    with op.batch_alter_table("case_labels", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_labels_label"))

    op.drop_table("case_labels")
    op.drop_table("users")
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.drop_index("uq_turns_group_id_message_id")
        batch_op.drop_index("ix_turns_group_id_sent_at")

    op.drop_table("turns")
    op.drop_table("snapshots")
    op.drop_table("shadow")
    with op.batch_alter_table("seen", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_seen_received_at"))

    op.drop_table("seen")
    op.drop_table("people")
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_index("ix_members_member_id")

    op.drop_table("members")
    op.drop_table("keys")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_jobs_state"))

    op.drop_table("jobs")
    op.drop_table("groups")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_group_id_at")

    op.drop_table("events")
    op.drop_table("counters")
    with op.batch_alter_table("checks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_checks_next_at"))

    op.drop_table("checks")
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.drop_index("ix_cases_sender_id_policy_id")
        batch_op.drop_index("ix_cases_queue")
        batch_op.drop_index("ix_cases_opinion_wanted")
        batch_op.drop_index("ix_cases_opened_at_case_id")
        batch_op.drop_index("ix_cases_newest")
        batch_op.drop_index("ix_cases_group_id_sent_at")
        batch_op.drop_index("ix_cases_decided_at")
        batch_op.drop_index("ix_cases_appeal")

    op.drop_table("cases")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_verb_number")
        batch_op.drop_index(batch_op.f("ix_audit_subject"))
        batch_op.drop_index(batch_op.f("ix_audit_at"))

    op.drop_table("audit")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempts_at"))

    op.drop_table("attempts")
    op.drop_table("analyses")

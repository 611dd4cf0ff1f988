"""The first ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=120), nullable=False),
        sa.Column("what", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "completions",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("mapping", sa.String(length=120), nullable=False),
        sa.Column("mapping_version", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("course", sa.String(length=1000), nullable=False),
        sa.Column("occurrence", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("notes", sa.Integer(), nullable=False),
        sa.Column("retracted_at", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completions")),
        sa.UniqueConstraint("key", name=op.f("uq_completions_key")),
    )
    with op.batch_alter_table("completions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_completions_state_id"), ["state", "id"], unique=False)

    op.create_table(
        "credits",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("credit_id", sa.String(length=300), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("profile", sa.String(length=60), nullable=False),
        sa.Column("board", sa.String(length=20), nullable=False),
        sa.Column("credit_type", sa.String(length=120), nullable=False),
        sa.Column("activity", sa.String(length=1000), nullable=False),
        sa.Column("pars_activity_id", sa.String(length=9), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=False),
        sa.Column("points", sa.String(length=20), nullable=False),
        sa.Column("report_by", sa.Date(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("sent", sa.LargeBinary(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("ask", sa.Boolean(), nullable=False),
        sa.Column("resend", sa.Boolean(), nullable=False),
        sa.Column("absent_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_try_at", sa.BigInteger(), nullable=True),
        sa.Column("last_try_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits")),
        sa.UniqueConstraint("credit_id", name=op.f("uq_credits_credit_id")),
        sa.UniqueConstraint("key", name=op.f("uq_credits_key")),
    )
    with op.batch_alter_table("credits", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_credits_state_profile_due_at_report_by"),
            ["state", "profile", "due_at", "report_by"],
            unique=False,
        )

    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_positions")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("credit_row", _NUMBER, nullable=False),
        sa.Column("credit_id", sa.String(length=300), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["credit_row"], ["credits.id"], name=op.f("fk_attempts_credit_row")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_attempts_credit_row_id"), ["credit_row", "id"], unique=False
        )

    op.create_table(
        "completion_credits",
        sa.Column("completion_id", _NUMBER, nullable=False),
        sa.Column("credit_id", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completions.id"], name=op.f("fk_completion_credits_completion_id")
        ),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["credits.id"], name=op.f("fk_completion_credits_credit_id")
        ),
        sa.PrimaryKeyConstraint("completion_id", "credit_id", name=op.f("pk_completion_credits")),
    )
    with op.batch_alter_table("completion_credits", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_completion_credits_credit_id"), ["credit_id"], unique=False
        )

    op.create_table(
        "events",
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("fate", sa.String(length=20), nullable=False),
        sa.Column("completion_id", _NUMBER, nullable=True),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completions.id"], name=op.f("fk_events_completion_id")
        ),
        sa.PrimaryKeyConstraint("topic", "partition", "offset", "digest", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_events_completion_id"), ["completion_id"], unique=False
        )

    op.create_table(
        "letters",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("mapping", sa.String(length=120), nullable=False),
        sa.Column("mapping_version", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("completion_id", _NUMBER, nullable=True),
        sa.Column("credit_row", _NUMBER, nullable=True),
        sa.Column("activity", sa.String(length=1000), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("first_failed_at", sa.BigInteger(), nullable=False),
        sa.Column("last_failed_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completions.id"], name=op.f("fk_letters_completion_id")
        ),
        sa.ForeignKeyConstraint(["credit_row"], ["credits.id"], name=op.f("fk_letters_credit_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
    with op.batch_alter_table("letters", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_letters_completion_id"), ["completion_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_letters_credit_row"), ["credit_row"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_letters_status_stage"), ["status", "stage"], unique=False
        )

    op.create_table(
        "search_keys",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("completion_id", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completions.id"], name=op.f("fk_search_keys_completion_id")
        ),
        sa.PrimaryKeyConstraint("digest", "completion_id", name=op.f("pk_search_keys")),
    )
    with op.batch_alter_table("search_keys", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_search_keys_completion_id"), ["completion_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("search_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_search_keys_completion_id"))

    op.drop_table("search_keys")
    with op.batch_alter_table("letters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_letters_status_stage"))
        batch_op.drop_index(batch_op.f("ix_letters_credit_row"))
        batch_op.drop_index(batch_op.f("ix_letters_completion_id"))

    op.drop_table("letters")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_completion_id"))

    op.drop_table("events")
    with op.batch_alter_table("completion_credits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_completion_credits_credit_id"))

    op.drop_table("completion_credits")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempts_credit_row_id"))

    op.drop_table("attempts")
    op.drop_table("positions")
    op.drop_table("outbox")
    op.drop_table("facts")
    with op.batch_alter_table("credits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credits_state_profile_due_at_report_by"))

    op.drop_table("credits")
    with op.batch_alter_table("completions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_completions_state_id"))

    op.drop_table("completions")
    op.drop_table("audit")

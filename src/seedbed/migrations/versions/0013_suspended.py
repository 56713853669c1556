"""Accounts that the operator has suspended."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ADD COLUMN suspended_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE accounts DROP COLUMN suspended_at")

"""The language that an account reads: its mails are written in it."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ADD COLUMN language text CHECK (length(language) BETWEEN 2 AND 35)")


def downgrade() -> None:
    op.execute("ALTER TABLE accounts DROP COLUMN language")

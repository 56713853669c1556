"""The channel that a task asks for: which temper its video is made in."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE tasks ADD COLUMN channel text NOT NULL DEFAULT 'standard' "
        "CHECK (channel IN ('standard', 'real', 'wild'))"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE tasks DROP channel")

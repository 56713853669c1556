"""Thumbnails and sheets of frames beside videos; files that come with a request and go when its task has ended."""

from alembic import op

revision = "0006"
down_revision = "0005"

CHANGES = (
    """
    ALTER TABLE tasks
        ADD COLUMN previews boolean NOT NULL DEFAULT false,
        ADD COLUMN thumbnail_key text,
        ADD COLUMN spritesheet_key text,
        ADD CHECK ((thumbnail_key IS NOT NULL) = (previews AND status = 'succeeded')),
        ADD CHECK ((spritesheet_key IS NOT NULL) = (previews AND status = 'succeeded'))
    """,
    "ALTER TABLE uploads ADD COLUMN task_id text REFERENCES tasks",
    "CREATE INDEX uploads_of_task ON uploads (task_id) WHERE task_id IS NOT NULL",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("ALTER TABLE tasks DROP previews, DROP thumbnail_key, DROP spritesheet_key")
    op.execute("ALTER TABLE uploads DROP task_id")

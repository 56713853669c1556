"""Thumbnails and sheets of frames beside videos."""

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
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("ALTER TABLE tasks DROP previews, DROP thumbnail_key, DROP spritesheet_key")

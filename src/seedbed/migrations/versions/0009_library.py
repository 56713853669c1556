"""The library: an account's tasks over all dialects, by state, model, key and date."""

from alembic import op

revision = "0009"
down_revision = "0008"

# A page of the library is found in this index alone, however many tasks it passes over.
LIBRARY = """
    CREATE INDEX tasks_library ON tasks (account_id, seq) INCLUDE (id, status, model, key_id, created_at)
        WHERE deleted_at IS NULL
"""


def upgrade() -> None:
    op.execute(LIBRARY)


def downgrade() -> None:
    op.execute("DROP INDEX tasks_library")

"""What owners say of their tasks: echoes, deadlines, priorities, removal; lists of accounts with many tasks."""

from alembic import op

revision = "0005"
down_revision = "0004"

CHANGES = (
    """
    ALTER TABLE tasks
        ADD COLUMN echo jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN expires_at timestamptz,
        ADD COLUMN priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
        ADD COLUMN deleted_at timestamptz,
        ADD COLUMN input_s double precision,
        ADD CHECK (deleted_at IS NULL OR finished_at IS NOT NULL)
    """,
    "CREATE INDEX tasks_expiring ON tasks (expires_at) WHERE status IN ('queued', 'processing')",
    "CREATE INDEX tasks_first_of_account ON tasks (account_id, priority DESC, seq) WHERE status = 'queued'",
    # Whose turn has just been had: the order of starting is no longer that of asking.
    "CREATE INDEX tasks_started_of_account ON tasks (account_id, started_at DESC) WHERE started_at IS NOT NULL",
    # Lists and their totals are read from the indexes alone.
    """
    CREATE INDEX tasks_listed_of_account ON tasks (account_id, dialect, seq) INCLUDE (id, status, error_code, model)
        WHERE deleted_at IS NULL
    """,
    # What came inside a request is kept for its task alone, and goes when that has ended.
    "ALTER TABLE uploads ADD COLUMN task_id text REFERENCES tasks",
    "CREATE INDEX uploads_of_task ON uploads (task_id) WHERE task_id IS NOT NULL",
    # The file of a removed task: no link finds it any more, and a worker will take it out of storage.
    "ALTER TABLE files ADD COLUMN removed_at timestamptz",
    "CREATE INDEX files_removed ON files (removed_at) WHERE removed_at IS NOT NULL",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("DROP INDEX tasks_first_of_account, tasks_started_of_account, tasks_listed_of_account, tasks_expiring")
    op.execute("ALTER TABLE tasks DROP echo, DROP expires_at, DROP priority, DROP deleted_at, DROP input_s")
    op.execute("ALTER TABLE uploads DROP task_id")
    op.execute("ALTER TABLE files DROP removed_at")

"""What a task's output is: its size in pixels, its last frame as a picture; what attempts may have left behind."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE tasks
            -- As its engine wrote it: jsonb would sort its names.
            ALTER COLUMN plan TYPE json,
            ADD COLUMN last_frame boolean NOT NULL DEFAULT false,
            ADD COLUMN last_frame_key text,
            ADD COLUMN width integer CHECK (width > 0),
            ADD COLUMN height integer CHECK (height > 0),
            ADD CHECK ((width IS NULL) = (height IS NULL)),
            ADD CHECK (status = 'succeeded' OR (last_frame_key IS NULL AND width IS NULL)),
            ADD CHECK ((last_frame_key IS NOT NULL) = (last_frame AND status = 'succeeded'))
        """
    )
    # A row from an attempt's start until its files are published or removed.
    op.execute(
        """
        CREATE TABLE open_attempts (
            task_id text NOT NULL REFERENCES tasks,
            attempt integer NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (task_id, attempt)
        )
        """
    )
    op.execute("CREATE INDEX open_attempts_age ON open_attempts (started_at)")
    op.execute(
        """
        INSERT INTO open_attempts (task_id, attempt, started_at)
        SELECT e.task_id, e.attempt, e.at FROM task_events e JOIN tasks t ON t.id = e.task_id
        WHERE e.status = 'processing' AND (t.status <> 'succeeded' OR t.attempt <> e.attempt)
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE open_attempts")
    op.execute("ALTER TABLE tasks ALTER plan TYPE jsonb, DROP last_frame, DROP last_frame_key, DROP width, DROP height")

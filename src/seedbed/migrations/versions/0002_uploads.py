"""Uploads: media that an account keeps here for a few days, to point its requests at."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE uploads (
            key text PRIMARY KEY,
            account_id bigint NOT NULL REFERENCES accounts,
            kind text NOT NULL CHECK (kind IN ('image', 'video', 'audio')),
            content_type text NOT NULL,
            size_bytes bigint NOT NULL CHECK (size_bytes > 0),
            sha256 bytea,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX uploads_of_account ON uploads (account_id)")
    op.execute("CREATE INDEX uploads_age ON uploads (expires_at)")


def downgrade() -> None:
    op.execute("DROP TABLE uploads")

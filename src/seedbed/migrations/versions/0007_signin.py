"""How people come in: passwords, sessions, links that work once."""

from alembic import op

revision = "0007"
down_revision = "0006"

CHANGES = (
    """
    CREATE TABLE passwords (
        account_id bigint PRIMARY KEY REFERENCES accounts,
        hash text NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE sessions (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        token_sha256 bytea NOT NULL UNIQUE,
        address text NOT NULL,
        agent text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        seen_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX sessions_of_account ON sessions (account_id) WHERE ended_at IS NULL",
    """
    CREATE TABLE one_time_links (
        token_sha256 bytea PRIMARY KEY,
        purpose text NOT NULL CHECK (purpose IN ('first', 'reset', 'invite')),
        account_id bigint REFERENCES accounts,
        email text,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        used_at timestamptz,
        CHECK (account_id IS NOT NULL OR email IS NOT NULL)
    )
    """,
    "CREATE INDEX one_time_links_of_account ON one_time_links (account_id) WHERE used_at IS NULL",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("DROP TABLE passwords, sessions, one_time_links")

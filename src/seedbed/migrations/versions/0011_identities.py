"""Who people are at an OpenID Connect provider, and their attempts to sign in with it."""

from alembic import op

revision = "0011"
down_revision = "0010"

CHANGES = (
    """
    CREATE TABLE identities (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        issuer text NOT NULL,
        subject text NOT NULL,
        email text,
        how text NOT NULL CHECK (how IN ('first', 'made', 'linked', 'connected')),
        made_at timestamptz NOT NULL DEFAULT now(),
        used_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX identities_of_subject ON identities (issuer, subject) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX identities_of_account ON identities (account_id, issuer) WHERE ended_at IS NULL",
    """
    CREATE TABLE sign_in_attempts (
        state_sha256 bytea PRIMARY KEY,
        browser_sha256 bytea NOT NULL,
        issuer text NOT NULL,
        nonce text NOT NULL,
        verifier text NOT NULL,
        begun_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (begun_at)",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("DROP TABLE identities, sign_in_attempts")

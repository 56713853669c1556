"""What operators did to accounts, and who did it."""

from alembic import op

revision = "0014"
down_revision = "0013"

CHANGES = (
    """
    CREATE TABLE audit_log (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        action text NOT NULL,
        by_id bigint REFERENCES accounts,
        account_id bigint NOT NULL REFERENCES accounts,
        details text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX audit_log_by_account ON audit_log (account_id, id)",
)


def upgrade() -> None:
    for statement in CHANGES:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE audit_log")

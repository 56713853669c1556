"""Teams and transfers between accounts; what statements, usage and webhook pages read; tests of webhooks."""

from alembic import op

revision = "0008"
down_revision = "0007"

CHANGES = (
    # Transfers. The new kind cannot be named in the transaction that adds it, so the checks name the others.
    "ALTER TYPE ledger_kind ADD VALUE 'transfer'",
    """
    ALTER TABLE ledger_transactions
        ADD COLUMN counter_account_id bigint REFERENCES accounts,
        DROP CONSTRAINT ledger_transactions_check,
        ADD CONSTRAINT ledger_of_a_task CHECK ((task_id IS NOT NULL) = (kind IN ('hold', 'capture', 'release'))),
        ADD CONSTRAINT ledger_between_two CHECK (
            (counter_account_id IS NULL) = (kind IN ('grant', 'hold', 'capture', 'release'))
            AND counter_account_id IS DISTINCT FROM account_id)
    """,
    "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_pkey",
    "CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries (transaction_id, book, coalesce(account_id, 0))",
    # A statement, and what came before it, are read from this index alone.
    """
    CREATE INDEX ledger_entries_statement ON ledger_entries (account_id, transaction_id) INCLUDE (book, credits)
        WHERE account_id IS NOT NULL
    """,
    "DROP INDEX ledger_entries_account",
    """
    ALTER TABLE accounts
        ADD COLUMN low_balance_credits bigint CHECK (low_balance_credits > 0),
        ADD COLUMN low_balance_told_at timestamptz
    """,
    "CREATE INDEX accounts_low ON accounts (id) WHERE low_balance_credits IS NOT NULL",
    # Usage, and what failed of late.
    """
    CREATE INDEX tasks_spent ON tasks (account_id, finished_at) INCLUDE (model, key_id, price_credits)
        WHERE status = 'succeeded'
    """,
    "CREATE INDEX tasks_failed ON tasks (finished_at DESC) WHERE status = 'failed'",
    # Teams.
    """
    CREATE TABLE teams (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE team_members (
        account_id bigint PRIMARY KEY REFERENCES accounts,
        team_id bigint NOT NULL REFERENCES teams ON DELETE CASCADE,
        role text NOT NULL CHECK (role IN ('owner', 'member')),
        joined_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX team_members_of_team ON team_members (team_id)",
    """
    CREATE TABLE team_invitations (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        team_id bigint NOT NULL REFERENCES teams ON DELETE CASCADE,
        token_sha256 bytea NOT NULL UNIQUE REFERENCES one_time_links ON DELETE CASCADE,
        invited_by bigint NOT NULL REFERENCES accounts,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX team_invitations_of_team ON team_invitations (team_id)",
    """
    CREATE TABLE team_credits (
        owner_id bigint NOT NULL REFERENCES accounts,
        member_id bigint NOT NULL REFERENCES team_members ON DELETE CASCADE,
        credits bigint NOT NULL CHECK (credits >= 0),
        PRIMARY KEY (member_id, owner_id)
    )
    """,
    # Deliveries belong to accounts; those that are tests belong to no task.
    """
    ALTER TABLE deliveries
        ADD COLUMN account_id bigint REFERENCES accounts,
        ADD COLUMN key_id bigint REFERENCES api_keys,
        ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY,
        ALTER COLUMN task_id DROP NOT NULL,
        ALTER COLUMN event DROP NOT NULL
    """,
    "UPDATE deliveries d SET account_id = t.account_id, key_id = t.key_id FROM tasks t WHERE t.id = d.task_id",
    """
    ALTER TABLE deliveries ALTER COLUMN account_id SET NOT NULL,
        ADD CONSTRAINT delivery_of_a_task CHECK ((task_id IS NULL) = (event IS NULL))
    """,
    "CREATE INDEX deliveries_of_account ON deliveries (account_id, seq)",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    raise RuntimeError("a kind of ledger transactions cannot be taken away again: restore a backup instead")

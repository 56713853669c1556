"""Payments: orders, what Stripe said of them, subscriptions; debts in the ledger."""

from alembic import op

revision = "0010"
down_revision = "0009"

CHANGES = (
    # New kinds cannot be named in the transaction that adds them, so the checks name the others.
    *(
        f"ALTER TYPE ledger_kind ADD VALUE '{kind}'"
        for kind in ("purchase", "reversal", "debt", "restoration", "settlement")
    ),
    "ALTER TYPE ledger_book ADD VALUE 'owed'",
    """
    ALTER TABLE accounts
        ADD COLUMN owed_credits bigint NOT NULL DEFAULT 0 CHECK (owed_credits >= 0),
        ADD COLUMN stripe_customer text UNIQUE
    """,
    """
    CREATE TABLE orders (
        id text PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        item text NOT NULL,
        title text NOT NULL,
        credits bigint NOT NULL CHECK (credits > 0),
        amount bigint NOT NULL CHECK (amount > 0),
        currency text NOT NULL,
        every text CHECK (every IN ('month', 'year')),
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX orders_of_account ON orders (account_id, created_at DESC)",
    """
    CREATE TABLE stripe_events (
        id text PRIMARY KEY,
        type text NOT NULL,
        created_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        outcome text NOT NULL
    )
    """,
    """
    CREATE TABLE payments (
        id text PRIMARY KEY,
        order_id text NOT NULL REFERENCES orders,
        account_id bigint NOT NULL REFERENCES accounts,
        credits bigint NOT NULL CHECK (credits > 0),
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL,
        reversed_credits bigint NOT NULL DEFAULT 0 CHECK (reversed_credits BETWEEN 0 AND credits),
        paid_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX payments_of_account ON payments (account_id, paid_at DESC)",
    "CREATE INDEX payments_of_order ON payments (order_id)",
    # Either side may be heard of first: neither refers to a row of payments.
    "CREATE TABLE payment_intents (id text PRIMARY KEY, payment_id text NOT NULL)",
    "CREATE INDEX payment_intents_of_payment ON payment_intents (payment_id)",
    """
    CREATE TABLE paybacks (
        id text PRIMARY KEY,
        payment_intent text NOT NULL,
        amount bigint NOT NULL CHECK (amount >= 0),
        status text NOT NULL,
        rank integer NOT NULL,
        counts boolean NOT NULL,
        said_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX paybacks_of_intent ON paybacks (payment_intent)",
    """
    CREATE TABLE subscriptions (
        id text PRIMARY KEY,
        order_id text NOT NULL REFERENCES orders,
        account_id bigint NOT NULL REFERENCES accounts,
        status text NOT NULL,
        period_ends_at timestamptz,
        ends_at timestamptz,
        said_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX subscriptions_of_account ON subscriptions (account_id)",
    """
    ALTER TABLE ledger_transactions
        ADD COLUMN payment_id text REFERENCES payments DEFERRABLE INITIALLY DEFERRED,
        DROP CONSTRAINT ledger_between_two,
        ADD CONSTRAINT ledger_between_two CHECK (
            (counter_account_id IS NOT NULL) = (kind::text = 'transfer')
            AND counter_account_id IS DISTINCT FROM account_id),
        ADD CONSTRAINT ledger_of_a_payment CHECK (
            payment_id IS NULL OR kind NOT IN ('grant', 'hold', 'capture', 'release'))
    """,
    "CREATE INDEX ledger_of_payments ON ledger_transactions (payment_id) WHERE payment_id IS NOT NULL",
    """
    ALTER TABLE ledger_entries
        DROP CONSTRAINT ledger_entries_check,
        ADD CONSTRAINT ledger_of_the_house CHECK ((book IN ('issued', 'revenue')) = (account_id IS NULL))
    """,
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    raise NotImplementedError("PostgreSQL cannot take a value out of an enumeration: restore a backup instead")

"""The spine: accounts, keys, limits, ledger, tasks, queue, files, webhooks, workers."""

from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

revision = "0001"
down_revision = None

SCHEMA = """
CREATE TABLE server_secrets (
    name text PRIMARY KEY,
    value bytea NOT NULL
);

-- Accounts and keys ---------------------------------------------------------------------------------
CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL CHECK (email = lower(email)),
    is_admin boolean NOT NULL DEFAULT false,
    available_credits bigint NOT NULL DEFAULT 0 CHECK (available_credits >= 0),
    held_credits bigint NOT NULL DEFAULT 0 CHECK (held_credits >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX accounts_email ON accounts (email);

CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    api text NOT NULL CHECK (api IN ('open', 'studio')),
    name text NOT NULL DEFAULT '',
    hint text NOT NULL,
    secret_sha256 bytea NOT NULL,
    per_minute integer CHECK (per_minute > 0),
    monthly integer CHECK (monthly >= 0),
    webhook_url text,
    webhook_secret text,
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX api_keys_secret ON api_keys (secret_sha256);
CREATE INDEX api_keys_account ON api_keys (account_id);

-- One row a subject; losing the windows in a database crash costs a minute's counting and nothing else.
CREATE UNLOGGED TABLE rate_windows (
    subject text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    requests integer NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE key_months (
    key_id bigint NOT NULL REFERENCES api_keys,
    month date NOT NULL,
    tasks integer NOT NULL,
    PRIMARY KEY (key_id, month)
) WITH (fillfactor = 50);

CREATE TABLE idempotency_keys (
    account_id bigint NOT NULL REFERENCES accounts,
    endpoint text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, endpoint, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Tasks ---------------------------------------------------------------------------------------------
CREATE TYPE task_status AS ENUM ('queued', 'processing', 'succeeded', 'failed', 'cancelled');

CREATE TABLE tasks (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    id text PRIMARY KEY,
    dialect text NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts,
    key_id bigint REFERENCES api_keys,
    trace_id text NOT NULL,
    status task_status NOT NULL DEFAULT 'queued',
    attempt integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    progress real NOT NULL DEFAULT 0,
    turn integer NOT NULL,
    model text NOT NULL,
    mode text NOT NULL,
    prompt text NOT NULL,
    aspect_ratio text NOT NULL,
    resolution text NOT NULL,
    duration_s integer NOT NULL,
    seed bigint NOT NULL,
    media jsonb NOT NULL DEFAULT '[]',
    audio boolean NOT NULL,
    fixed_lens boolean NOT NULL,
    quality text NOT NULL,
    metadata json,
    webhook_url text,
    callback_always boolean NOT NULL DEFAULT false,
    price_credits bigint NOT NULL CHECK (price_credits >= 0),
    engine text,
    plan jsonb,
    output_key text,
    error_code text,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CHECK ((status = 'succeeded') = (output_key IS NOT NULL)),
    CHECK ((status = 'failed') = (error_code IS NOT NULL)),
    CHECK ((finished_at IS NULL) = (status IN ('queued', 'processing')))
) WITH (fillfactor = 70);
CREATE INDEX tasks_of_key ON tasks (key_id, seq DESC);
CREATE INDEX tasks_of_account ON tasks (account_id, seq DESC);
CREATE INDEX tasks_waiting ON tasks (turn) WHERE status = 'queued';
CREATE INDEX tasks_waiting_of_account ON tasks (account_id, turn) WHERE status = 'queued';

CREATE TABLE task_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id text NOT NULL REFERENCES tasks DEFERRABLE INITIALLY DEFERRED,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    status task_status NOT NULL,
    attempt integer NOT NULL,
    detail jsonb
);
CREATE INDEX task_events_task ON task_events (task_id, id);

CREATE TABLE files (
    key text PRIMARY KEY,
    task_id text NOT NULL REFERENCES tasks,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX files_task ON files (task_id);

-- The ledger: double entry, whole credits, append-only ----------------------------------------------
CREATE TYPE ledger_kind AS ENUM ('grant', 'hold', 'capture', 'release');
CREATE TYPE ledger_book AS ENUM ('issued', 'available', 'held', 'revenue');

CREATE TABLE ledger_transactions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind ledger_kind NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts,
    task_id text REFERENCES tasks DEFERRABLE INITIALLY DEFERRED,
    note text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (task_id, kind),
    CHECK ((task_id IS NULL) = (kind = 'grant'))
);
CREATE UNIQUE INDEX ledger_resolved_once ON ledger_transactions (task_id) WHERE kind IN ('capture', 'release');
CREATE INDEX ledger_transactions_account ON ledger_transactions (account_id, id DESC);

CREATE TABLE ledger_entries (
    transaction_id bigint NOT NULL REFERENCES ledger_transactions,
    book ledger_book NOT NULL,
    account_id bigint REFERENCES accounts,
    credits bigint NOT NULL,
    PRIMARY KEY (transaction_id, book),
    CHECK ((book IN ('available', 'held')) = (account_id IS NOT NULL))
);
CREATE INDEX ledger_entries_account ON ledger_entries (account_id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    EXECUTE FUNCTION refuse_change();

-- Webhooks ------------------------------------------------------------------------------------------
CREATE TYPE delivery_state AS ENUM ('pending', 'delivered', 'failed', 'off');

CREATE TABLE deliveries (
    id text PRIMARY KEY,
    task_id text NOT NULL REFERENCES tasks,
    event task_status NOT NULL,
    url text NOT NULL,
    body bytea NOT NULL,
    state delivery_state NOT NULL DEFAULT 'pending',
    tries integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    UNIQUE (task_id, event)
) WITH (fillfactor = 80);
CREATE INDEX deliveries_age ON deliveries (created_at DESC);

CREATE TABLE delivery_tries (
    delivery_id text NOT NULL REFERENCES deliveries,
    try integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    duration_s real NOT NULL,
    status integer,
    error text,
    answer text,
    PRIMARY KEY (delivery_id, try)
);

CREATE TABLE webhooks_off (
    account_id bigint NOT NULL REFERENCES accounts,
    url text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    PRIMARY KEY (account_id, url)
);

-- Workers -------------------------------------------------------------------------------------------
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    engines text[] NOT NULL,
    concurrency integer NOT NULL,
    running text[] NOT NULL DEFAULT '{}',
    metrics text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
"""

# PgQueuer notifies inside every transaction that touches its table, and PostgreSQL lets transactions
# that notify commit only one after another, disk flush included. `queue.wake` notifies after the commit.
# The indexes serve statistics and limits that are not used here; each costs something with every job.
QUEUE_TWEAKS = """
DROP TRIGGER tg_pgqueuer_changed ON pgqueuer;
DROP INDEX pgqueuer_priority_id_id1_idx, pgqueuer_updated_id_id1_idx, pgqueuer_queue_manager_id_idx,
    pgqueuer_log_job_id_status, pgqueuer_log_not_aggregated, pgqueuer_log_status;
ALTER TABLE pgqueuer_log SET UNLOGGED;
"""


def upgrade() -> None:
    _script(SCHEMA)
    queue = QueryBuilderEnvironment()
    _script(queue.build_install_query())
    _script(queue.build_optimize_autovacuum_query())
    _script(QUEUE_TWEAKS)


def downgrade() -> None:
    raise RuntimeError("the first revision is not undone: drop the database instead")


def _script(sql: str) -> None:
    """Run several statements at once, inside Alembic's transaction."""
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda raw: raw.execute(sql))  # type: ignore[union-attr]

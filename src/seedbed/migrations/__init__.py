"""The schema's history: Alembic revisions in plain SQL. `HEAD` names the newest."""

HEAD = "0014"

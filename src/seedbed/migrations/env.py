"""How Alembic connects: the asyncpg driver, one transaction for each revision."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine


def _run(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def _main(dsn: str) -> None:
    _, _, rest = dsn.partition("://")
    engine = create_async_engine(f"postgresql+asyncpg://{rest}", poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main(context.config.attributes["dsn"]))

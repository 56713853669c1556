"""The peer of `status`: a bare FastAPI route with one asyncpg read by primary key, and nothing else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(os.environ["SEEDBED_DATABASE_URL"], min_size=4, max_size=24)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


@app.get("/tasks/{task_id}")
async def read(task_id: str) -> dict[str, Any]:
    row = await app.state.pool.fetchrow(
        "SELECT id, status::text, model, prompt, duration_s, aspect_ratio FROM tasks WHERE id = $1", task_id
    )
    return dict(row)

"""`make bench`: every figure with its peer or floor from the same run."""

from __future__ import annotations

import os

from rich.console import Console
from rich.table import Table

from bench import dialects, pages, status, submit, throughput
from bench.stand import stand


def main() -> None:
    console = Console(highlight=False)
    console.print(f"[bold]Seedbed bench[/] on {os.cpu_count()} cores; ratios are within one run\n")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("what", "ours", "peer or floor", "ratio", "goal"):
        table.add_column(name)
    with stand() as here:
        found = submit.measure(here)
        table.add_row(
            "submit/s over HTTP, 16 connections",
            f"{found['submits_per_s']:.0f}",
            f"pgbench TPC-B {found['pgbench_per_s']:.0f}",
            f"{found['ratio']:.2f}",
            "",
        )
    with stand() as here:
        found = status.measure(here)
        table.add_row(
            "status/s on one core",
            f"{found['ours_per_s']:.0f}",
            f"bare FastAPI + asyncpg {found['bare_per_s']:.0f}",
            f"{found['ratio']:.2f}",
            "≥ 0.6",
        )
    with stand() as here:
        for name, times in dialects.measure(here).items():
            told = ", ".join(f"{what} {ratio:.2f}×" for what, ratio in times.items())
            table.add_row(f"{name}, beside the Open API", told, "1×", "", "≤ 1.3×")
    with stand() as here:
        found = throughput.latency(here)
        table.add_row(
            "accept → start, idle",
            f"p50 {found['start_ms_p50']:.1f} ms, p99 {found['start_ms_p99']:.1f} ms",
            "",
            "",
            "p50 ≤ 20 ms",
        )
    for engine, what, goal in (
        ("Refuse", "tasks/s, no-op engine: claim, start, end", "≥ 500"),
        ("Noop", "tasks/s, ready-made file: proof and storage too", ""),
    ):
        with stand() as here:
            found = throughput.measure(here, engine)
        table.add_row(
            what,
            f"{found['tasks_per_s']:.0f}",
            f"PgQueuer alone {found['pgqueuer_alone_per_s']:.0f}",
            f"{found['ratio']:.2f}",
            goal,
        )
    console.print(table)
    console.print("\nPages of the console, with 100,000 tasks in the account\n")
    with stand() as here:
        console.print(pages.table_of(pages.measure(here)))


if __name__ == "__main__":
    main()

"""`python -m seedbed.engines.previz` compiles the engine's kernels, as `make setup` does."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from seedbed.engines.previz import warm

if __name__ == "__main__":
    # A compiler holds the interpreter's lock: two kernels are only compiled at once in two processes.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(warm, (0, 1)))

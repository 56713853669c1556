"""`python -m seedbed.engines.previz` compiles the engine's kernels, as `make setup` does."""

from seedbed.engines.previz import warm

if __name__ == "__main__":
    warm()

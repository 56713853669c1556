"""`python -m seedbed`, and the `seedbed` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. An error that the user can mend ends with its message and exit code 1."""
    from seedbed.cli import app
    from seedbed.errors import SeedbedError

    try:
        app()
    except SeedbedError as error:
        print(f"seedbed: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


if __name__ == "__main__":
    main()

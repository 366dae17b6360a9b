"""`python -m runstone`: the command."""

from __future__ import annotations

from runstone.cli import main

if __name__ == "__main__":
    raise SystemExit(main())

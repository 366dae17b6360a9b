"""`python -m runstone`: the command."""

from __future__ import annotations

from runstone.cli import process

if __name__ == "__main__":
    process()

"""Doors for what other people's programs say of their runs."""

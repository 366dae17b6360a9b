"""SQLite, of the standard library."""

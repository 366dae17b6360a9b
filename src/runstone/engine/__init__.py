"""The engine: one verb a file. It is handed adapters and contracts and imports neither."""

"""The file system: sealed bundles as folders, open runs beside them in `.runstone/`."""

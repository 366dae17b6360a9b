"""The default contract, `runstone/1`."""

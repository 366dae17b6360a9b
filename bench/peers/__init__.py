"""Adapters: one module a contender, driving its public API with the same five calls (`bench.peers.base`)."""

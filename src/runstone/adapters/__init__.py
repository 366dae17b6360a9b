"""Adapters: what carries out a port. Only `locate` imports them."""

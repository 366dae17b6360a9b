"""Contracts: one package each; `locate` finds them by name."""

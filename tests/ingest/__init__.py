"""Agents of other people's frameworks, recorded as they are."""

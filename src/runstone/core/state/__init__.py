"""Resumable state as bytes: what of a blob is new beside the one before it, and the record that is stored of it.

docs/format/state-1.md is the rule.
"""

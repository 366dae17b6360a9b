"""Eval logs of Inspect (`inspect_ai`), as foreign runs."""

"""Fault sweeps: what holds when a process is killed, power fails, a system call fails, or twenty do it at once.

Each sweep prints how much it tried and fails below its minimum; each defence has a mutant that must be caught.
Run them with `python -m faults` (all, minutes) or `python -m faults --sample` (a bounded part of each).
"""

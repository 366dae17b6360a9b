"""Redaction: no secret reaches the disk.

`rules` says what a secret looks like, `redactor` takes secrets out of values, `gate` tells at little cost that a
line is clean, so that most lines never reach the redactor.
"""

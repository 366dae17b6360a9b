"""Replay: a recorded run done again, with what its tools answered taken from the record."""

"""Policies: what decides before work is done, as data and a pure function, and what it comes to."""

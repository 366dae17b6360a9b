"""Everything in this process's memory: for tests, and for runs that are looked at and thrown away."""

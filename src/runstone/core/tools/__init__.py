"""Tools that a run calls: what a contract of one says, what rules over calls, and what they cost."""

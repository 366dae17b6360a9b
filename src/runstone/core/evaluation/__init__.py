"""How good a run was, and on what it rests: samples and intervals, citations, what comes of verdicts. Pure."""

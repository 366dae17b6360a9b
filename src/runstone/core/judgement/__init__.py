"""A verdict on a run, beside a baseline: rules as text, and what each comes to. Pure."""

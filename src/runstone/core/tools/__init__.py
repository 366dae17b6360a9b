"""Tool contracts: what a tool takes and answers, what it does to the world, and what of its data may be recorded."""

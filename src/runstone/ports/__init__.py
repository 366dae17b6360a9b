"""What the engine asks of the world: one Protocol a file, its docstring the contract."""

"""For those who write an adapter: suites that state what a port promises, and stores that break each promise."""

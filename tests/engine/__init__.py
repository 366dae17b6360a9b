"""Tests of the engine on the file system."""

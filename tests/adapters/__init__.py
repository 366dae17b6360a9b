"""Tests of what fills the ports."""

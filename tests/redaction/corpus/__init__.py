"""Secrets, places, encodings and look-alikes that the redactor is measured by; see the README of this package."""

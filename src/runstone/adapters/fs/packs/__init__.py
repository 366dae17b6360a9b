"""Packs: many small bundles in few files. A segment holds sealed ones, a spool the events of those that are open."""

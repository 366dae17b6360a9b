"""One module a measured row. Each has a `ROW` (`bench.measurement.Row`) and says what is measured and how its
floor is built.
"""

NAMES = (
    "append",
    "busy_thread",
    "whole_run",
    "kill9",
    "wrapper_true",
    "wrapper_200mb",
    "import_time",
    "verify",
    "memory",
    "redaction",
    "newest",
    "catalog",
    "find",
    "reindex",
    "diff",
    "decisions",
    "services",
    "tool_call",
    "states",
    "phases",
)

"""The one error of the tool."""


class ToolError(Exception):
    """The tool cannot give a trustworthy answer; the message says what is in the way."""

"""What a run tells of who acts in it: tools and models that are called, what rules over them, what was retrieved, and
how good it was.

Here is what the words mean; what happens is in the modules that they import when they are first used: most runs never
say any of them.
"""

from __future__ import annotations


class Acting:
    """The methods of `Run` that an agent's run has use for."""

"""Starts the tool: `python tools/crashpoints ...`, or `python -m crashpoints ...` from inside `tools`."""

import os
import sys

if not __package__:
    # Started by its path: Python put this folder on the search path, where the package's parent belongs.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from crashpoints.command_line import main

sys.exit(main())

"""A sacred experiment that runs a command, its output captured by file descriptor: `sacred_wrapper.py STORE
COMMAND...`.
"""

import subprocess
import sys

from sacred import SETTINGS, Experiment
from sacred.observers import FileStorageObserver

SETTINGS.CAPTURE_MODE = "fd"
experiment = Experiment("wrapped", save_git_info=False)
experiment.observers.append(FileStorageObserver(sys.argv[1] + "/runs"))


def main() -> int:
    """Run the command."""
    return subprocess.run(sys.argv[2:]).returncode


experiment.main(main)
experiment.run()

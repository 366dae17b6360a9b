"""`python -m bench.setup_peers [NAME...]`: one virtual environment a peer, from its pinned requirements.

Without names, all of `bench/requirements/`. The peers' pins were measured with CPython 3.11; guild's needs
it.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from bench.environment import PROJECT

REQUIREMENTS = PROJECT / "bench" / "requirements"


def make_environment(name: str, venvs: Path) -> None:
    """Create the environment anew and install the peer."""
    folder = venvs / name
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-r", str(REQUIREMENTS / f"{name}.txt")], check=True)


def main() -> int:
    """Make each environment; one that fails does not stop the others."""
    known = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
    parser = argparse.ArgumentParser(prog="python -m bench.setup_peers")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--venvs", type=Path, default=PROJECT / "bench" / ".venvs")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(known)):
        parser.error(f"no such peer: {', '.join(unknown)}")
    failed = []
    for name in arguments.names or known:
        print(name, flush=True)
        try:
            make_environment(name, arguments.venvs)
        except subprocess.CalledProcessError:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

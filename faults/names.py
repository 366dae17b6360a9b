"""Two defences of the file system's adapter that no crash shows: files are never written over, links never followed.

Each is tried with the defence and with its mutant, in processes of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import runstone
from faults.flips import make_bundle
from faults.sweep import Result, environment
from runstone.errors import RunstoneError


def overwriting(place: Path) -> bool:
    """Whether a file of a bundle that is being made can be written over by another of the same name."""
    stage = runstone.open(place / "runs").objects.stage("staged")
    stage.put("run.json", [b"first"])
    try:
        stage.put("run.json", [b"second"])
    except RunstoneError as exc:
        return exc.code != "file_exists"
    finally:
        stage.discard()
    return True


def following(place: Path) -> bool:
    """Whether a link in a bundle is read as the file that it points at."""
    bundle = make_bundle(place)
    target = place / "secret.txt"
    linked = bundle / "run.json"
    target.write_bytes(linked.read_bytes())
    os.unlink(linked)
    os.symlink(target, linked)
    return runstone.verify(bundle).ok


PROBES = {"overwriting": (overwriting, "truncate-instead-of-refuse"), "following": (following, "link-followed")}


def names(scratch: Path, sample: bool) -> Result:
    """The sweep over both, each with and without its mutant."""
    problems = []
    for probe, (_, mutant) in PROBES.items():
        if _holds(scratch / f"{probe}-defended", probe, None) != "False":
            problems.append(f"{probe}: the defence does not hold")
        if _holds(scratch / f"{probe}-mutant", probe, mutant) != "True":
            problems.append(f"{probe}: the mutant {mutant} is not noticed")
    return Result("names: overwriting, following", 2 * len(PROBES), 2 * len(PROBES), problems)


def _holds(place: Path, probe: str, mutant: str | None) -> str:
    place.mkdir()
    command = [sys.executable, "-m", "faults.names", probe, str(place), *([mutant] if mutant else [])]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip()[-300:]


def main() -> int:
    """Run one probe and print what it says."""
    from faults.mutants import apply_mutant

    if len(sys.argv) > 3:
        apply_mutant(sys.argv[3])
    print(PROBES[sys.argv[1]][0](Path(sys.argv[2])))
    return 0


if __name__ == "__main__":
    sys.exit(main())

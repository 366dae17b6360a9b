"""The beginning of a process that replays a run: its guards are up before any code of the program runs.

`engine.replay.launching` puts a `sitecustomize` first on the path, which calls `begin`. What fails here ends the
process: a program without guards would do for real what is to be answered.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any, Final

REPLAY_SETTING: Final = "RUNSTONE_REPLAY"
SITE_MODULE: Final = "sitecustomize"
FAILED_STATUS: Final = 70


def begin(site: str, python_path: str | None) -> None:
    """Read what is to be replayed, put the guards up, and hand on to the environment's own `sitecustomize`.

    `site` is the folder of the one that calls this, `python_path` what `PYTHONPATH` is without it.
    """
    try:
        _begin(*os.environ.pop(REPLAY_SETTING).split(","))
    except BaseException as exc:  # whatever it is: nothing of the program may run
        sys.stderr.write(f"runstone replay: the process is not guarded: {type(exc).__name__}: {exc}\n")
        sys.stderr.flush()
        os._exit(FAILED_STATUS)
    if python_path is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = python_path
    sys.path[:] = [path for path in sys.path if os.path.realpath(path or ".") != os.path.realpath(site)]
    spec = PathFinder.find_spec(SITE_MODULE)
    if spec is not None and spec.loader is not None:
        module = sys.modules[SITE_MODULE] = module_from_spec(spec)
        spec.loader.exec_module(module)


def _begin(plan_fd: str, report_fd: str) -> None:
    from runstone.engine.current import REPLAY
    from runstone.engine.replay.confining import confine
    from runstone.engine.replay.guards import Guards
    from runstone.engine.replay.isolation import isolate
    from runstone.engine.replay.session import Plan, Session
    from runstone.locate import SPOOL_SETTING, hidden, open_store

    with open(int(plan_fd), "rb") as file:
        plan = Plan(json.loads(file.read()))
    report = int(report_fd)
    os.set_inheritable(report, False)  # noqa: FBT003  # it takes nothing by name

    def send(told: dict[str, Any]) -> None:
        data = json.dumps(told).encode() + b"\n"
        while data:
            data = data[os.write(report, data) :]

    guards: list[dict[str, Any]] = [{"name": "audit hook", "active": True, "reason": None}]
    reason = isolate() if plan.not_isolated is None else plan.not_isolated
    guards.append({"name": "network namespace", "active": reason is None, "reason": reason})
    store = open_store(plan.store)
    spool = os.environ.get(SPOOL_SETTING)  # where a store that is packed keeps open runs
    own_places = [store.url, *([spool] if spool else [])]
    reason = confine([*plan.scratch, *own_places]) if not plan.live else plan.not_isolated
    guards.append({"name": "landlock", "active": reason is None, "reason": reason})
    scratch = plan.scratch[0]
    session = Session(plan, store, lambda: open_store(os.path.join(scratch, "store")), send, hidden, guards)
    own = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "adapters")
    session.guards = Guards(plan.scratch, own, own_places, session.refused)
    session.guards.install()
    REPLAY.session = session
    send({"guards": guards})

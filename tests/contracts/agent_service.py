"""A tiny agent, and the three ways to it: a call of a library, a command, a service. All go through `ArtifactStore`.

As a command: `python -m tests.contracts.agent_service FOLDER QUESTION`. Clock, entropy and host are the fixed ones of
`runstone.testing`, as the same run has the same bytes once ids, times and the facts of the process are the same.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.contracts.agent_work import work

from runstone.adapters.schemas import JsonSchemas
from runstone.contracts.agent import AgentRun, ArtifactStore
from runstone.engine.store import Store
from runstone.locate import GENERATOR, contract_of, open_store
from runstone.testing.fakes import FixedClock, FixedEntropy, FixedHost


def fixed_store(folder: str) -> ArtifactStore:
    """The store in a folder, by the ports of a process that is always the same."""
    disk = open_store(folder)
    ports = (disk.objects, disk.journals, FixedHost(), FixedClock(), FixedEntropy())
    return ArtifactStore(Store(disk.url, *ports, contract_of, GENERATOR, list, schemas=JsonSchemas))


def answer(store: ArtifactStore, question: str) -> dict[str, Any]:
    """What the agent has to say: the library."""
    described = AgentRun("research", version="1", request_id="r-17", user="ann", config={"question": question})
    with store.open(described) as run:
        work(run)
        said = {"answer": f"granite, if you ask me {question}"}
        run.log(said["answer"])
        run.check("answered", "pass", "run.log:line:1")
        run.finish(result=said)
    return {"run_id": run.run_id, "digest": run.digest, **said}


def service(store: ArtifactStore) -> Any:
    """The agent behind HTTP: `POST /ask` with `{"question": …}`."""
    from fastapi import Body, FastAPI

    app = FastAPI()

    @app.post("/ask")
    def ask(question: str = Body(embed=True)) -> dict[str, Any]:
        return answer(store, question)

    return app


if __name__ == "__main__":
    print(json.dumps(answer(fixed_store(sys.argv[1]), sys.argv[2])))

"""Checkpoint savers of LangGraph, each on an empty store of its own: ours, and those of LangGraph.

All are driven through the same calls, `put` and `get_tuple`, as LangGraph makes them, with its own serialiser. What is
stored is measured when the store is closed, so that a log that is still to be folded in does not count twice.
"""

import sqlite3
import sys
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver


class Saver:
    """A saver, and how much it has stored."""

    saver: BaseCheckpointSaver[Any]

    def __init__(self, folder: Path, *, quick: bool = False) -> None:
        """`quick` syncs nothing: to prepare what is read afterwards."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.quick = quick
        self.open()

    def open(self) -> None:
        """Open the store."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it."""

    def stored_bytes(self) -> int:
        """What is stored, once it is closed."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


class Runstone(Saver):
    """Ours."""

    def open(self) -> None:
        from runstone.adapters.sqlite import states
        from runstone.ingest.langgraph import RunstoneSaver

        usual = states.SYNCHRONOUS
        states.SYNCHRONOUS = "OFF" if self.quick else usual
        self.saver = RunstoneSaver.open(self.folder / "states.db")
        list(self.saver.list(None, limit=1))
        states.SYNCHRONOUS = usual

    def close(self) -> None:
        self.saver.close()


class Sqlite(Saver):
    """LangGraph's own, as it comes: WAL, a sync a commit."""

    def open(self) -> None:
        from langgraph.checkpoint.sqlite import SqliteSaver

        self.connection = sqlite3.connect(self.folder / "checkpoints.db", check_same_thread=False)
        self.saver = SqliteSaver(self.connection)
        self.saver.setup()
        if self.quick:
            self.connection.execute("PRAGMA synchronous = OFF")

    def close(self) -> None:
        self.connection.close()


class Memory(Saver):
    """LangGraph's own, which stores nothing."""

    def open(self) -> None:
        from langgraph.checkpoint.memory import InMemorySaver

        self.saver = InMemorySaver()


class Postgres(Saver):
    """LangGraph's own, on a server that is started for it; stored are the tables with all that belongs to them."""

    def open(self) -> None:
        import tempfile

        from langgraph.checkpoint.postgres import PostgresSaver

        from bench.environment import PROJECT

        sys.path.append(str(PROJECT / "tools"))
        import postgres

        self.place = tempfile.mkdtemp(prefix="runstone-bench-postgres-")
        Path(self.place).chmod(0o755)  # the server is another user's
        self.server = postgres.server(Path(self.place) / "server")
        self.context = PostgresSaver.from_conn_string(self.server.__enter__())
        self.saver = self.context.__enter__()
        self.saver.setup()

    def stored_bytes(self) -> int:
        return self.stored

    def close(self) -> None:
        import shutil

        tables = "unnest(array['checkpoints', 'checkpoint_blobs', 'checkpoint_writes']) AS name"
        with self.saver.conn.cursor() as cursor:
            cursor.execute(f"SELECT sum(pg_total_relation_size(name::regclass))::bigint AS size FROM {tables}")
            self.stored = int(cursor.fetchone()["size"])
        self.context.__exit__(None, None, None)
        self.server.__exit__(None, None, None)
        shutil.rmtree(self.place)


SAVERS = {
    "runstone": Runstone,
    "langgraph:sqlite": Sqlite,
    "langgraph:memory": Memory,
    "langgraph:postgres": Postgres,
}


def load_saver(name: str, scratch: Path, *, quick: bool = False) -> Saver:
    """A contender's saver on an empty store inside `scratch`."""
    return SAVERS[name](scratch / name.replace(":", "-"), quick=quick)

"""What a store does with runs that stand: prove them, seal what dead writers left, sweep, and do a run again.

Here is what the words mean; what happens is in the modules that they import when they are used.
"""

from __future__ import annotations

from runstone.engine.current import OfThisProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from typing import Any

    from runstone.core.digests import Digest
    from runstone.engine.recoverer import Recovery
    from runstone.engine.replay.report import Replay
    from runstone.engine.store import Store
    from runstone.engine.verifier import Report
    from runstone.ports.journals import Leftover


class Proving(OfThisProcess):
    """The methods of `Store` that prove, mend and repeat."""

    _elsewhere = "hand its `url` on, and `runstone.open` that there"

    def verify(self, run: str, *, quick: bool = False, digest: Digest | None = None, secrets: bool = False) -> Report:
        """Verify one sealed run; see `runstone.verify`."""
        from contextlib import closing

        from runstone.engine.publishing import publisher_of
        from runstone.engine.verifier import DEBUG_KEPT, verify_bundle

        store = _whole(self)
        run_id = store.resolve(run)
        with closing(store.objects.open(run_id)) as bundle:
            redactor = store.redactor() if secrets else None
            report = verify_bundle(
                bundle, store.contract_of, quick=quick, digest=digest, redactor=redactor, publisher=publisher_of(store)
            )
        report.expect_run_id(run_id)
        report.not_checked += [DEBUG_KEPT] if store.journals.debug.names(run_id) else []
        return report

    def recover(self, run: str | None = None, *, force: bool = False) -> list[Recovery]:
        """Seal what dead writers left, one run or all; a run whose writer is alive is left alone unless `force`.

        A run that cannot be sealed here is `skipped`, with the `reason`, and stays open. Raises `run_not_found`,
        `ambiguous_run`; and `store_unavailable` or `unsealed`, when every other run was tried.
        """
        from runstone.engine.naming import open_id
        from runstone.engine.recoverer import recover, recover_all

        store = _whole(self)
        if run is not None:
            return [recover(open_id(store, run), store.objects, store.journals, store.contract_of, force=force)]
        done, failures = recover_all(store, force=force)
        if failures:
            raise failures[0]
        return done

    def leftovers(self) -> list[Leftover]:
        """What processes that died left half made beside the runs: `name` and `size_bytes` of each."""
        return _whole(self).journals.leftovers()

    def sweep(self) -> list[Leftover]:
        """Remove the leftovers; answers what was removed. What a living process holds is let be."""
        return _whole(self).journals.sweep()

    def replay(
        self,
        run: str,
        *,
        mode: str | None = None,
        live: Iterable[str] = (),
        identities: Sequence[Any] = (),
        scratch: str | os.PathLike[str] | None = None,
        trust: bool = False,
        network: bool = False,
    ) -> Replay:
        """Do a run again, in a process of its own, its tools answered from the record; answers what came of it.

        Calls come in `strict` order or `by-key`; without a `mode` the record decides. Those named in `live` are made
        for real (`hybrid`). `identities` open what debug mode has kept, `scratch` is a folder that may be written,
        `trust` is for a run that was imported. A wrapped command is run in its folder, which is this process's
        meanwhile, and reaches the network with `network`. Raises as `get`; `cannot_replay`, `not_trusted`,
        `bundle_damaged`, `file_not_found`, `digest_mismatch`, `invalid_option`, `store_unavailable`,
        `unsupported_store`.
        """
        from runstone.engine.replay.replayer import replay

        given = None if scratch is None else str(scratch)
        options: dict[str, Any] = {"scratch": given, "trust": trust, "network": network}
        return replay(_whole(self), run, mode=mode, live=live, identities=identities, **options)


def _whole(proving: Proving) -> Store:
    return proving  # type: ignore[return-value]  # `Store` is the one class that is made of it

"""Import run folders that OVC's own writer left: `run.json`, `checks.json`, `run.log`, perhaps `artifacts/`.

Every folder is read and proved, also against the limits of the format and the runs of the store, before one is
imported. Nothing of the import enters a run: the same original gives the same digest, and importing it again changes
nothing.
"""

from __future__ import annotations

import os
from contextlib import closing

from runstone.contracts.ovc.document import NAME, VERSION
from runstone.contracts.ovc.foreign import foreign_run
from runstone.contracts.ovc.original import read_original, run_folders
from runstone.engine.importer import import_foreign, prove_foreign, refuse_own
from runstone.locate import open_bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.core.digests import Digest
    from runstone.engine.importer import ForeignRun
    from runstone.engine.store import Store
    from runstone.ports.objects import Committed


def import_runs(path: str | os.PathLike[str], store: Store) -> list[tuple[str, Digest, Committed]]:
    """Import one run folder, or a folder of many; answers run id, run digest and whether it was there, for each.

    `path` may be an archive of such folders. Raises `inside_own_store`, `file_not_found`, `invalid_archive` with the
    place of the fault, also where two folders have one id, `invalid_path`, `too_deep` and `too_large` with the place of
    what a bundle cannot hold, and `run_exists` with the place of the run whose id another one has.
    """
    place = os.fspath(path)
    refuse_own(place, store.url)
    with closing(open_bundle(place)) as bundle:
        folders = run_folders(bundle)
        redactor, contract = store.redactor(), store.contract_of(NAME, VERSION)

        def runs() -> Iterator[ForeignRun]:  # read anew each time: all of them may be more than fits in memory
            for folder, entries in folders.items():
                yield foreign_run(read_original(bundle, folder, entries), redactor)

        prove_foreign(runs(), store.objects, store.journals, contract, redactor)
        return [import_foreign(run, store.objects, contract, redactor) for run in runs()]

"""Import the runs of a project of rentl: a folder with `state`, `artifacts` and `logs`, as rentl has left it.

Every run is read and proved, also against the limits of the format and the runs of the store, before one is imported.
Nothing of the import enters a run: the same records give the same digest, and importing them again changes nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runstone.contracts.rentl import layout
from runstone.contracts.rentl.document import NAME, VERSION
from runstone.contracts.rentl.opening import open_stores
from runstone.contracts.rentl.sealing import Maker, read
from runstone.engine.importer import prove_foreign, refuse_own

if TYPE_CHECKING:
    from runstone.contracts.rentl.sealing import Sealed
    from runstone.engine.store import Store


def import_runs(path: str | os.PathLike[str], store: Store) -> list[Sealed]:
    """Import every run of a project, oldest id first; answers run id, run digest and whether it was there, for each.

    Raises `StorageError` with the place of what cannot be read, `inside_own_store`, `invalid_archive` for a time that
    is none, `too_large` and `too_deep` with the run that no bundle can hold, and `run_exists` with the run, or phase,
    whose id another run has.
    """
    place = os.fspath(path)
    refuse_own(place, store.url)
    stores = open_stores(place, redact=False)  # nothing is written to it
    found = [read(stores, run_id) for run_id in sorted(layout.run_ids(place))]
    makers = [Maker(records, str(records.state.run_id), store, imported=True) for records in found]
    runs = (run for maker in makers for run in maker.foretold())
    prove_foreign(runs, store.objects, store.journals, store.contract_of(NAME, VERSION), store.redactor())
    return [maker.commit() for maker in makers]

"""`runstone import`: bundles and archives of Runstone, and folders of runs that another system recorded."""

from __future__ import annotations

import os
import shlex
from contextlib import closing

import click

from runstone.cli.measures import count_text
from runstone.cli.parameters import json_option, store_option
from runstone.cli.rendering import Screen, Span, print_json, say
from runstone.cli.runs import nothing_in
from runstone.core import layout
from runstone.engine.store import Store
from runstone.errors import error
from runstone.locate import open_bundle, open_store

Imported = tuple[str, str, str]
"""Run id, run digest, `created` or `identical`."""


@click.command()
@click.argument("path", type=click.Path())
@store_option()
@json_option("Print the imported runs as a JSON list.")
def command(path: str, store: str | None, *, as_json: bool) -> None:
    """Bring what lies at PATH into the store.

    PATH is the folder of a bundle, or a tar or zip archive of one: it is verified first and copied byte by byte.
    Or it is a run that a pipeline recorded before Runstone (run.json, checks.json, run.log), or a folder or archive
    of such runs; or run artifacts of RMOS, a folder by days or one file of many. These are recorded anew, with the
    originals kept beside. Or it is the folder of a project of rentl (state, artifacts, logs), whose runs are recorded
    anew with a child for each phase. Or it is an eval log of Inspect (.eval, or .json), which is recorded anew, without
    the texts of prompts and answers; it is not kept.
    """
    opened = open_store(store)
    found = _import(path, opened)
    if as_json:
        print_json([{"run_id": run_id, "digest": digest, "result": result} for run_id, digest, result in found])
        return
    screen = Screen()
    for run_id, digest, result in found:
        mark = Span(result.ljust(9), "good" if result == "created" else "dim")
        screen.stacked([mark, f" {run_id}"], Span(digest, "dim"))
    created = sum(result == "created" for *_, result in found)
    if len(found) != 1:
        say(nothing_in(opened, f"{count_text(len(found), 'run')} read, {created} new"))


def _import(path: str, store: Store) -> list[Imported]:
    from runstone.contracts.ovc.layout import RUN
    from runstone.contracts.rmos.original import is_artifact
    from runstone.ingest.inspect.log import is_log

    if is_log(path):
        from runstone.ingest.inspect.importing import import_log

        return [import_log(path, store)]
    if os.path.isdir(os.path.join(path, "state")) and not os.path.lexists(os.path.join(path, layout.MANIFEST)):
        from runstone.contracts.rentl.layout import is_project

        if is_project(path):
            from runstone.contracts.rentl import import_runs as import_pipelines

            return list(import_pipelines(path, store))
    artifacts = path.endswith(".json") and os.path.isfile(path)
    if not artifacts:
        with closing(open_bundle(path)) as bundle:
            names = [entry.path for entry in bundle.entries()]
            if layout.MANIFEST in names:
                return [store.import_bundle(bundle)]
            artifacts = any(map(is_artifact, names))
            manifests = {name.removesuffix(layout.MANIFEST) for name in names if name.endswith(f"/{layout.MANIFEST}")}
            runs = any(name.endswith(RUN) and name.removesuffix(RUN) not in manifests for name in names)
            if not (artifacts or runs):
                raise error("invalid_archive", _why_not(path, names, manifests, RUN), path=path)
    if artifacts:
        from runstone.contracts.rmos.importing import import_runs as import_artifacts

        return list(import_artifacts(path, store))
    from runstone.contracts.ovc.importing import import_runs

    return list(import_runs(path, store))


def _why_not(path: str, names: list[str], manifests: set[str], run: str) -> str:
    """Why what lies at `path` cannot be imported, and what of it can: a store, bundles, or nothing that is known."""
    stores = [name.removesuffix(layout.STORE_FILE) for name in names if name.endswith(layout.STORE_FILE)]
    if stores:
        place = os.path.normpath(os.path.join(path, min(stores)))
        store = place if os.path.isdir(place) else "STORE"
        return (
            f"{place} is a store, and a run is imported at a time: from its folder in the store, or from the archive "
            f"that `{shlex.join(['runstone', 'export', 'RUN', '--store', store, '-o', 'FILE'])}` makes"
        )
    bundles = sorted(manifests & {name.removesuffix(layout.JOURNAL) for name in names})
    if bundles:
        shown, how = bundles[0].rstrip("/"), "take out and import"
        if os.path.isdir(path):
            shown, how = os.path.normpath(os.path.join(path, shown)), "import"
        if len(bundles) == 1:
            return f"{path} holds the bundle {shown}: {how} that"
        return f"{path} holds {len(bundles)} bundles, {shown} among them: {how} one at a time"
    return (
        f"{path} holds nothing that can be imported: expected a bundle ({layout.MANIFEST}), runs ({run}), "
        "artifacts of RMOS, or the state of a project of rentl; `runstone import --help` tells more"
    )

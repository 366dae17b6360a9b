"""Reading what may be damaged: what goes wrong becomes `bundle_damaged`, with the fault that verification names.

- Nothing is proved before something goes wrong: reading stays cheap. Then the whole bundle is verified.
- If it is whole, the error stays what it is: about what was asked for, or a fault of this program.
- Who answers others with what is read proves it before: a changed byte may still be good JSON.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.errors import Damaged, InvalidInput, NotFound, RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Final

    from runstone.engine.reader import ContractOf
    from runstone.engine.verifier import Finding
    from runstone.ports.objects import Bundle

_NOT_ABOUT_BYTES: Final = frozenset({"unknown_contract", "invalid_option"})
_BROKEN_PROMISES: Final = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    StopIteration,
)
"""What code raises that takes a value for something that it is not."""


class Reading:
    """Context manager around whatever reads a file of a bundle, `path`, or folds its journal. `named` are the words by
    which `runstone verify` finds the bundle."""

    __slots__ = ("_bundle", "_contract_of", "_named", "_path")

    def __init__(self, bundle: Bundle, contract_of: ContractOf, path: str, named: tuple[str, ...]) -> None:
        self._bundle = bundle
        self._contract_of = contract_of
        self._path = path
        self._named = named

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        if not isinstance(exc, (*_BROKEN_PROMISES, InvalidInput, NotFound)):
            return
        if isinstance(exc, RunstoneError) and exc.code in _NOT_ABOUT_BYTES:
            return
        from runstone.engine.verifier import FAULT, verify_bundle

        report = verify_bundle(self._bundle, self._contract_of)
        faults = [finding for finding in report.findings if finding.level == FAULT]
        if isinstance(exc, NotFound):  # a file that nobody promised is just not there
            path = exc.details.get("path")
            faults = [fault for fault in faults if path is not None and fault.file == path]
        if faults:
            nearest = min(faults, key=lambda fault: (fault.file != self._path, fault.line is None))
            raise _damaged(self._bundle, report.run_id, nearest, self._named) from exc


def prove(bundle: Bundle, contract_of: ContractOf) -> None:
    """Raise `bundle_damaged` where manifest and journal are not what was sealed, or a file is missing, and
    `store_unavailable` where they cannot be read now; of other files not one byte is read. For who hands out what is
    folded of them: reading alone proves nothing."""
    from runstone.engine.verifier import FAULT, verify_bundle

    report = verify_bundle(bundle, contract_of, quick=True)
    fault = next((finding for finding in report.findings if finding.level == FAULT), None)
    if fault is not None and fault.code == "store_unavailable":
        raise error(fault.code, fault.message, reason=fault.message, path=fault.file)
    if fault is not None:
        raise _damaged(bundle, report.run_id, fault, (bundle.location,))


def _damaged(bundle: Bundle, run_id: str | None, fault: Finding, named: tuple[str, ...]) -> RunstoneError:
    name = bundle.location if run_id is None else f"run {run_id}"
    message = f"{name} is damaged: {fault.message} {_hint(named)}"
    where: dict[str, object] = {"path": fault.file, "line": fault.line, "run_id": run_id}
    details = {key: value for key, value in where.items() if value is not None}
    return error("bundle_damaged", message, reason=fault.message, cause=fault.code, **details)


def wrong_name(run_id: str, name: str) -> RunstoneError:
    """The error of a bundle that stands in a store under another run's id: what is said of it would be said of that."""
    reason = f"the bundle of run {run_id} stands under the name {name}"
    return error("bundle_damaged", f"run {name} is damaged: {reason}", reason=reason, cause="wrong_name", run_id=name)


def damaged_manifest(bundle: Bundle, exc: RunstoneError, named: tuple[str, ...]) -> RunstoneError:
    """The error of a manifest that cannot be read, from that of parsing it; one of another format stays what it is."""
    if exc.code == "unsupported_format" or not isinstance(exc, (InvalidInput, Damaged)):
        return exc
    place = {key: exc.details[key] for key in ("line", "column", "offset") if key in exc.details}
    message = f"{bundle.location} is damaged: {layout.MANIFEST}: {exc.message.removeprefix(layout.MANIFEST + ': ')}"
    message += f" {_hint(named)}"
    return error("bundle_damaged", message, reason=exc.message, cause=exc.code, path=layout.MANIFEST, **place)


def _hint(named: tuple[str, ...]) -> str:
    """What to type, from any folder and whatever store is the default there."""
    import shlex

    return f"(runstone verify {shlex.join(named)} names every fault)"

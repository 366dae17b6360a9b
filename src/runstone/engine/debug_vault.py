"""Debug mode: the prompts and answers of a run's model calls, encrypted, beside the store's runs and outside of them.

- Without a key nothing is kept. The key is public: what this process keeps it cannot open again.
- A text is encrypted in memory, and only then handed on: what reaches the disk, under whatever name, is ciphertext.
- It is kept before the event that names it (`name`, and the `sha256` of the ciphertext), so a crash in between leaves
  a file that no event names. Names are random.
- What cannot be kept is told by a `dropped` event of reason `debug_not_kept`, once said, and breaks nothing, not even a
  strict run: the event has size and digest all the same.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from runstone.core.digests import sha256_hex
from runstone.engine.age import encrypted, recipient_of
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.recorder import Run

NAME_BYTES: Final = 16
NAME_END: Final = ".age"
WARNING: Final = (
    "debug mode: prompts and answers of models are kept beside the runs of this store, encrypted, and are no part of "
    "this run"
)

_vaults: Final[WeakKeyDictionary[Run, Vault]] = WeakKeyDictionary()


class Vault:
    """Keeps texts of a run for one key. Raises `invalid_debug_key`, `missing_extra`."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._recipient = recipient_of(key)

    def keep(self, run: Run, text: bytes) -> dict[str, str] | None:
        """Keep a text; answers what its event says of it, or `None` where it could not be kept."""
        try:
            sealed = encrypted(text, self._recipient)
            name = run.store.entropy.random_bytes(NAME_BYTES).hex() + NAME_END
            run.store.journals.debug.put(run.run_id, name, sealed)
        except Exception as exc:  # the work goes on, whatever a library or a disk raises
            reason = exc.message if isinstance(exc, RunstoneError) else type(exc).__name__
            message = f"run {run.run_id} keeps a prompt or an answer not: {reason}"
            with suppress(RunstoneError):  # of a strict run
                run.writer.left_out("debug_not_kept", message, 1, len(text))
            return None
        return {"name": name, "sha256": sha256_hex(sealed)}


def vault_of(run: Run) -> Vault | None:
    """Where a run keeps its prompts; `None` without a key. The first call of a run records a warning.

    Raises `invalid_debug_key`, `missing_extra`.
    """
    if run.debug_key is None or not run.recording:
        return None
    known = _vaults.get(run)
    if known is not None and known.key == run.debug_key:
        return known
    vault = Vault(run.debug_key)
    if known is None and _vaults.setdefault(run, vault) is vault:
        run.log(WARNING, "warning")
    _vaults[run] = vault
    return vault


def check_key(key: Any) -> str:
    """A key that can be encrypted to, as text. Raises `invalid_debug_key`, `missing_extra`."""
    recipient_of(key)
    return str(key).strip()

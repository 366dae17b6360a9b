"""What a run tells of who acts in it: tools and models that are called, what rules over them, what was retrieved, and
how good it was.

Here is what the words mean; what happens is in the modules that they import when they are first used: most runs never
say any of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runstone.engine.models import ModelCall


class Acting:
    """The methods of `Run` that an agent's run has use for."""

    debug_key: str | None

    def model_call(
        self,
        model: str,
        prompt: Any,
        *,
        provider: str | None = None,
        parameters: Any = None,
        ref: str | None = None,
        parent: Any = None,
    ) -> ModelCall:
        """A call of a model, as a block around it: `with run.model_call(…) as call`, or `async with`.

        `prompt` is text or what JSON can hold: its size and digest are recorded, and nothing of it; so it is with the
        answer, by `call.answered` or piece by piece by `call.chunk`. `parameters` are recorded. `ref` is a framework's
        own id of the call, `parent` the call, or the id of it, that it is a part of: else the one around it here.

        What the block raises goes on, and nothing that it says is recorded. With a `debug_key` texts are kept apart,
        encrypted; the first call then raises `invalid_debug_key`, `missing_extra`.
        """
        from runstone.engine.models import ModelCall

        return ModelCall(self, model, prompt, provider, parameters, ref, parent)  # type: ignore[arg-type]  # a mixin of `Run`

    def govern(self, *, debug_key: str | None = None) -> None:
        """Say what rules over the calls of this run, and of its children, from now on.

        `debug_key` is a public key of age (`age1…`): prompts and answers of models are kept from now on, encrypted to
        it, outside of the bundle. Raises `invalid_debug_key`, `missing_extra`.
        """
        if debug_key is not None:
            from runstone.engine.debug_vault import check_key

            self.debug_key = check_key(debug_key)

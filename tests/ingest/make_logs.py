"""Make the eval logs of `logs/` with Inspect itself, where that is installed: `python tests/ingest/make_logs.py`.

Its model `mockllm` answers what it is told, so nothing is asked of a network. What Inspect writes is kept as it is, but
for tracebacks, which are full of one machine's folders: of them there is the last line.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, get_model
from inspect_ai.scorer import Score, includes, mean, scorer
from inspect_ai.solver import generate, system_message, use_tools
from inspect_ai.tool import tool

LOGS = Path(__file__).parent / "logs"
MODEL = "mockllm/model"
LONG = "Count every step before you answer. " * 60
"""Long enough to stand among the attachments."""


@tool
def divide() -> Any:
    """A tool that may fail."""

    async def execute(left: int, right: int) -> float:
        """Divide two numbers.

        Args:
            left: What is divided.
            right: By what.
        """
        return left / right

    return execute


@scorer(metrics={"length": [mean()], "polite": [mean()]}, name="shape")
def shape() -> Any:
    """Several values for a sample."""

    async def score(state: Any, target: Any) -> Score:
        text = state.output.completion
        return Score(value={"length": len(text), "polite": "please" in text}, answer=text)

    return score


async def words(self: Any, text: str) -> int:
    """How many tokens a text has, as this model sees it: words. Inspect would ask the network for a vocabulary."""
    return len(text.split())


def call(left: int, right: int) -> ModelOutput:
    """A model that calls the tool."""
    return ModelOutput.for_tool_call(MODEL, "divide", {"left": left, "right": right}, tool_call_id=f"call_{left}")


def say(text: str) -> ModelOutput:
    """A model that answers."""
    return ModelOutput.from_content(MODEL, text)


def make(name: str, form: str, samples: list[Sample], answers: list[ModelOutput], epochs: int) -> None:
    """One log, `logs/NAME.FORM`."""
    task = Task(
        name=name,
        dataset=samples,
        solver=[system_message(LONG), use_tools(divide()), generate()],
        scorer=[includes(), shape()],
        config=GenerateConfig(temperature=0.5, system_message="Be brief."),
        version=3,
        fail_on_error=False,
    )
    with TemporaryDirectory() as place, contextlib.chdir(place):
        model = get_model(MODEL, custom_outputs=answers)
        [log] = evaluate(
            task, model=model, log_dir=place, log_format=form, display="none", max_samples=1, epochs=epochs, tags=["t"]
        )
        [path] = Path(place).glob(f"*.{form}")
        body = path.read_bytes()
    if form == "json":
        body = json.dumps(untraced(json.loads(body)), indent=1).encode()
    (LOGS / f"{name}.{form}").write_bytes(body)
    print(name, form, log.status, len(body))


def untraced(value: Any) -> Any:
    """A log without the paths of its tracebacks."""
    if isinstance(value, list):
        return [untraced(item) for item in value]
    if isinstance(value, dict):
        return {key: untraced(item) for key, item in value.items() if key != "traceback_ansi"}
    traced = isinstance(value, str) and "Traceback (most recent call last)" in value
    return "Traceback (most recent call last):\n" + value.rstrip().rpartition("\n")[2] if traced else value


def main() -> None:
    """Make them all."""
    ModelAPI.count_text_tokens = words  # type: ignore[method-assign]  # see there
    get_model(MODEL).api.__class__.count_text_tokens = words  # type: ignore[method-assign]  # see there
    LOGS.mkdir(exist_ok=True)
    sums = [Sample(id="half", input="What is 1/2?", target="0.5"), Sample(id=2, input="The capital?", target="Paris")]
    answers = [call(1, 2), say("It is 0.5, if you please"), say("I do not know")]
    make("sums", "eval", sums, answers, epochs=1)
    zero = [Sample(id="zero", input="What is 1/0?", target="none"), Sample(id="one", input="1/1?", target="1")]
    make("zeros", "json", zero, [call(1, 0), say("one: 1"), say("none"), say("1, please")], epochs=2)


if __name__ == "__main__":
    main()

"""SHA-256 in its two text forms."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.digests import LARGE_BYTES, digest_of, is_sha256, new_hash, parse_digest, sha256_hex
from runstone.errors import RunstoneError

SOURCE = str(Path(__file__).parents[2] / "src")
SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize("more", [b"", b"x" * LARGE_BYTES])
@given(data=st.binary())
def test_the_digest_is_sha256(data: bytes, more: bytes) -> None:
    """Of little data and of much, in each form."""
    data += more
    expected = hashlib.sha256(data)
    assert sha256_hex(data) == expected.hexdigest()
    assert digest_of(data) == "sha256:" + expected.hexdigest()
    assert new_hash(data).hexdigest() == new_hash(data, size=1).hexdigest() == expected.hexdigest()


def test_a_short_process_loads_no_openssl() -> None:
    """A few kilobytes are hashed by the built-in function, with the same answer."""
    code = (
        "import sys\n"
        "from runstone.core.digests import new_hash, sha256_hex\n"
        "running = new_hash(b'a', size=2); running.update(b'b')\n"
        "print(sha256_hex(b'ab') == running.hexdigest(), sha256_hex(b'ab'), '_hashlib' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": SOURCE}
    )
    assert shown.stdout.split() == ["True", hashlib.sha256(b"ab").hexdigest(), "False"]


def test_much_little_data_is_hashed_by_the_quicker_function() -> None:
    """A process that hashes hundreds of small texts loads OpenSSL once that pays; the answers are the same."""
    code = (
        "import sys\n"
        "from runstone.core.digests import WARM_BYTES, sha256_hex\n"
        "data = b'x' * 4096\n"
        "answers = {sha256_hex(data) for _ in range(WARM_BYTES // len(data) - 1)}\n"
        "before = 'hashlib' in sys.modules\n"
        "answers |= {sha256_hex(data) for _ in range(2)}\n"
        "print(len(answers), before, 'hashlib' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": SOURCE}, capture_output=True, text=True)
    assert run.stdout.split() == ["1", "False", "True"], run.stderr


@pytest.mark.parametrize(
    "value",
    [
        "",
        SHA[:-1],
        SHA + "0",
        SHA.upper(),
        SHA[:-1] + "g",
        SHA[:-1] + "\u0661",
        "sha256:" + SHA,
        " " + SHA[1:],
        None,
        5,
        SHA.encode(),
        [SHA] * 64,
    ],
)
def test_what_is_no_sha256(value: Any) -> None:
    """64 lower-case hexadecimal digits and nothing else."""
    assert is_sha256(SHA)
    assert not is_sha256(value)


def test_a_digest_is_parsed() -> None:
    """`sha256:` and the digits."""
    assert parse_digest("sha256:" + SHA) == SHA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        SHA,
        "sha512:" + SHA,
        "SHA256:" + SHA,
        "sha256:" + SHA.upper(),
        "sha256:" + SHA[:-1],
        "sha256:sha256:" + SHA,
    ],
)
def test_another_form_is_refused(text: str) -> None:
    """The algorithm is named, in lower case: `invalid_digest`."""
    with pytest.raises(RunstoneError) as caught:
        parse_digest(text)
    assert (caught.value.code, caught.value.details) == ("invalid_digest", {"found": text[:80]})

"""What stands where a secret could, and is none.

- A placeholder only stands for a value: a mask, a reference, a path, a word that says that there is none.
- A reference is a placeholder where nothing stands around it: in quotation marks, or as a member of a tree, what
  looks like one (`:letmein`, `config.Zx9`) is the value itself.
- A state is what a name is given that does not always mean a secret: `auth: oauth2`, `pass: 12`, `"token": " the"`.
"""

from __future__ import annotations

from runstone.core.redaction.names import compiled, listed, says_password, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MAX_LENGTH: Final = 4096
"""What is longer stands for nothing: it is a value."""

MARKED: Final = r"\[REDACTED:[a-z0-9-]{1,64}(?::[0-9a-f]{12})?\]"
_TOLD: Final = r"redacted:[a-z0-9-]{1,64}"
"""How an event's marks tell that something went, beside the place where it stood."""
_UNREAD: Final = r"(?:\s+[A-Za-z_.]*)?$"
"""What is left of a reference that was cut off at a blank; with anything else in it, it is a value."""
_REFERENCE: Final = (
    rf"\$\{{\{{(?:[^}}]*\}}\}}|{_UNREAD})|\$\{{(?:[^}}]*\}}|{_UNREAD})|\$\((?:[^)]*\)|[A-Za-z]*$)"
    rf"|\{{\{{(?:[^}}]*\}}\}}|{_UNREAD})|#\{{(?:[^}}]*\}}|{_UNREAD})|%\((?:[^)]*\)[a-z]?|{_UNREAD})"
    r"|\\\$[({]?\w*[)}]?|" + MARKED
)
"""What another value is put in place of: `${X}`, `$(cmd)`, `{{ x }}`, `#{x}`, `%(x)s`, a mark."""

_QUOTED: Final = r"\"(?:[^\"\r\n]{0,255}[^\"\r\n\s\\,:=])?\"|'(?:[^'\r\n]{0,255}[^'\r\n\s\\,:=])?'"
"""An argument of a reference: not what parts two texts, as in `"a","b"`, `"a": "b"`, `a="b" c="d"`."""
_REPLACED: Final = (
    rf"\$?\{{\{{(?:[^{{}}\"'\r\n]|{_QUOTED}){{0,256}}+\}}\}}|[$#]\{{(?:[^{{}}\"'\r\n]|{_QUOTED}){{0,256}}+\}}"
    rf"|\$\((?:[^()\"'\r\n]|{_QUOTED}){{0,256}}+\)|%\((?:[^()\"'\r\n]|{_QUOTED}){{0,256}}+\)(?:[a-z](?![^\W_]))?+"
)
"""A reference with blanks or quotation marks in it; those of a text around it are no pair."""
_CLOSED: Final = rf"(?:(?:{_REPLACED})(?:[-_!^~+*?=.:/@]|#(?!\{{)|%(?!\()){{0,16}}+)++"
"""References in a row, and signs behind them."""
GLUED: Final = rf"{_CLOSED}(?=[^\W_])"
"""References that a letter or a digit follows: the beginning of a value."""


def reference_end(text: str, start: int) -> int:
    """Where the references end that begin at a place of a line; the place itself where none begins or none closes."""
    found = compiled(_CLOSED).match(text, start)
    return start if found is None else found.end()


def is_glued(text: str, start: int = 0) -> bool:
    """Whether references begin at a place of a line that go on as a value: `${a}hunter2`."""
    return compiled(GLUED).match(text, start) is not None


def is_placeholder(value: str) -> bool:
    """Whether a value only stands for one, wherever it stands."""
    text = value.strip() if len(value) <= MAX_LENGTH else value
    if len(text) > MAX_LENGTH:
        return False
    if len(text) < 3 or len(set(text)) < 3 or _is_filled_in(text) or text.startswith(("\\f", "\\u003c")):
        return True
    if text[0] + text[-1] in ("<>", "{}", "%%", "[]"):
        return True
    if text[0] + text[-1] == "()" and not any(char.isdigit() for char in text):
        return True
    if text[0] == "$" and _is_name(text[1:]):
        return True
    if text[0] in "/~." and "/" in text[1:] and "+" not in text and not text.endswith("="):
        return text.startswith(("~/", "./", "../")) or _is_wordy(text)
    low = text.lower()
    return (
        low in _NO_VALUE
        or low.startswith(_SOURCES)
        or compiled(_TOLD).fullmatch(text) is not None
        or compiled(r"[A-Za-z]:\\").match(text) is not None
        or (low.startswith(_REFERENCES) and compiled(r"[A-Za-z_.:/\[\]()\"'{}$ -]*").fullmatch(text) is not None)
        or _is_sample(text, low)
    )


def is_reference(value: str) -> bool:
    """Whether a value without quotation marks is an expression, a tag or a parameter: `:password`, `!Ref`, `*x`."""
    text = value.strip()
    if not 0 < len(text) <= MAX_LENGTH:
        return False
    if text[0] in "!:" and _is_name(text[1:]):
        return text[1:].lower().strip("_") in _TAGS or says_password(text[1:]) or text[0] == ":"
    if text[0] in "@&*$":
        opens = text[1:2] in ("(", "{") and (text[0] != "$" or compiled(_REFERENCE).match(text) is not None)
        return _is_name(text[1:]) or (opens and not is_glued(text)) or set(text[1:]) <= {"*"}
    return text.lower().startswith(_REFERENCES)


def _is_name(text: str) -> bool:
    return text.replace("_", "a").replace("-", "a").isalpha()


def _is_filled_in(text: str) -> bool:
    """Whether all of a text is references, or what parts them."""
    if text[0] not in "$%{#[\\":
        return False
    rest = compiled(_REFERENCE).sub("", text)
    return rest != text and not any(char.isalnum() for char in rest)


def _is_wordy(text: str) -> bool:
    """Whether a text looks like words or numbers, part by part: no `K9zz`."""
    return compiled(r"[A-Z][0-9]|[0-9][A-Z]|[!^]").search(text) is None


def _is_sample(text: str, low: str) -> bool:
    """Whether a text says that it is a sample, and is not a value beside such a word."""
    if not any(word in low for word in _SAMPLES):
        return False
    return text.endswith(("EXAMPLE", "EXAMPLEKEY")) or (
        compiled(r"[A-Za-z][0-9]+[A-Za-z]|[!#$%^&*?]").search(text) is None and "+" not in text
    )


def is_state(name: str, value: str) -> bool:
    """Whether `value` is a measure, a kind or a piece of text under a `name` that may mean a secret."""
    if len(value) > MAX_LENGTH or name.startswith("-") or says_password(name):
        return False
    words = words_of(name)
    if compiled(_NUMBER).fullmatch(value):
        return True
    if words == ["token"]:
        return value != value.strip() or (len(value) < MIN_TOKEN and compiled(r"\d|[a-z][A-Z]").search(value) is None)
    if words == ["pass"]:
        return "/" in value
    if words == ["auth"]:
        return compiled(r"(?!.*[a-z][A-Z])[A-Za-z_-]{1,16}\d{0,3}").fullmatch(value) is not None
    if words[-1:] in (["credentials"], ["credential"]):
        return value.lower() in ("include", "omit", "same-origin")
    if "signing" in words or "signingkey" in words:
        return compiled(r"(?:0x)?(?:[0-9A-F]{8}|[0-9A-F]{16}|[0-9A-F]{40})!?").fullmatch(value) is not None
    return False


MIN_TOKEN: Final = 16
"""A token that is only called so has more letters, or digits: shorter ones are pieces of a text."""
_NUMBER: Final = r"[-+$]?(?:\d{1,9}(?:[.,/]\d{1,9}){0,2}(?:[eE][-+]?\d{1,3})?|\.\d{1,9}) ?[a-zA-Z%/]{0,4}"
"""A number, perhaps with a unit: `120`, `1/3`, `12.3ms`, `440Hz`, `1e-6`."""

_NO_VALUE: Final = frozenset(
    listed("""
    none null nil true false yes no nan infinity -infinity undefined unset empty missing invalid expired required
    optional string str text bytes hidden masked redacted removed unknown default inherit password passwd secret
    token changeme todo n/a optional[str] bool int float dict list basic bearer
    array boolean integer number object keep mask drop pseudonym
""")
) | {"str | none"}
_SOURCES: Final = listed("""
    env: file: vault: ssm: secretsmanager: kms: keyring: gcp: arn: op:// akv: http:// https:// os.environ os.getenv
    process.env
""")
"""How a value begins that tells where the secret is, in quotation marks, too."""
_REFERENCES: Final = listed("""
    env: env. file: vault: vault. ssm: secretsmanager: secret: ref: var. local. data. os.environ os.getenv
    process.env getpass getenv arn: config. settings. self. args. request. options. credentials. secrets. kms:
    keyring. keyring: gcp: op:// akv: http:// https://
""")
"""How an expression begins that has the value from elsewhere."""
_TAGS: Final = frozenset(
    listed("""
    base64 binary encrypted env env_var findinmap getatt if importvalue include join reference ref secret select
    split sub vault
""")
)
"""Tags of YAML: what CloudFormation, Ansible and others replace."""
_SAMPLES: Final = (
    "example",
    "your_",
    "your-",
    "yourpass",
    "placeholder",
    "xxxxx",
    "dummy_value",
    "insert_",
    "<redacted",
)

TABLES: Final[list[list[str]]] = [sorted(table) for table in (_NO_VALUE, _SOURCES, _REFERENCES, _TAGS, _SAMPLES)]
"""All words that decide, for the digest of the rules."""

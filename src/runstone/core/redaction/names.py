"""Names that say secret: `password`, `db_password`, `clientSecret`, `X-Api-Key`.

- A name is split into words (camelCase, kebab-case, snake_case, dots); whole words decide, so `author`, `max_tokens`,
  `primary_key` and `next_page_token` say nothing.
- `assignments` finds the values that such names are given in text: JSON, YAML, TOML, INI, env files, shell, SQL,
  code, HTTP, XML, URLs and command lines. Each stem that is found costs a bounded look around it.
- A value that only stands for one (`***`, `${DB_PASSWORD}`, `<token>`, `os.environ[...]`) is none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from typing import Final

    Given = tuple[int, int, str]
    """Start and end of what a name is given, and what it is: `VALUE`, `PLACEHOLDER` or `CODE`."""


def _words(table: str) -> tuple[str, ...]:
    return tuple(table.split())


RULE: Final = "named-secret"
"""Id of the rule by which a value goes that has such a name."""

VALUE: Final = "value"
PLACEHOLDER: Final = "placeholder"
CODE: Final = "code"

_KEY_WORDS: Final = _words("""
    access account admin aes api app application auth cipher consumer crypto deploy encryption fernet hmac
    ingest integration jwt license master private server service session shared signing ssh storage subscription
    webhook
""")
"""Words that make a `key` a secret."""

_STRONG: Final = _words("""
    authorization connection credential identified passcode passphrase passw secret
""")
"""Lower-case literals that hardly stand elsewhere."""

_WORDS: Final = frozenset(
    _words("""
    authorization connectionstring credential credentials passcode passphrase passwd password passwords pwd
    secret secretkey secrets token
""")
) | {f"{word}key" for word in _KEY_WORDS}
_JOINED: Final = ("passcode", "passphrase", "passwd", "password", "secret", "secretkey", "token")
"""What says secret also at the end of a word that was written without a sign between: `PGPASSWORD`, `authtoken`."""
_PASSES: Final = frozenset(
    f"{word}pass" for word in _words("admin db ftp ldap mail mysql pg proxy root smtp sql ssh sudo user")
)
"""`SSHPASS`, `dbpass`; `bypass` and `compass` are no such words."""
_PAIRS: Final = frozenset((word, "key") for word in _KEY_WORDS) | {("connection", "string")}
_NEVER_LAST: Final = frozenset(
    _words("""
    age algorithm arn at bucket budget bytes class cost count created dir directory enabled endpoint env error
    exists expiration expired expires expiry field file filename fingerprint folder format hash hint id ids index
    invalid key kind label len length limit logprob logprobs max message min missing mode name names path pattern
    policy position present prompt provider rate ref regex required reset rotation rules scope scopes selector
    size source state status strength ttl type updated uri url usage valid version
""")
)
"""What is said of a secret, and is none. `key` as in `secret_key` is told by its pair, or by `secret` before it."""

_NO_TOKEN: Final = frozenset(
    _words("""
    bos cancellation completion continuation cursor eos end fencing first idempotency input last lock mask max
    min next num output pad page pagination per prev previous price prompt public resume sep skip special start
    stop sync time total unk
""")
)
"""Words beside `token` that make it a place in a list, or a piece of text."""

_SURE: Final = frozenset(word for word in _WORDS if word.startswith(("authorization", "credential", "passw", "secret")))
"""Words that are seen in a line whatever stands around them."""

MAX_NAME: Final = 64


def words_of(name: str) -> list[str]:
    """`name` in lower-case words: `dbPassword`, `db-password`, `DB_PASSWORD` and `db.password` are the same two."""
    words: list[str] = []
    word = ""
    before = ""
    for at, char in enumerate(name):
        if not char.isalnum():
            words.append(word)
            word = ""
        elif char.isupper() and (before.islower() or (before.isupper() and name[at + 1 : at + 2].islower())):
            words.append(word)  # aB, and the B of ABc
            word = char
        else:
            word += char
        before = char
    words.append(word)
    return [word.lower() for word in words if word]


def says_secret(name: str) -> bool:
    """Whether what has this name is a secret. Where it says so, `may_stand_in` sees it in whatever holds the name."""
    name = name[-MAX_NAME:]
    words = words_of(name)
    while words and words[-1].isdigit():
        words.pop()
    if words[-1:] == ["key"]:
        return "secret" in words or _is_pair(name, words[-2:])
    if not words or words[-1] in _NEVER_LAST:
        return False
    found = {word.rstrip("0123456789") for word in words}
    if not _is_plain(name):
        return not _SURE.isdisjoint(found)
    known = (_WORDS & found) | {end for word in found for end in _JOINED if word.endswith(end)}
    if known == {"token"}:
        before = {word.removesuffix("token") for word in words}
        return _NO_TOKEN.isdisjoint(before) and name.lower().count("token") > name.lower().count("tokens")
    return (
        bool(known)
        or words[-1] == "pass"
        or not _PASSES.isdisjoint(found)
        or words == ["auth"]
        or any(_is_pair(name, words[at : at + 2]) for at in range(len(words) - 1))
    )


def _is_plain(name: str) -> bool:
    """Whether a name stands in a line as it is: nothing in it is escaped, in whatever JSON."""
    return name.isascii() and name.isprintable() and '"' not in name and "\\" not in name


def _is_pair(name: str, words: list[str]) -> bool:
    return tuple(words) in _PAIRS and _is_plain(name)


def is_placeholder(value: str) -> bool:
    """Whether a value only stands for one: a mask, a reference, a path, a word that says that there is none."""
    text = value.strip()
    if len(text) < 3 or len(set(text)) < 3 or text.startswith(("[REDACTED:", "%(", "${", "$(", "{{", "#{", "\\$")):
        return True
    if text[0] + text[-1] in ("<>", "{}", "%%", "[]", "()") or _is_tag(text):
        return True
    if text[0] in "$@&*" and _refers(text):
        return True
    if text[0] in "/~." and "/" in text[1:] and "+" not in text and not text.endswith("="):
        return True
    low = text.lower()
    return low in _NO_VALUE or low.startswith(_REFERENCES) or any(word in low for word in _SAMPLES)


def _is_tag(text: str) -> bool:
    """A tag of YAML, a parameter of SQL: `!Ref`, `:password`."""
    return text[0] in "!:" and text[1:].replace("_", "a").isalpha()


def _refers(text: str) -> bool:
    """Whether what begins with `$`, `@`, `&` or `*` is a name: `$DB_PASSWORD`, `${X}`, `$(cmd)`, `&anchor`."""
    rest = text[1:]
    return rest[:1] in "({" or rest.replace("_", "a").replace("-", "a").isalpha() or set(rest) <= {"*"}


_NO_VALUE: Final = frozenset(
    _words("""
    none null nil true false yes no nan infinity -infinity undefined unset empty missing invalid expired required
    optional string str text bytes hidden masked redacted removed unknown default inherit password passwd secret
    token changeme todo n/a optional[str] bool int float dict list
""")
) | {"str | none"}
_REFERENCES: Final = _words("""
    env: env. file: vault: vault. ssm: secretsmanager: secret: ref: var. local. data. os.environ os.getenv
    process.env getpass getenv arn: config. settings. self. args. request. options. credentials. secrets. kms:
    keyring gcp: op:// akv: http:// https://
""")
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


_COLOURS: Final = r"(?:\x1b\[[0-9;]{0,16}[A-Za-z]){0,3}"
_GAP: Final = rf"{_COLOURS}[ \t]{{0,16}}{_COLOURS}"
_OPERATOR: Final = (
    rf"(?:\\{{0,7}}[\"'])?\]?(?P<gap>{_GAP})(?P<op>=>|:=|={{1,3}}|:|>|,(?=[ \t]{{0,4}}\\{{0,7}}[\"'])){_GAP}"
)
_QUOTED: Final = r"(?P<quote>\\{0,7}[\"'`])(?P<quoted>[^\r\n]{1,4096}?)(?P=quote)"
_BARE: Final = r"(?P<bare>[^\s\"'`,;&<>(){}\[\]|\x1b]{1,4096})"
_BARE_LINE: Final = r"(?P<bare>(?:[^\s\"'`\x1b;]|;(?![A-Za-z ]{1,32}=)){1,4096})"
"""Of a line that begins with the name: all up to a space."""
MAX_SECTION: Final = 4000
"""So many characters above a line the heading of its section is looked for."""
_CALLED: Final = r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*[(\[]"
_CODE: Final = r"[A-Za-z_$][\w$]*(?:(?:\.[A-Za-z_$][\w$]*)*[(\[]|(?:\.[A-Za-z_$]+)+$)|_{0,2}(?:[A-Z][a-z]+){1,4}$"
"""A call, an item, a member, the name of a type."""

_IDENTIFIED: Final = r"(?i:identified[ \t]{1,4}(?:with[ \t]{1,4}\S{1,64}[ \t]{1,4})?by)"
"""How SQL gives a user a password."""

_patterns: dict[str, re.Pattern[str]] = {}


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    found = _patterns.get(name)
    if found is None:
        import re

        found = _patterns[name] = re.compile(pattern)
    return found


def may_stand_in(lower: bytes) -> bool:
    """Whether lower-cased bytes may hold a name that says secret; false is a proof."""
    for literal in _STRONG_BYTES:  # a generator would double the time
        if literal in lower:
            return True
    if b"token" in lower and lower.count(b"token") > lower.count(b"tokens"):
        return True
    if b"pwd" in lower or (b"key" in lower and _has_key(lower)):
        return True
    return (b"pass" in lower and _has_word(b"pass", lower)) or (b"auth" in lower and _has_word(b"auth", lower))


_STRONG_BYTES: Final = tuple(literal.encode() for literal in _STRONG)
_KEY_BYTES: Final = tuple(word.encode() for word in _KEY_WORDS)
_BETWEEN: Final = bytes(byte for byte in range(256) if not chr(byte).isalnum() or byte > 0x7F)


def _has_key(lower: bytes) -> bool:
    """Whether one of the words stands before a `key`, and no letter or digit between them."""
    at = lower.find(b"key")
    while at >= 0:
        if lower[max(0, at - 2 * MAX_NAME) : at].rstrip(_BETWEEN).endswith(_KEY_BYTES):
            return True
        at = lower.find(b"key", at + 1)
    return False


def _has_word(word: bytes, lower: bytes) -> bool:
    """Whether a word ends where no letter follows; one that is a member's value (`"status":"pass"`) names nothing."""
    at = lower.find(word)
    while at >= 0:
        end = at + len(word)
        if not lower[end : end + 1].isalpha() and not (lower[at - 2 : at] == b':"' and lower[end : end + 1] == b'"'):
            return True
        at = lower.find(word, end)
    return False


_KEYS: Final = "(?:" + "|".join(_KEY_WORDS) + ")"
_VALUE_ONLY: Final = r'(?:(?:^"?|[^"]|[^:]")(?i:{0})(?:$|[^A-Za-z])|:"(?i:{0})[^A-Za-z"])'
EXPRESSIONS: Final = (
    f"(?i:{'|'.join(_STRONG)})",
    rf"(?i:{_KEYS}[^A-Za-z0-9]{{0,64}}key)",
    r"(?:(?:^|[^A-Za-z0-9]|\\[bfnrt]|\\u00[01].)(?i:pwd)|[a-z]P(?i:wd)|[A-Z]Pwd)(?:$|[^a-z])",
    r"(?i:token)(?:$|[^sS])",
    _VALUE_ONLY.format("pass"),
    _VALUE_ONLY.format("auth"),
)
"""The same for a matcher of many, over the bytes of a line."""

TABLES: Final[list[list[str]]] = [
    sorted(table) for table in (_WORDS, map("-".join, _PAIRS), _NEVER_LAST, _NO_TOKEN, _NO_VALUE, _REFERENCES, _SAMPLES)
]
"""All words that decide, for the digest of the rules."""


def assignments(text: str) -> Iterator[tuple[int, int, int, int]]:
    """Each value in `text` that a secret's name is given: where the name starts and ends, where the value does."""
    lower = folded(text)
    for known in _compiled("identified", _IDENTIFIED).finditer(text) if "identified" in lower else ():
        value = _argument(text, known.start(), known.end())
        if value is not None and value[2] == VALUE:
            yield (*known.span(), value[0], value[1])
    seen = 0
    for first, behind in sorted(stems(lower)):
        if behind <= seen:
            continue
        start, seen = identifier(text, first, behind)
        if says_secret(text[start:seen]) and not is_value(text[start:seen], text[max(0, start - 2) : start]):
            value = given(text, start, seen)
            if value is not None and value[2] == VALUE:
                yield start, seen, value[0], value[1]
                seen = value[1]


def folded(text: str) -> str:
    """`text` in lower case, character for character."""
    return text.replace("\u0130", "i").lower()  # the one letter that is two in lower case


def stems(lower: str) -> Iterator[tuple[int, int]]:
    """Where a word stands that may be of a secret's name. A search for each is ten times as quick as one for all."""
    for stem in _STEMS:
        at = lower.find(stem)
        while at >= 0:
            end = at + len(stem)
            if stem == "key":
                may_be = lower[max(0, at - MAX_NAME) : at].rstrip("_.-").endswith(_KEY_WORDS)
            else:
                may_be = stem != "auth" or not (_is_word(lower[at - 1 : at]) or _is_word(lower[end : end + 1]))
            if may_be:
                yield at, end
            at = lower.find(stem, end)


_STEMS: Final = (*_STRONG, "auth", "key", "pass", "pwd", "token")


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def is_value(word: str, before: str = ':"') -> bool:
    """Whether a word that could name a secret is a member's value: the status `pass`, the service `auth`."""
    return word.lower() in ("auth", "pass") and before == ':"'


def identifier(text: str, start: int, end: int) -> tuple[int, int]:
    """The name around a stem: letters, digits, `_`, `-`, `.`; at most `MAX_NAME` on each side."""
    first, last = max(0, start - MAX_NAME), min(len(text), end + MAX_NAME)
    while start > first and _is_part(text[start - 1]):
        start -= 1
    while end < last and _is_part(text[end]):
        end += 1
    while text[end - 1] in "-.":
        end -= 1
    return start, end


def _is_part(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in "_-.")


def given(text: str, start: int, end: int) -> Given | None:
    """Where the value stands that the name between `start` and `end` is given, and what it is; `None` where it is
    given none."""
    if text[max(0, start - 1) : start] == ":" and not text.endswith("env:", 0, start):
        return None  # a part of something with colons
    operator = _compiled("operator", _OPERATOR).match(text, end)
    if operator is None:
        return _argument(text, start, end)
    mark, at = operator["op"], operator.end()
    if (mark == "," and text[start] != "-") or (mark == ">" and text[start - 1 : start] != "<"):
        return None
    quoted = _compiled("quoted", _QUOTED).match(text, at)
    if quoted is not None:
        return (*quoted.span("quoted"), PLACEHOLDER if is_placeholder(quoted["quoted"]) else VALUE)
    return _bare_value(text, start, at, mark, spaced=bool(operator["gap"]))


def _bare_value(text: str, start: int, at: int, mark: str, *, spaced: bool) -> Given | None:
    """A value without quotes; behind `Bearer` and its like the word that follows."""
    before = text[max(0, start - MAX_NAME) : start]  # of a long line the end will do
    line = before[max(before.rfind("\n"), before.rfind("\r")) + 1 :].strip(" \t-")
    begins = line in ("", "export", "set", "ENV", "declare -x") and not spaced
    pattern, name = (_BARE_LINE, "bare line") if begins and mark in ("=", ":") else (_BARE, "bare")
    found = _compiled(name, pattern).match(text, at)
    if found is not None and _is_scheme(found["bare"]):
        found = _compiled("after scheme", r"[ \t]{1,4}" + _BARE).match(text, found.end())
    if found is None:
        return None
    first = found.start("bare")
    value = found["bare"].rstrip(".,;:\\")
    last = first + len(value)
    if is_placeholder(value):
        return first, last, PLACEHOLDER
    is_setting = (begins and mark == "=") or (line == "" and spaced and mark == "=" and _in_ini(text, start))
    if _is_code(value, mark, prose=bool(line) and text[first - 1] in " \t", spaced=spaced, is_setting=is_setting):
        return first, last, CODE
    return None if mark == ">" and text[last : last + 1] != "<" else (first, last, VALUE)


def _is_scheme(value: str) -> bool:
    """`Bearer`, `Basic` and their like: the secret is what follows."""
    return value.lower() in ("bearer", "basic", "digest", "negotiate", "token", "apikey", "ssws")


def _in_ini(text: str, start: int) -> bool:
    """Whether a line of a file of settings stands here: the heading of its section is not far above."""
    head = text.rfind("\n[", max(0, start - MAX_SECTION), start) + 1
    if head == 0 and not text.startswith("["):
        return False
    return text[head : text.find("\n", head)].rstrip().endswith("]")


def _is_code(value: str, mark: str, *, prose: bool, spaced: bool, is_setting: bool) -> bool:
    """Whether a bare value is a word of a program or of a sentence, and not what is assigned.

    Of a setting it is only what has the form of a call, an item or a member: `DB_PASSWORD=BlueMoon` is no type.
    """
    if is_setting:
        return _compiled("called", _CALLED).match(value) is not None
    if _compiled("code", _CODE).match(value):
        return True
    if not value.replace("_", "a").isalpha():
        return False
    return (mark == ":" and prose) or (mark != ":" and spaced and value.islower())


def _argument(text: str, start: int, end: int) -> Given | None:
    """`--password VALUE` and SQL's `PASSWORD 'VALUE'`."""
    if text[start] == "-":
        found = _compiled("argument", r"[ \t]{1,4}(?:" + _QUOTED + "|" + _BARE + ")").match(text, end)
    elif text[start:end].lower().endswith(("password", "passwd", "by")):
        found = _compiled("given", r"[ \t]{1,4}(?P<quote>')(?P<quoted>[^'\r\n]{1,4096})(?P=quote)").match(text, end)
    else:
        found = None
    if found is None:
        return None
    group = "quoted" if found["quoted"] is not None else "bare"
    if found[group].startswith("-"):
        return None
    return (*found.span(group), PLACEHOLDER if is_placeholder(found[group]) else VALUE)

"""Names that say secret: `password`, `db_password`, `clientSecret`, `X-Api-Key`.

- A name is split into words (camelCase, kebab-case, snake_case, dots); whole words decide, so `author`, `max_tokens`,
  `primary_key` and `next_page_token` say nothing.
- What they are given in text is found by `given`; what only stands for a value is told by `placeholders`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Final

_patterns: dict[str, re.Pattern[str]] = {}


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, compiled when it is first needed, as `re` itself takes 5 ms to load."""
    found = _patterns.get(pattern)
    if found is None:
        import re

        found = _patterns[pattern] = re.compile(pattern)
    return found


def listed(table: str) -> tuple[str, ...]:
    """The words of a text, in their order."""
    return tuple(table.split())


RULE: Final = "named-secret"
"""Id of the rule by which a value goes that has such a name."""

KEY_WORDS: Final = listed("""
    access account admin aes api app application auth cipher client consumer crypto decrypt decryption deploy enc
    encrypt encryption fernet hmac ingest integration jwt license master pass private security server service session
    shared signing ssh storage subscription webhook
""")
"""Words that make a `key` a secret."""

_STRONG: Final = listed("""
    authorization connection credential identified passcode passphrase passw secret
""")
"""Lower-case literals that hardly stand elsewhere."""

_WORDS: Final = frozenset(
    listed("""
    authorization connectionstring credential credentials passcode passphrase passwd password passwords pwd
    secret secretkey secrets token
""")
) | {f"{word}key" for word in KEY_WORDS}
_JOINED: Final = ("passcode", "passphrase", "passwd", "password", "secret", "secretkey", "token")
"""What says secret also at the end of a word that was written without a sign between: `PGPASSWORD`, `authtoken`."""
_PASSES: Final = frozenset(
    f"{word}pass" for word in listed("admin db ftp ldap mail mysql pg proxy root smtp sql ssh sudo user")
)
"""`SSHPASS`, `dbpass`; `bypass` and `compass` are no such words."""
_PAIRS: Final = frozenset((word, "key") for word in KEY_WORDS) | {("connection", "string")}
_NEVER_LAST: Final = frozenset(
    listed("""
    age algorithm arn at attempt attempts bucket budget bytes changed class cost count created date dir
    directory embedding enabled endpoint env error exists expiration expired expires expiry field file filename
    fingerprint folder format hash helper hint id ids in index invalid issuance key kind label len length limit
    logprob logprobs max message min missing mode modified name names path pattern placement policy position
    present prompt provider rate ref regex required reset rotation rules scope scopes selector set since size
    source state status strength timeout timestamp ttl type until updated uri url usage valid version
""")
)
"""What is said of a secret, and is none. `key` as in `secret_key` is told by its pair, or by `secret` before it."""

_NO_TOKEN: Final = frozenset(
    listed("""
    bos cancellation completion continuation cursor eos end fencing first idempotency input last lock mask max
    min next num output pad page pagination per prev previous price prompt public resume sep skip special start
    stop sync time total unk
""")
)
"""Words beside `token` that make it a place in a list, or a piece of text."""

_NO_PASS: Final = frozenset(
    listed("""
    all analysis band blit blur build by color compute depth each every fast final first full geometry high last
    lighting linker loop low main multi next no notch one optimization per post pre reader render second shader
    shadow short single test third two
""")
)
"""Words before `pass` that make it a filter, a round of something, or a result."""

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
        or (words[-1] == "pass" and _NO_PASS.isdisjoint(words))
        or (not _PASSES.isdisjoint(found) and _has_word(b"pass", name.lower().encode()))  # and no `dbpassCopy`
        or words == ["auth"]
        or any(_is_pair(name, words[at : at + 2]) for at in range(len(words) - 1))
    )


def says_cookie(name: str) -> bool:
    """Whether a member or a header of this name holds cookies, of which a rule takes what a text shows."""
    return name.lower() in _COOKIES


_COOKIES: Final = ("cookie", "cookies", "set-cookie", "set_cookie")


def holds_many(name: str) -> bool:
    """Whether what has this name is a table of secrets, each under a name that its user chose: `secrets`, `cookies`."""
    return words_of(name)[-1:] in (["secrets"], ["passwords"], ["cookies"], ["cookie"])


def says_password(name: str) -> bool:
    """Whether a name that says secret means nothing but a secret: no `token`, no `auth`, no key, no `pass` alone."""
    words = [word.rstrip("0123456789") for word in words_of(name)]
    return any(word.endswith(_PASSWORDS) or word in _PASSES for word in words) or words[1:][-1:] == ["pass"]


_PASSWORDS: Final = ("passcode", "passphrase", "passwd", "password", "passwords", "pwd", "secret", "secrets")


def _is_plain(name: str) -> bool:
    """Whether a name stands in a line as it is: nothing in it is escaped, in whatever JSON."""
    return name.isascii() and name.isprintable() and '"' not in name and "\\" not in name


def _is_pair(name: str, words: list[str]) -> bool:
    return tuple(words) in _PAIRS and _is_plain(name)


def may_stand_in(lower: bytes) -> bool:
    """Whether lower-cased bytes may hold a name that says secret; false is a proof."""
    for literal in _STRONG_BYTES:  # a generator would double the time
        if literal in lower:
            return True
    if b"token" in lower and lower.count(b"token") > lower.count(b"tokens"):
        return True
    if b"pwd" in lower or (b"key" in lower and _has_key(lower)) or (b"cookie" in lower and _has_cookie(lower)):
        return True
    return (b"pass" in lower and _has_word(b"pass", lower)) or (b"auth" in lower and _has_word(b"auth", lower))


_STRONG_BYTES: Final = tuple(literal.encode() for literal in _STRONG)
_KEY_BYTES: Final = tuple(word.encode() for word in KEY_WORDS)
_BETWEEN: Final = bytes(byte for byte in range(256) if not chr(byte).isalnum() or byte > 0x7F)


def _has_key(lower: bytes) -> bool:
    """Whether one of the words stands before a `key`, and no letter or digit between them."""
    at = lower.find(b"key")
    while at >= 0:
        if lower[max(0, at - 2 * MAX_NAME) : at].rstrip(_BETWEEN).endswith(_KEY_BYTES):
            return True
        at = lower.find(b"key", at + 1)
    return False


def _has_cookie(lower: bytes) -> bool:
    """Whether a text of JSON ends with `cookie` or `cookies`."""
    at = lower.find(b"cookie")
    while at >= 0:
        end = at + len(b"cookie")
        if lower[end : end + MAX_NAME].lstrip(b"s").lstrip(b"\\").startswith(b'"'):
            return True
        at = lower.find(b"cookie", end)
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


_KEYS: Final = "(?:" + "|".join(KEY_WORDS) + ")"
_VALUE_ONLY: Final = r'(?:(?:^"?|[^"]|[^:]")(?i:{0})(?:$|[^A-Za-z])|:"(?i:{0})[^A-Za-z"])'
EXPRESSIONS: Final = (
    f"(?i:{'|'.join(_STRONG)})",
    rf"(?i:{_KEYS}[^A-Za-z0-9]{{0,64}}key)",
    r"(?:(?:^|[^A-Za-z0-9]|\\[bfnrt]|\\+u[0-9a-fA-F]{4}|[\[0-9][mK])(?i:pwd)|[a-z]P(?i:wd)|[A-Z]Pwd)(?:$|[^a-z])",
    r"(?i:token)(?:$|[^sS])",
    r"(?i:cookies?)\\*\x22",
    _VALUE_ONLY.format("pass"),
    _VALUE_ONLY.format("auth"),
)
"""The same for a matcher of many, over the bytes of a line."""

TABLES: Final[list[list[str]]] = [
    sorted(table) for table in (_WORDS, map("-".join, _PAIRS), _NEVER_LAST, _NO_TOKEN, _NO_PASS)
]
"""All words that decide, for the digest of the rules."""

STEMS: Final = (*_STRONG, "auth", "key", "pass", "pwd", "token")
"""What each name that says secret holds, in lower case."""


def folded(text: str) -> str:
    """`text` in lower case, character for character."""
    return text.replace("\u0130", "i").lower()  # the one letter that is two in lower case

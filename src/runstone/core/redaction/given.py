"""What names are given in text: JSON, YAML, TOML, INI, env files, shell, SQL, code, HTTP, XML, URLs, command lines.

- Each stem of a name that is found costs a bounded look around it, and what it is given is passed over once: what is
  longer than any placeholder is a value, and is not looked at again.
- A value between quotation marks ends at the mark that closes it, by the rules of JSON, or of JSON in JSON.
- A bare value is taken by what stands around it: of a setting all of it, of a sentence or a program no plain word.
"""

from __future__ import annotations

from runstone.core.limits import MAX_SAFE_INTEGER
from runstone.core.redaction.names import (
    KEY_WORDS,
    MAX_NAME,
    STEMS,
    compiled,
    folded,
    holds_many,
    listed,
    says_password,
    says_secret,
    words_of,
)
from runstone.core.redaction.placeholders import (
    GLUED,
    MARKED,
    MAX_LENGTH,
    is_glued,
    is_placeholder,
    is_reference,
    is_state,
    reference_end,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    Given = tuple[int, int, str]
    """Start and end of what a name is given, and what it is: `VALUE`, `PLACEHOLDER`, `CODE` or `STATE`."""

VALUE: Final = "value"
PLACEHOLDER: Final = "placeholder"
CODE: Final = "code"
STATE: Final = "state"

_COLOURS: Final = r"(?:(?:\x1b|\\{1,7}(?:u001[bB]|x1[bB]|033|e))\[[0-9;:]{0,16}[A-Za-z]){0,3}"
"""Codes of a terminal, which text that is escaped spells out."""
_GAP: Final = rf"{_COLOURS}[ \t]{{0,16}}{_COLOURS}"
_COLOUR_END: Final = r"(?:[\[;:][0-9]{1,3}|(?:(?<=\x1b)|(?<=\\x1[bB])|(?<=\\u001[bB])|(?<=\\033)|(?<=\\e))\[)[mK]"
"""How a colour code ends: its letter only looks like one of a name."""
MAX_CODE: Final = 16
_OPERATOR: Final = (
    rf"(?:\\{{0,7}}[\"'])?\]?(?P<gap>{_GAP})(?P<op>=>|:=|={{1,3}}|:|>|,(?=[ \t]{{0,4}}\\{{0,7}}[\"'])){_GAP}"
)
_TYPE: Final = (
    r"&?(?:'static )?[A-Za-z_][\w.]{0,60}(?:\[[\w., |]{0,60}\]|<[\w., ]{0,60}>)?(?: ?\| ?None)?[ \t]{0,4}=[ \t]{0,4}"
)
_ANNOTATED: Final = rf"{_TYPE}(?=(?:[bBrRuU]{{1,2}})?[\"'`])"
"""The type between a name and the text that it is given: `password: str = "x"`."""
_OPEN: Final = r"(?:\$|[bBrRuU]{1,2})?(?P<quote>\\{0,7}(?P<mark>[\"'`]))"
_AND: Final = r"&(?!&|[\s\"'`]|$|[A-Za-z0-9_.%\[\]-]{1,64}=|#?[A-Za-z0-9]{1,8};)"
"""An ampersand that parts nothing: no member of a URL, no `&&` of a shell, no `&amp;`."""
_PLAIN: Final = r"[^\s\"'`,;&<>(){}\[\]|\x1b]"
_GLUED: Final = rf"(?:\[{_PLAIN}{{1,64}}\]|\({_PLAIN}{{1,64}}\))(?=[A-Za-z0-9])"
"""Brackets that no program has: a letter or a digit follows them at once."""
_OPENING: Final = rf"(?:{GLUED}|\$?\{{\{{|[$#]\{{|[$%]\()?"
"""How a reference begins, or all of it where it is glued to a value."""
_BARE: Final = rf"(?P<bare>{_OPENING}(?:{MARKED}|{_PLAIN}|{_AND}|{_GLUED})+)"
_BARE_QUERY: Final = rf"(?P<bare>{_OPENING}(?:{MARKED}|{_PLAIN}|{_GLUED})+)"
_QUOTED: Final = r"(?<=[^\s\"'`:=]{3})[\"'`](?=[A-Za-z0-9])"
"""A quotation mark within a value: behind more than the prefix of a text, and nothing ends with it."""
_BARE_LINE: Final = rf"(?P<bare>(?:{GLUED})?(?:[^\s\"'`\x1b;]|{_QUOTED}|;(?![A-Za-z ]{{1,32}}=))+)"
"""Of a line that begins with the name: all up to a space."""
_MARKED_TO_END: Final = rf"{MARKED}(?=\\{{1,7}}[nrt])"
_END_TO_MARK: Final = r"\\{1,7}[nrt](?=\[REDACTED:)"
"""A line end that is escaped, as in a record that is read as text, behind a mark or before one."""
_TAG: Final = r"<(?:[A-Za-z][\w.-]{0,31}:)?$"
MAX_TAG: Final = 40
_ELEMENT: Final = r"(?:[ \t][^<>\r\n]{0,200})?>(?:<!\[CDATA\[)?(?P<bare>[^<\r\n]+?)(?:\]\]>)?<\\?/"
"""Of XML, all up to the tag that closes."""
_JOINED: Final = r"(?:'(?:\\{0,7}\"'\\{0,7}\"|\\{1,8}')'[^'\r\n]*)+(?=')"
"""How a shell writes a quotation mark between two of its kind: `'a'"'"'b'`, `'a'\\''b'`."""
MAX_SECTION: Final = 4000
"""So many characters above a line the heading of its section is looked for."""
MAX_HEADING: Final = 128
"""A heading and its line end are shorter."""
_CALLED: Final = r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*[(\[]"
_CODE: Final = rf"{_CALLED}|(?!\{{\{{\S|{MARKED})[(\[{{]"
"""A call, a list or a table."""
_CALLED_WITH_NUMBER: Final = (
    r"(?!get|gen|make|rand|read|load|new|next|input|int|str|token|hash|key|chr)[a-z]+\([0-9]{1,8}\)"
)
"""What only looks like a call: a password."""
_MEMBER: Final = r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$]+)+$"
_NAME_OF_TYPE: Final = r"_{0,2}(?:[A-Z][a-z]+){1,4}$"
_WORD: Final = r"[A-Za-z_$]+$"
_NAMED: Final = r"[A-Za-z_$][\w$.:]*"
_WRAPPER: Final = (
    r"(?:[\w.]*Secret(?:Str|String|Bytes)?(?:::(?:from|new))?|(?:std::)?(?:S|s)tring(?:::from)?|str|bytes|Some|strdup"
    r"|Buffer\.from|(?:base64\.)?b64decode|atob|SecretValue\.unsafePlainText)\("
)
"""What makes a value of a text and adds nothing."""

_IDENTIFIED: Final = r"(?i:identified[ \t]{1,4}(?:with[ \t]{1,4}\S{1,64}[ \t]{1,4})?by)"
"""How SQL gives a user a password."""

_NAMES: Final = (
    r"(?<![\w.-])(?i:name|key|header|variable|env|field|property|id|k)\\{0,7}[\"']?[ \t]{0,4}[:=][ \t]{0,4}"
    r"\\{0,7}[\"']?"
)
_ATTRIBUTES: Final = r"(?:[ \t]{1,4}[A-Za-z:_-]{1,32}=[\"'][^\"'\r\n]{0,64}[\"']){0,3}"
_VALUE_OF: Final = (
    rf"\\{{0,7}}[\"']?{_ATTRIBUTES}[ \t]{{0,4}}[,;]?[ \t]{{0,4}}(?:\r?\n|\\{{1,7}}n)?[ \t]{{0,40}}\\{{0,7}}[\"']?"
    r"(?i:value|val|v)\\{0,7}[\"']?[ \t]{0,4}[:=][ \t]{0,4}"
)
"""Around a name that is itself a value: `name="password" value="x"`, `- name: PASSWORD` and `value: x` below."""
MAX_NAMING: Final = 48
_NAMED_ABOVE: Final = _NAMES + r"(?P<name>[A-Za-z0-9_.-]{1,64})\\{0,7}[\"']?[ \t]{0,4},?[ \t]{0,4}\r?\n?$"
_VALUE_BELOW: Final = r"\n[ \t]{0,40}\\{0,7}[\"']?(?i:value|val|v)\\{0,7}[\"']?[ \t]{0,4}[:=]"

MAX_GLANCE: Final = 512
"""So much of what brackets make long tells what it is: there may be thousands of such in a line."""
MIN_NUMBER: Final = 1000
"""A smaller number in JSON is no password, but a count or a choice."""
_JSON_MEMBER: Final = r"\"[ \t]{0,16}:[ \t]{0,16}$"
_JSON_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"

_SECTION: Final = r"\n\[[^\]\r\n]{1,100}\][ \t]{0,16}[\r\n]"
"""The heading of a section of settings, and the line end above it: what begins with two letters is found quickly."""


def names_below(line: str) -> bool:
    """Whether a line ends with a name that says secret, of which the next line may have the value."""
    named = compiled(_NAMED_ABOVE).search(line)
    return named is not None and says_secret(named["name"])


def may_stand_below(text: str) -> bool:
    """Whether what stands above a line of a text may make something a value there; false is a proof."""
    below = compiled(_SECTION)
    headed = below.match("\n" + text[:MAX_HEADING]) or below.search(text)
    return headed is not None or compiled(_VALUE_BELOW).search(text) is not None


def assignments(text: str) -> Iterator[tuple[int, int, int, int]]:
    """Each value in `text` that a secret's name is given: where the name starts and ends, where the value does."""
    lower = folded(text)
    for known in compiled(_IDENTIFIED).finditer(text) if "identified" in lower else ():
        value = _argument(text, known.start(), known.end())
        if value is not None and value[2] == VALUE:
            yield (*known.span(), value[0], value[1])
    seen = 0
    for first, behind in sorted(stems(lower)):
        if behind <= seen:
            continue
        start, seen = identifier(text, first, behind)
        if says_secret(text[start:seen]):
            value = given(text, start, seen)
            if value is not None and value[2] == VALUE:
                yield start, seen, value[0], value[1]
                seen = value[1]


def stems(lower: str) -> Iterator[tuple[int, int]]:
    """Where a word stands that may be of a secret's name. A search for each is ten times as quick as one for all."""
    for stem in STEMS:
        at = lower.find(stem)
        while at >= 0:
            end = at + len(stem)
            if stem == "key":
                may_be = lower[max(0, at - MAX_NAME) : at].rstrip("_.-").endswith(KEY_WORDS)
            else:
                may_be = stem != "auth" or (_begins_name(lower, at) and not _is_word(lower[end : end + 1]))
            if may_be:
                yield at, end
            at = lower.find(stem, end)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _begins_name(lower: str, at: int) -> bool:
    """Whether no word goes on at a place; the letter that ends a colour code is of none."""
    return (
        not _is_word(lower[at - 1 : at])
        or compiled(_COLOUR_END + "$").search(lower, max(0, at - MAX_CODE), at) is not None
    )


def is_value(word: str, before: str = ':"') -> bool:
    """Whether a word that could name a secret is a member's value: the status `pass`, the service `auth`."""
    return word.lower() in ("auth", "pass") and before == ':"'


def identifier(text: str, start: int, end: int) -> tuple[int, int]:
    """The name around a stem: letters, digits, `_`, `-`, `.`; at most `MAX_NAME` on each side. It does not begin with
    the letter of an escape (`\\ntoken`) nor with the end of a colour code (`ESC[36mtoken`)."""
    first, last, stem = max(0, start - MAX_NAME), min(len(text), end + MAX_NAME), start
    while start > first and _is_part(text[start - 1]):
        start -= 1
    if start < stem and text[start] in "bfnrt" and text.endswith("\\", 0, start):
        start += 1
    code = (
        compiled(_COLOUR_END).match(text, max(0, start - 1), stem)
        if text[start - 1 : start] in ("[", ";", ":")
        else None
    )
    if code is not None:
        start = code.end()
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
    named = compiled(_VALUE_OF).match(text, end)
    if named is not None and compiled(_NAMES + "$").search(text[max(0, start - MAX_NAMING) : start]):
        return _value_at(text, start, end, named.end())
    element = _element(text, start, end)
    if element is not None:
        return element
    if text[max(0, start - 1) : start] == ":" and not text.endswith("env:", 0, start):
        return None  # a part of something with colons
    operator = compiled(_OPERATOR).match(text, end)
    if operator is None:
        return _argument(text, start, end)
    mark, at = operator["op"], operator.end()
    if (mark == "," and text[start] != "-") or (mark == ">" and text[start - 1 : start] != "<"):
        return None
    name = text[start:end]
    if is_value(name, text[max(0, start - 2) : start]) or (name == "PASS" and mark == ":"):
        return (at, at, STATE)
    annotated = compiled(_ANNOTATED).match(text, at) if mark == ":" else None
    quoted = _quoted(text, name, at if annotated is None else annotated.end())
    return (
        _Bare(text, start, end, at, mark, spaced=" " in operator["gap"] or "\t" in operator["gap"]).given()
        if quoted is None
        else quoted
    )


def _element(text: str, start: int, end: int) -> Given | None:
    """What an element of XML holds that has the name; `None` where it is none, or not on one line."""
    if text[max(0, start - 1) : start] not in ("<", ":"):
        return None
    found = compiled(_ELEMENT).match(text, end)
    if found is None or compiled(_TAG).search(text[max(0, start - MAX_TAG) : start]) is None:
        return None
    name, held = text[start:end], found["bare"]
    value = held.strip()
    first = found.start("bare") + len(held) - len(held.lstrip())
    if " " in value and not says_password(name):  # words
        return first, first + len(value), STATE
    return first, first + len(value), _kind(name, value)


def _value_at(text: str, start: int, end: int, at: int) -> Given | None:
    """The value of a pair, in quotation marks or without."""
    name = text[start:end]
    quoted = _quoted(text, name, at)
    if quoted is not None:
        return quoted
    bare = compiled(_BARE_LINE if "\n" in text[end:at] else _BARE).match(text, at)
    if bare is None:
        return None
    if (replaced := _replaced(text, *bare.span())) is not None:
        return replaced
    if _is_json_count(name, text[end:at], bare["bare"]):
        return (*bare.span(), STATE)
    is_code = compiled(_CODE).match(bare["bare"]) is not None and not is_glued(bare["bare"])
    return (*bare.span(), CODE if is_code else _kind(name, bare["bare"]))


def is_count(name: str, number: float) -> bool:
    """Whether a number of JSON is no secret, though it has the name of one: it is small, or tells how many there are,
    or the name does not always mean a password. An integer that no double holds is none: it may be recorded as text."""
    size = abs(number)
    if not MIN_NUMBER <= size < float("inf"):  # what is not a number neither
        return True
    return size <= MAX_SAFE_INTEGER and (holds_many(name) or not says_password(name))


def _is_json_count(name: str, before: str, value: str) -> bool:
    """The same of a text, where `before` parts the name and the value."""
    if compiled(_JSON_MEMBER).search(before) is None or compiled(_JSON_NUMBER).fullmatch(value) is None:
        return False
    return is_count(name, float(value))


def _replaced(text: str, first: int, last: int) -> Given | None:
    """What another value is put in place of, where a bare value is cut in it, or goes on behind: a reference with
    blanks or quotation marks in it, a mark before a line end that is escaped, as in JSON that is read as text."""
    end = reference_end(text, first)
    if end > last:
        return first, end, PLACEHOLDER
    marked = compiled(_MARKED_TO_END).match(text, first)
    return None if marked is None else (first, marked.end(), PLACEHOLDER)


def _kind(name: str, value: str) -> str:
    """What a value that stands for itself is."""
    return PLACEHOLDER if is_placeholder(value) else STATE if is_state(name, value) else VALUE


def _quoted(text: str, name: str, at: int) -> Given | None:
    """What stands between quotation marks; `None` where none open here, or none close."""
    opened = compiled(_OPEN).match(text, at)
    if opened is None:
        return None
    first = opened.end()
    mark = opened["mark"]
    if opened[0][0] in "rR" and compiled(r"[^\"']*\\?[\[\\]").match(text, first):
        return first, first, CODE  # a regular expression
    if text.startswith(mark * 2, first):
        first += 2
        last = _on_line(text, first, text.find(mark * 3, first))
    else:
        empty = text.startswith(opened["quote"], first)
        last = first if empty else _closed(text, first, opened["quote"], mark)
        joined = compiled(_JOINED).match(text, last) if opened["quote"] == "'" and last >= 0 else None
        if joined is not None:
            last = joined.end()
        elif empty:
            return first, first, PLACEHOLDER
    if last <= first:
        return None
    end = reference_end(text, first)
    if end <= last:
        return first, last, _kind(name, text[first:last])
    if not is_glued(text, first):
        return first, last, PLACEHOLDER
    return first, max(last, _closed(text, end, opened["quote"], mark)), VALUE


def _closed(text: str, first: int, quote: str, mark: str) -> int:
    """Where the quotation mark stands that closes; below 0 where none does on the line.

    In JSON that stands in so many JSON texts, so many backslashes are before a mark that opens or closes; one in the
    text has more. A mark that stands twice is one in a text of SQL or CSV. Where no mark closes by that, the first
    that looks as what opened does.
    """
    depth = len(quote) - 1
    unit = 2 * (depth + 1)
    passed = 0
    for found in compiled(rf"[\r\n]|(?<!\\)(?P<slashes>\\*){mark}").finditer(text, first):
        slashes = found["slashes"]
        if slashes is None:
            break
        if found.start() < passed or len(slashes) % unit != depth:
            continue
        if (
            depth == 0
            and text.startswith(mark, found.end())
            and _parts_nothing(text[found.end() + 1 : found.end() + 2])
        ):
            passed = found.end() + 1
            continue
        return found.end() - len(quote)
    return _on_line(text, first, text.find(quote, first))


def _parts_nothing(char: str) -> bool:
    """Whether a character behind a doubled quotation mark is one of the value: nothing that parts values."""
    return char.isalnum() or (char != "" and char in "!#$%&*?@^_~")


def _on_line(text: str, first: int, last: int) -> int:
    """`last`, or below 0 where a line ends before it."""
    value = text[first : max(first, last)]
    return -1 if "\n" in value or "\r" in value else last


class _Bare:
    """A value without quotation marks, and what stands around it."""

    __slots__ = ("_at", "_begins", "_end", "_indent", "_line", "_mark", "_name", "_spaced", "_start", "_text")

    def __init__(self, text: str, start: int, end: int, at: int, mark: str, *, spaced: bool) -> None:
        before = text[max(0, start - MAX_NAME) : start]  # of a long line the end will do
        before = before[max(before.rfind("\n"), before.rfind("\r")) + 1 :]
        self._text, self._start, self._end, self._at, self._mark = text, start, end, at, mark
        self._name = text[start:end]
        self._spaced = spaced
        self._indent = len(before) - len(before.lstrip(" \t"))
        self._line = before.strip(" \t-")
        self._begins = self._line in ("", "export", "set", "ENV", "declare -x") and not spaced

    def given(self) -> Given | None:
        """Where the value stands, and what it is; behind `Bearer` and its like it is the word that follows."""
        text = self._text
        query = text[max(0, self._start - 1) : self._start] in ("?", "&") and self._line != ""
        whole = (self._begins and self._mark in ("=", ":")) or self._is_setting()
        pattern = _BARE_QUERY if query else _BARE_LINE if whole else _BARE
        found = compiled(pattern).match(text, self._at)
        scheme = ""
        if found is not None and _is_scheme(found["bare"]):
            scheme = found["bare"].lower()
            found = compiled(r"[ \t]{1,4}" + _BARE).match(text, found.end())
        if found is None or scheme == "digest":  # of which a rule takes the response
            return None
        first = found.start("bare")
        if (replaced := _replaced(text, first, found.end())) is not None:
            return replaced
        value = compiled(_END_TO_MARK).split(found["bare"], 1)[0].rstrip(".,;:\\")
        last = first + len(value)
        if len(value) > MAX_LENGTH:
            return first, last, VALUE
        glanced = False
        if text[last : last + 1] == "(":
            if (wrapped := self._wrapped(first)) is not None:
                return wrapped
            if compiled(_NAMED).fullmatch(value) is None:
                value, glanced = _bare_line(text, first, first + MAX_GLANCE), True
                last = first + len(value)
        kind = self._kind(value, first, last, scheme)
        if kind == VALUE and not scheme and self._is_state(value):
            kind = STATE
        if kind == VALUE and self._mark == ">" and text[last : last + 1] != "<":
            return None
        if kind == VALUE and glanced:
            last = first + len(_bare_line(text, first, len(text)))
        return first, last, kind

    def _is_state(self, value: str) -> bool:
        before = self._text[self._end : self._at]
        return is_state(self._name, value) or _is_json_count(self._name, before, value)

    def _wrapped(self, first: int) -> Given | None:
        """The text that a value is made of: `String::from("x")`."""
        wrapper = compiled(_WRAPPER).match(self._text, first)
        return None if wrapper is None else _quoted(self._text, self._name, wrapper.end())

    def _kind(self, value: str, first: int, last: int, scheme: str) -> str:
        if is_placeholder(value):
            return PLACEHOLDER
        if value.startswith("$(") and ")" not in value and self._text[last : last + 1] in (" ", "\t"):
            return CODE  # a command that goes on below
        if scheme:
            return CODE if self._is_said(value, last, scheme) else VALUE
        if self._is_setting():
            return CODE if self._is_call(value, last) else VALUE
        if is_reference(value):
            return PLACEHOLDER
        return CODE if self._is_code(value, first, last) else VALUE

    def _is_said(self, value: str, last: int, scheme: str) -> bool:
        """Whether the word behind `Bearer` or its like is one of a sentence."""
        rest = self._text[last : last + 2]
        goes_on = rest[:1] in (" ", ",") and rest[1:].isalpha()
        return value.isalpha() and (scheme != "bearer" or value.lower() in _SAID or goes_on)

    def _is_setting(self) -> bool:
        """Whether a line is one of a file of settings: all that it gives is meant as it stands."""
        if self._mark != "=":
            return False
        if self._begins:
            return not self._indent or self._line != "" or self._name.isupper()
        return self._line == "" and self._spaced and _in_ini(self._text, self._start)

    def _is_call(self, value: str, last: int) -> bool:
        """Whether what is set is a call or an index: its bracket is closed, or something stands behind it."""
        if not _begins_call(value) or compiled(_CALLED_WITH_NUMBER).fullmatch(value):
            return False
        return value[-1] in "([" or ")" in value or "]" in value or self._rest(last).strip() != ""

    def _is_code(self, value: str, first: int, last: int) -> bool:
        """Whether a bare value is a word of a program or of a sentence, and not what is assigned."""
        rest = self._rest(last)
        if compiled(_WORD).match(value) and (
            rest[:1] in ("(", "[") or set(words_of(self._name)) & set(words_of(value))
        ):
            return True
        if _begins_call(value) or compiled(_MEMBER).match(value):
            return True
        if compiled(_NAME_OF_TYPE).match(value):
            return not self._is_typed(value, rest)
        if not value.replace("_", "a").isalpha():
            return False
        if self._mark == ":":
            return (bool(self._line) and self._text[first - 1] in " \t") or self._goes_on(rest)
        return self._spaced and not (value.isupper() and value.isalpha() and says_password(self._name))

    def _rest(self, last: int) -> str:
        """What follows on the line, a bit of it."""
        return compiled(r"[^\r\n]{0,64}").match(self._text, last)[0]  # type: ignore[index]  # it matches anything

    def _goes_on(self, rest: str) -> bool:
        """Whether more words follow a word: a sentence."""
        return not says_password(self._name) and compiled(r"[ \t][A-Za-z#(]").match(rest) is not None

    def _is_typed(self, value: str, rest: str) -> bool:
        """Whether a word with capitals is the value of a line of YAML or of a log, and not the name of a type."""
        if compiled(_TYPES).search(value) or rest.strip(" \t")[:1] not in ("", "#"):
            return False
        if self._mark == ":":
            around = self._text[max(0, self._start - MAX_SECTION) : self._start + MAX_SECTION]
            return self._line == "" and says_password(self._name) and around.count(f": {value}") < 2
        return self._mark == "=" and not self._spaced and says_password(self._name) and "(" not in self._line


def _bare_line(text: str, first: int, end: int) -> str:
    """What stands at a place up to a space, and up to `end`, without the signs behind it."""
    found = compiled(_BARE_LINE).match(text, first, end)
    return "" if found is None else found["bare"].rstrip(".,;:\\")


_SAID: Final = frozenset(
    listed("""
    access auth authentication authorization based credential credentials error format header invalid is key
    method or prefix realm required scheme string token tokens type value with
""")
)
"""Words that stand behind `Bearer` in a sentence."""
_TYPES: Final = (
    r"(?:Str|String|Bytes|Types?|Field|Token|Secret|Keys?|Auth|Config|Input|Output|Provider|Manager|Handler|Credentials?"
    r"|Password|Passwd|Hash|Hasher|Schema|Validator|Options?|Params?|Request|Response|Info|Data|Model|Class|Error"
    r"|Exception|Widget|Property|Column|Text|Any|Callable|Union|Literal|Object|Buffer|Array|List|Dict|Map|Set|Boole?an"
    r"|Bool|Int|Integer|Number|Char|Value|Source|Store|Service|Client|Session|Scheme|Method|Func|Function|Factory"
    r"|Builder|Signer|Encoder|Required|Optional|None|Invalid|Missing|Enabled|Disabled|Yes|No|True|False|Enter|Incorrect"
    r"|Wrong|Changed|Reset|Expired|Hidden|Private|Public|Default|Auto|Never|Always|Unset|Empty|Unknown|Incomplete|Alias|Added"
    r"|Removed|Deprecated|Fixed|New)$"
)
"""How names of types end, and what is said of a password."""


def _begins_call(value: str) -> bool:
    """Whether a value begins as a call or an index; no letter and no digit follows the bracket of one."""
    if compiled(_CALLED).match(value) is None or is_glued(value):
        return False
    return compiled(r"[)\]][A-Za-z0-9]").search(value) is None


def _is_scheme(value: str) -> bool:
    """`Bearer`, `Basic` and their like: the secret is what follows."""
    return value.lower() in ("bearer", "basic", "digest", "negotiate", "token", "apikey", "ssws")


def _in_ini(text: str, start: int) -> bool:
    """Whether a line of a file of settings stands here: the heading of its section is not far above."""
    head = text.rfind("\n[", max(0, start - MAX_SECTION), start) + 1
    if head == 0 and not text.startswith("["):
        return False
    return text[head : text.find("\n", head)].rstrip().endswith("]")


def _argument(text: str, start: int, end: int) -> Given | None:
    """`--password VALUE` and SQL's `PASSWORD 'VALUE'`."""
    if text[start] != "-" and not text[start:end].lower().endswith(("password", "passwd", "by")):
        return None
    blank = compiled(rf"{_COLOURS}[ \t]{{1,4}}{_COLOURS}").match(text, end)
    if blank is None:
        return None
    if text[start] != "-":
        return _quoted(text, text[start:end], blank.end()) if text[blank.end() : blank.end() + 1] == "'" else None
    quoted = _quoted(text, text[start:end], blank.end())
    if quoted is not None:
        return quoted
    bare = compiled(_BARE).match(text, blank.end())
    if bare is None or bare["bare"].startswith(("-", "\\-")):
        return None
    if (replaced := _replaced(text, *bare.span())) is not None:
        return replaced
    value = bare["bare"]
    if value.isalpha() and compiled(r"[ \t]+[a-z]+[ \t.,]").match(text, bare.end()) and value in _PROSE:
        return (*bare.span("bare"), CODE)
    return (*bare.span("bare"), PLACEHOLDER if is_placeholder(value) or is_reference(value) else VALUE)


_PROSE: Final = frozenset(
    listed("""
    and are as can cannot describe explicitly flag flags for from has have if in instead is may must on option
    options or package should shows simultaneously switch the to update updates was were when which will with
    work
""")
)
"""Words that stand behind an option in a sentence."""

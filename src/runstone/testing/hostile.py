"""Texts that break what is careless: 200 values for labels, names and queries, each another."""

from __future__ import annotations

_SQL = (
    "'", "''", "'--", "';--", "' OR '1'='1", "' OR 1=1 --", "\" OR \"\"=\"", "') OR ('a'='a",
    "'; DROP TABLE runs; --", "x' UNION SELECT card FROM cards --", "1; ATTACH DATABASE 'x' AS y",
    "' AND randomblob(1000000000) --", "0x31", "char(39)", "NULL", "null", "%", "_", "%%", "a%", "_a", "\\%",
    "[a-z]", "?", "?1", ":name", "@name", "$name", "/*", "*/", "--", "#", ";", "\\", "\\\\", "\\'", "`", "[x]",
    "rowid", "COLLATE NOCASE", "LIKE '%'", "GLOB '*'", "MATCH 'a'",
)  # fmt: skip
_SEARCH = (
    "NEAR(a b)", "a AND b", "a OR b", "NOT a", "a NOT b", "^a", "a*", "*a", "a:b", "words:a", "{words}:a",
    "-words:a", "\"a\"", "\"", "\"\"", "(", ")", "(a", "a)", "+", "a + b", "a~2", "a^2", "/a.*/", "(a+)+$",
    "(?R)", "\\1", "[[:alpha:]]", "a*b*c", "NEAR/2", "\"a b\" *", "col:\"a\"", "a -b", "AND", "OR", "NOT",
    "NEAR",
)  # fmt: skip
_PATHS = (
    "../x", "..\\x", "/etc/passwd", "C:\\x", "file:///x", "~", "~root", "$HOME", "$(id)", "`id`", "%2e%2e%2f",
    "a/b", ".", "..", "//x", "a//b", "CON", "nul.txt", "x" * 255, "-rf", "*.csv", "**/x", "{a,b}", "!x",
)  # fmt: skip
_TEXT = (
    " ", "  ", " a", "a ", "\t", "\n", "\r\n", "\x00", "\x1b[31m", "\x7f", "\u200b", "\u202e", "\u2028",
    "\ufeff", "�", "é", "é", "ß", "SS", "İ", "ı", "Σς", "ﬁ", "日本", "한국어", "עברית", "\U0001f600", "\U0010ffff",
    "\ue000", "\ud7ff",
)  # fmt: skip
_NUMBERS = (
    "0", "-0", "1e308", "1e309", "NaN", "Infinity", "-1", "0.1", "1_000", "٣", "0x10", "1e", ".", "+", "1e-400",
    "9" * 40,
)  # fmt: skip
_SHAPES = (
    ",", "a,b", ",a", ":", "a:", ":a", "<", ">", ">=", "=", "-a", "--a", "id:r1", "kind:*", "sort:kind",
    "since:1d", "*", "**",
)  # fmt: skip
_MARKS = "'\"%_*?\\,:<>;()[]{}|&$#@!~^`+=-. \t\n"
_LONG = ("a" * 511, "a" * 512, "é" * 511)
_ALL = (*_SQL, *_SEARCH, *_PATHS, *_TEXT, *_NUMBERS, *_SHAPES, *(f"a{mark}b" for mark in _MARKS), *_LONG)

HOSTILE = tuple(dict.fromkeys(_ALL))

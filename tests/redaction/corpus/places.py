"""Kinds of places where a secret stands: what people's files, logs, calls and commands look like around it.

- A place turns a value and a fitting name, in snake case, into the thing that is recorded; `door` says what records it.
- The name is written as the place writes names: `dbPassword`, `db-password`, `DB_PASSWORD`, `X-Db-Password`.
- A value is escaped as the place demands, so that whoever reads the thing gets the value back.
- `names` tells whether the place says what the value is, by the name or by a word of its own (`-p`, `Basic`, `password`
  of a `.netrc`). Values that only a name tells are asked for in these places, and in no others.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

Takes = Literal["text", "line", "word"]


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of place; `takes` any text, text of one line, or one word, of at most `limit` characters."""

    id: str
    about: str
    door: str
    put: Callable[[str, str], Any]
    names: bool = True
    takes: Takes = "text"
    limit: int = 100_000
    every: int = 1
    """Where the thing is big: one kind of so many is planted."""

    def fits(self, value: str) -> bool:
        """Whether the value can stand here."""
        if len(value) > self.limit or (self.takes != "text" and "\n" in value):
            return False
        return self.takes != "word" or not ("://" in value or any(c.isspace() or c in "\"'\\" for c in value))


def camel(name: str) -> str:
    """`dbPassword`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def kebab(name: str) -> str:
    """`db-password`."""
    return name.replace("_", "-")


def header(name: str) -> str:
    """`X-Db-Password`."""
    return "X-" + "-".join(part.capitalize() for part in name.split("_"))


def text(value: str) -> str:
    """A string of JSON; YAML, TOML and JavaScript read it alike."""
    return json.dumps(value, ensure_ascii=False)


def bare(value: str) -> str:
    """As it stands where it is plain; else a string of JSON."""
    return value if value.replace("-", "").replace("_", "").isalnum() else text(value)


def word(value: str) -> str:
    """As it stands; a string of JSON where it has spaces or quotes."""
    return text(value) if any(c.isspace() or c in "\"'" for c in value) else value


def double(value: str) -> str:
    """A word of the shell in double quotes."""
    return '"' + "".join("\\" + c if c in '\\"$`' else c for c in value) + '"'


def b64(value: str) -> str:
    """Base64."""
    return base64.b64encode(value.encode()).decode()


def out(*pieces: str) -> list[bytes]:
    """What a command writes."""
    return [piece.encode() for piece in pieces]


def split(value: str, name: str, *thirds: int) -> list[bytes]:
    """A line in several writes, cut inside the value."""
    line, start = f"loaded {name}={word(value)}\n".encode(), len(f"loaded {name}=".encode())
    size = len(line) - 1 - start
    cuts = [0, *(start + size * third // 3 for third in thirds), len(line)]
    return [b"starting\n", *(line[a:b] for a, b in pairwise(cuts)), b"done\n"]


def yaml_block(value: str, name: str) -> list[bytes]:
    """YAML; text of several lines as a block."""
    if "\n" not in value:
        return out(f"database:\n  host: db.example.com\n  {name}: {bare(value)}\n  pool: 5\n")
    lines = "\n".join("    " + line for line in value.splitlines())
    return out(f"database:\n  host: db.example.com\n  {name}: |\n{lines}\n  pool: 5\n")


def chained(value: str, name: str) -> Exception:
    """An exception whose cause tells."""
    outer = RuntimeError("cannot open the warehouse")
    outer.__cause__ = ValueError(f"refused: {name}={word(value)}")
    return outer


def grouped(value: str, name: str) -> Exception:
    """A group of which one member tells."""
    return ExceptionGroup(
        "2 of 3 failed", [TimeoutError("after 3 s"), PermissionError(f"login with {name}={word(value)}")]
    )


def source_line(value: str, name: str) -> list[bytes]:
    """A traceback that shows the line of source."""
    return out(
        'Traceback (most recent call last):\n  File "load.py", line 7, in <module>\n'
        f"    connect(host=host, {name}={value!r})\nConnectionError: no route to host\n"
    )


def docker_auth(value: str, name: str) -> dict[str, Any]:
    """`config.json` of docker."""
    return {"auths": {"registry.example.com": {"auth": b64(f"deploy:{value}"), "email": "x@example.com"}}}


def kube_secret(value: str, name: str) -> list[bytes]:
    """A Secret of Kubernetes; its data are base64."""
    return out(f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ntype: Opaque\ndata:\n  password: {b64(value)}\n")


def kube_string(value: str, name: str) -> list[bytes]:
    """A Secret of Kubernetes in plain text."""
    return out(f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\nstringData:\n  {kebab(name)}: {text(value)}\n")


def long_line(value: str, name: str) -> list[bytes]:
    """A line of a megabyte with the value in its middle."""
    filler = "".join(f" row={i} ok" for i in range(40_000))
    return out(filler + f" {name}={word(value)} " + filler + "\n")


LOG = (
    Place("log-sentence", "a sentence", "log", lambda v, n: f"retrying with {v} after 3 s", names=False),
    Place(
        "log-quoted",
        "a quoted word of a sentence",
        "log",
        lambda v, n: f'the server refused "{v}".',
        names=False,
        takes="line",
    ),
    Place("log-assignment", "logfmt", "log", lambda v, n: f"msg=connect {n}={word(v)} retries=3"),
    Place("log-colon", "a name, a colon", "log", lambda v, n: f"{n}: {word(v)}"),
    Place("log-json", "a JSON line", "log", lambda v, n: json.dumps({"level": "info", camel(n): v, "retries": 3})),
    Place("log-json-in-json", "JSON in a string", "log", lambda v, n: json.dumps({"body": json.dumps({n: v})})),
    Place(
        "log-json-twice",
        "JSON twice in a string",
        "log",
        lambda v, n: json.dumps({"m": json.dumps({"body": json.dumps({n: v})})}),
    ),
    Place(
        "log-repr",
        "a Python dict as it prints",
        "log",
        lambda v, n: f"settings: { {'host': 'db', n: v, 'port': 5432}!r}",
    ),
    Place("note", "a remark", "note", lambda v, n: f"rotate {v} next week", names=False),
)

FILES = (
    Place("yaml", "YAML", "stream", yaml_block),
    Place(
        "yaml-flow", "YAML in flow style", "stream", lambda v, n: out(f"db: {{host: db.example.com, {n}: {text(v)}}}\n")
    ),
    Place("toml", "TOML", "stream", lambda v, n: out(f"[database]\n{n} = {text(v)}\nport = 5432\n")),
    Place("ini", "INI", "stream", lambda v, n: out(f"[database]\nhost = db\n{n} = {v}\n"), takes="line"),
    Place(
        "properties", "Java properties", "stream", lambda v, n: out(f"spring.datasource.{kebab(n)}={v}\n"), takes="line"
    ),
    Place("env", "an env file", "stream", lambda v, n: out(f"HOST=db\n{n.upper()}={v}\nPORT=5432\n"), takes="word"),
    Place("env-quoted", "an env file with quotes", "stream", lambda v, n: out(f"{n.upper()}={double(v)}\n")),
    Place("env-export", "a script that exports", "stream", lambda v, n: out(f"export {n.upper()}={shlex.quote(v)}\n")),
    Place(
        "csv",
        "a row of CSV",
        "stream",
        lambda v, n: out(f'2026-01-02,app,"{v.replace(chr(34), chr(34) * 2)}",true\n'),
        names=False,
    ),
    Place(
        "xml-attribute",
        "an attribute of XML",
        "stream",
        lambda v, n: out(f"<db host='db' {camel(n)}={quoteattr(v)}/>\n"),
        takes="line",
    ),
    Place(
        "xml-element",
        "an element of XML",
        "stream",
        lambda v, n: out(f"<db><{camel(n)}>{escape(v)}</{camel(n)}></db>\n"),
    ),
    Place("docker-config", "auth of a docker config", "event", docker_auth, takes="word"),
    Place(
        "docker-config-text",
        "the same as text",
        "stream",
        lambda v, n: out(json.dumps(docker_auth(v, n), indent=2)),
        takes="word",
    ),
    Place("kube-secret", "data of a Kubernetes Secret", "stream", kube_secret),
    Place("kube-string", "stringData of a Kubernetes Secret", "stream", kube_string),
    Place(
        "netrc",
        "a .netrc",
        "stream",
        lambda v, n: out(f"machine api.example.com\n  login app\n  password {v}\n"),
        takes="word",
    ),
    Place(
        "netrc-line",
        "a .netrc of one line",
        "stream",
        lambda v, n: out(f"machine api.example.com login app password {v}\n"),
        takes="word",
    ),
    Place(
        "npmrc",
        "an .npmrc",
        "stream",
        lambda v, n: out(f"//npm.example.com/:_authToken={v}\nalways-auth=true\n"),
        takes="word",
    ),
    Place(
        "pypirc",
        "a .pypirc",
        "stream",
        lambda v, n: out(f"[upload]\nusername = __token__\npassword = {v}\n"),
        takes="word",
    ),
)

CODE = (
    Place(
        "shell-option",
        "an option in a shell line",
        "log",
        lambda v, n: f"+ deploy --{kebab(n)} {shlex.quote(v)} --host db",
    ),
    Place(
        "shell-variable",
        "a variable before a command",
        "log",
        lambda v, n: f"$ {n.upper()}={shlex.quote(v)} make deploy",
        takes="line",
    ),
    Place(
        "docker-env",
        "docker run -e",
        "log",
        lambda v, n: f"docker run --rm -e {n.upper()}={shlex.quote(v)} app:1.4",
        takes="line",
    ),
    Place(
        "helm-set",
        "helm --set",
        "log",
        lambda v, n: f"helm upgrade app ./chart --set db.{camel(n)}={v} --wait",
        takes="word",
    ),
    Place(
        "curl-user", "curl -u", "log", lambda v, n: f"curl -u app:{v} https://api.example.com/v1/items", takes="word"
    ),
    Place(
        "sql-password",
        "SQL of PostgreSQL",
        "log",
        lambda v, n: "ALTER USER app WITH PASSWORD '{}';".format(v.replace("'", "''")),
        takes="line",
    ),
    Place(
        "sql-identified",
        "SQL of MySQL",
        "log",
        lambda v, n: "CREATE USER 'app'@'%' IDENTIFIED BY '{}';".format(v.replace("'", "''")),
        takes="line",
    ),
    Place("python", "Python", "stream", lambda v, n: out(f"import db\n\n{n} = {v!r}\ndb.connect('app')\n")),
    Place(
        "python-call",
        "an argument in Python",
        "stream",
        lambda v, n: out(f"client = Client(host, {n}={text(v)}, retries=3)\n"),
    ),
    Place("javascript", "JavaScript", "stream", lambda v, n: out(f"const {camel(n)} = {text(v)};\n")),
    Place(
        "javascript-object",
        "an object in JavaScript",
        "stream",
        lambda v, n: out(f"new Client({{ host: 'db', {camel(n)}: {text(v)} }});\n"),
    ),
    Place("go", "Go", "stream", lambda v, n: out(f"\t{camel(n)} := {text(v)}\n")),
    Place(
        "go-struct",
        "a struct in Go",
        "stream",
        lambda v, n: out(f"\tcfg := Config{{{camel(n)[0].upper() + camel(n)[1:]}: {text(v)}}}\n"),
    ),
)

NET = (
    Place(
        "http-header",
        "a header with its name",
        "stream",
        lambda v, n: out(f"GET / HTTP/1.1\r\nHost: api\r\n{header(n)}: {v}\r\n\r\n"),
        takes="line",
    ),
    Place("http-bearer", "a bearer token", "log", lambda v, n: f"> Authorization: Bearer {v}", takes="word"),
    Place(
        "http-basic", "basic credentials", "log", lambda v, n: f"> Authorization: Basic {b64('app:' + v)}", takes="word"
    ),
    Place(
        "cookie",
        "a session cookie",
        "log",
        lambda v, n: f"> Cookie: theme=dark; session={quote(v, safe='')}; lang=en",
        takes="word",
    ),
    Place(
        "set-cookie",
        "a session cookie that is set",
        "log",
        lambda v, n: f"< Set-Cookie: session={quote(v, safe='')}; HttpOnly",
        takes="word",
    ),
    Place(
        "form",
        "a form that is posted",
        "log",
        lambda v, n: f"grant_type=client_credentials&{n}={quote_plus(v)}&scope=read",
        takes="line",
    ),
    Place(
        "url-query",
        "a query of a URL",
        "log",
        lambda v, n: f"GET https://api.example.com/v1/items?page=2&{n}={quote(v, safe='')}&sort=asc",
        takes="line",
    ),
    Place(
        "url-userinfo",
        "a URL with a password",
        "log",
        lambda v, n: f"connecting to postgresql://app:{quote(v, safe='')}@db.example.com:5432/app",
        takes="word",
    ),
    Place(
        "url-token",
        "a URL with a user only",
        "log",
        lambda v, n: f"remote: https://{quote(v, safe='')}@git.example.com/acme/app.git",
        names=False,
        takes="word",
    ),
)

TREES = (
    Place("json-member", "a member of an object", "event", lambda v, n: {"host": "db", n: v, "port": 5432}),
    Place("json-camel", "a member in camel case", "event", lambda v, n: {"request": {"headers": {camel(n): v}}}),
    Place("json-kebab", "a member in kebab case", "event", lambda v, n: {"headers": [{kebab(n): v}]}),
    Place("json-item", "an item of a list", "event", lambda v, n: {"lines": ["first", v]}, names=False),
    Place(
        "json-pair", "an object with name and value", "event", lambda v, n: {"env": [{"name": n.upper(), "value": v}]}
    ),
    Place(
        "json-assignments",
        "a list of assignments",
        "event",
        lambda v, n: {"environment": ["HOST=db", f"{n.upper()}={v}"]},
    ),
    Place(
        "json-text", "JSON in a string of an object", "event", lambda v, n: {"body": json.dumps({"user": "app", n: v})}
    ),
    Place("json-bytes", "bytes", "event", lambda v, n: {"raw": f"{n}={v}\n".encode()}),
    Place("config", "the configuration", "config", lambda v, n: {"database": {"primary": {"host": "db", n: v}}}),
    Place(
        "config-key",
        "a key of the configuration",
        "config",
        lambda v, n: {"peers": {v: {"weight": 1}}},
        names=False,
        takes="line",
        limit=900,
    ),
    Place("tool-args", "arguments of a tool call", "tool", lambda v, n: {"url": "https://api.example.com", n: v}),
    Place("tool-result", "what a tool gave back", "returned", lambda v, n: {"status": 200, "body": f"{n}: {word(v)}"}),
    Place("result", "the result of the run", "result", lambda v, n: {"issued": {camel(n): v}}),
)

DOORS = (
    Place("argv-option", "--name value", "argv", lambda v, n: ["deploy", f"--{kebab(n)}", v, "--host", "db"]),
    Place("argv-equals", "--name=value", "argv", lambda v, n: ["deploy", f"--{kebab(n)}={v}", "--verbose"]),
    Place("argv-short", "-p value", "argv", lambda v, n: ["mysql", "-u", "app", "-p", v, "shop"], takes="word"),
    Place(
        "argv-script",
        "a shell line as an argument",
        "argv",
        lambda v, n: ["sh", "-c", f"{n.upper()}={shlex.quote(v)} ./load"],
    ),
    Place("argv-plain", "an argument", "argv", lambda v, n: ["fetch", v], names=False),
    Place("label", "a label by its name", "label", lambda v, n: {n: v}, takes="line", limit=900),
    Place(
        "label-plain", "a label", "label", lambda v, n: {"note": f"made with {v}"}, names=False, takes="line", limit=900
    ),
    Place(
        "exception", "the message of an exception", "error", lambda v, n: RuntimeError(f"login failed: {n}={word(v)}")
    ),
    Place(
        "exception-plain", "the message of an exception, without a name", "error", lambda v, n: KeyError(v), names=False
    ),
    Place("exception-cause", "the cause of an exception", "error", chained),
    Place("exception-group", "a member of an exception group", "error", grouped),
    Place("traceback", "the source line of a traceback", "stream", source_line),
    Place("artifact-name", "the name of an artifact", "artifact", lambda v, n: v, names=False, takes="line", limit=900),
    Place("artifact-ref", "what an artifact is", "ref", lambda v, n: v, names=False, takes="line", limit=900),
    Place(
        "metric-name", "the name of a metric", "metric", lambda v, n: f"loss {v}", names=False, takes="line", limit=900
    ),
    Place("phase-name", "the name of a phase", "phase", lambda v, n: f"load {v}", names=False, takes="line", limit=900),
    Place("run-kind", "the kind of a run", "kind", lambda v, n: f"load {v}", names=False, takes="line", limit=900),
    Place(
        "evidence", "a passage of evidence", "evidence", lambda v, n: f"the page says: {v}. It goes on.", names=False
    ),
    Place("check-evidence", "free evidence of a check", "check", lambda v, n: f"saw {n}={word(v)} in the output"),
)

STREAMS = (
    Place(
        "ansi",
        "between colour codes",
        "stream",
        lambda v, n: out(f"\x1b[2m12:01\x1b[0m \x1b[36m{n}\x1b[0m=\x1b[35m{word(v)}\x1b[0m\n"),
        takes="line",
    ),
    Place(
        "carriage-return",
        "after carriage returns",
        "stream",
        lambda v, n: out(f"load 10%\rload 90%\r{n}={word(v)}\rdone\n"),
        takes="line",
    ),
    Place("split-first", "two writes, cut at the first third", "stream", lambda v, n: split(v, n, 1)),
    Place("split-second", "two writes, cut at the second third", "stream", lambda v, n: split(v, n, 2)),
    Place("split-both", "three writes", "stream", lambda v, n: split(v, n, 1, 2)),
    Place("split-name", "two writes, cut behind the name", "stream", lambda v, n: split(v, n, 0)),
    Place("split-calls", "two calls of the recorder", "chunks", lambda v, n: split(v, n, 1)),
    Place("long-line", "a line of a megabyte", "stream", long_line, takes="line", every=12),
    Place(
        "not-utf8",
        "text that is not UTF-8",
        "stream",
        lambda v, n: [b"caf\xe9 \xff\xfe " + f"{n}={word(v)}\n".encode()],
    ),
    Place("kept-file", "a kept file", "file", lambda v, n: f"host = db\n{n} = {v}\n".encode()),
    Place("kept-utf16", "a kept file in UTF-16", "file", lambda v, n: f"host = db\n{n} = {v}\n".encode("utf-16")),
)

PLACES: tuple[Place, ...] = LOG + FILES + CODE + NET + TREES + DOORS + STREAMS

"""What names are given, in text and in trees: what must go, and what looks like it and stays."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes, canonical_text
from runstone.core.redaction.cutting import Cutter
from runstone.core.redaction.given import assignments
from runstone.core.redaction.redactor import Redactor
from runstone.core.values import coerce
from runstone.engine.search import Search
from runstone.engine.streams import Streams

from . import planted

VALUE = "hunter2-Xq9"
REDACTOR = Redactor()
WARM = Redactor().gate
WARM.warm()


def taken(text: str) -> list[str]:
    """The values that names are given in a text."""
    return [text[start:end] for _, _, start, end in assignments(text)]


def recorded(value: Any) -> Any:
    """What is recorded of a value."""
    tree, marks = coerce(value)
    return REDACTOR.tree(tree, marks)


# text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("db:\n  user: bob\n  password: Swordfish\n", "Swordfish"),
        ("password: JohnSmith", "JohnSmith"),
        ("user=bob password=BlueMoon", "BlueMoon"),
        ("DB_PASSWORD=foo.bar.baz", "foo.bar.baz"),
        ('DB_PASSWORD=Zx9k"Long-Secret-Tail77', 'Zx9k"Long-Secret-Tail77'),
        ("DB_PASSWORD=Zx9k'Long`Secret-Tail77\nX=1", "Zx9k'Long`Secret-Tail77"),
        ('DB_PASSWORD=Zx9kLong","x":1', "Zx9kLong"),
        ("password=keyring-Zx9!k77", "keyring-Zx9!k77"),
        ('{"password":"keyring-Zx9!k77"}', "keyring-Zx9!k77"),
        ("[client]\npassword = a.b.secretword", "a.b.secretword"),
        ("password=letmein(1)", "letmein(1)"),
        ("DB_PASSWORD=U(q^ha5W1\n", "U(q^ha5W1"),
        ("[client]\npassword = x[q^ha5W1", "x[q^ha5W1"),
        ("at 12:00 Authorization: Bearer abcdefghij", "abcdefghij"),
        ('curl -H "Authorization: Bearer sekrettoken"', "sekrettoken"),
    ],
)
def test_a_word_that_is_a_setting_is_a_value(text: str, value: str) -> None:
    """Letters with capitals, with dots, with a number in brackets: where they are assigned and no program stands."""
    assert taken(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    password: SecretStr\n    token: Token\n",
        "password=getpass()",
        'password=get("DB")',
        'password=f"abc{x}"',
        'PASSWORD=config["x"]["y"]',
        "PASSWORD=os.environ.get('X','default')",
        'password = keyring.get_password("a", "b")',
        '{"password": "keyring:mail/bob"}',
        "password=sys.argv[1]",
        "password=read(\n",
        "password=read(path,\n",
        "password=read(path or\n",
        'password=read("path")\n',
        "login(password=Password)",
        "token = tokenReg",
        "const auth = getAuth(request)",
        "    auth=auth,",
        "Authorization: Bearer authentication is required",
        "Authorization: Bearer of bad news",
        "password: Required",
    ],
)
def test_a_word_of_a_program_is_none(text: str) -> None:
    """Types, calls, what has the name of its own value, a sentence."""
    assert taken(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"password":"Zx9k\\"kLmnop","n":1}', 'Zx9k\\"kLmnop'),
        ('{"password":"Zx9kLmnop\\\\","n":"x"}', "Zx9kLmnop\\\\"),
        (json.dumps(json.dumps({"password": 'Zx9k"kLmnop', "n": "x"})), 'Zx9k\\\\\\"kLmnop'),
        ("password='Zx9''kLmnop'", "Zx9''kLmnop"),
        ("password='C:dir\\', user='bob'", "C:dir\\', user="),
        ("db.password = Tr0ub4dor&Zx9", "Tr0ub4dor&Zx9"),
        ("--password Tr0ub4dor&Zx9", "Tr0ub4dor&Zx9"),
        ('let password = String::from("Zx9kLmnop");', "Zx9kLmnop"),
        ('password = SecretStr("Zx9kLmnop")', "Zx9kLmnop"),
        ("password=b'Zx9kLmnop'", "Zx9kLmnop"),
        ('password = """Zx9kLmnop"""', "Zx9kLmnop"),
        ('password: str = "Zx9kLmnop"', "Zx9kLmnop"),
        ('const password: string = "Zx9kLmnop";', "Zx9kLmnop"),
        ("x password=P@ss(w0rd) y", "P@ss(w0rd)"),
        ("password=[REDACTED:github-token]abc", "[REDACTED:github-token]abc"),
        ("x password=[REDACTED:github-token]abc y", "[REDACTED:github-token]abc"),
        ("- name: PASSWORD\n  value: [REDACTED:github-token]abc\n", "[REDACTED:github-token]abc"),
        ("name: PASSWORD, value: [REDACTED:github-token]abc y", "[REDACTED:github-token]abc"),
        ("export PASSWORD='Zx9'\"'\"'kLm'\"'\"'nop'", "Zx9'\"'\"'kLm'\"'\"'nop"),
        (json.dumps("login --password ''\"'\"'Zx9kLmnop' -v"), "'\\\"'\\\"'Zx9kLmnop"),
        ("login --password 'Zx9'\\''kLmnop' 'x'", "Zx9'\\''kLmnop"),
        ("[client]\npassword = Zx9{kL>m&n\nport = 1", "Zx9{kL>m&n"),
    ],
)
def test_a_value_goes_to_its_end(text: str, value: str) -> None:
    """Escaped, doubled and joined quotation marks, ampersands, brackets, what is glued to a mark: no half is left."""
    assert taken(text) == [value]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("<password>Zx9&amp;k(L)m{n}</password>", ["Zx9&amp;k(L)m{n}"]),
        ("<password>Swordfish</password>", ["Swordfish"]),
        ("<password> two words </password>", ["two words"]),
        ("<password><![CDATA[Zx9&k]]></password><a/>", ["Zx9&k"]),
        ('<wsse:Password Type="PasswordText">Zx9kLmnop</wsse:Password>', ["Zx9kLmnop"]),
        (json.dumps({"a": '<password b="c">Zx9"k</password>'}), ['Zx9\\"k']),
        ("<password>Zx9k(L<\\/password>", ["Zx9k(L"]),
        ("<token>Zx9k(Lm)nop44455</token>", ["Zx9k(Lm)nop44455"]),
        ("<token>12 words of text</token>", []),
        ("<password>${env.PASSWORD}</password>", []),
        ("<password/><user>Zx9kLmnop</user>", []),
        ("<password></password><user>Zx9kLmnop</user>", []),
        ("f<Password>(x) < y</z", []),
        ("a:password>Zx9kLmnop</a", []),
    ],
)
def test_what_an_element_holds_goes_whole(text: str, values: list[str]) -> None:
    """Whatever letters it is of, with attributes, with a namespace: up to the tag that closes."""
    assert taken(text) == values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("https://host/?access_token=Zx9kLmnop&page=2", "Zx9kLmnop"),
        ("https://host/?access_token=Zx9kLmnop&flag", "Zx9kLmnop"),
        ("body password=Zx9kLmnop&user=bob", "Zx9kLmnop"),
        ("cd a; login --password Zx9kLmnop&& ls", "Zx9kLmnop"),
        ("a password=Zx9kLmnop&quot; b", "Zx9kLmnop"),
    ],
)
def test_an_ampersand_that_parts_is_no_part_of_a_value(text: str, value: str) -> None:
    """The next member of a URL, the next command, an entity of HTML."""
    assert taken(text) == [value]


@pytest.mark.parametrize("text", ["password='', user='bob1'", 'password="", acct=""', "password: bool = False"])
def test_an_empty_value_is_none(text: str) -> None:
    """It does not reach to the next quotation mark."""
    assert taken(text) == []


@pytest.mark.parametrize(
    "text",
    [
        '"name":"password","value":"{}"',
        '{{"Name": "DB_PASSWORD", "Value": "{}"}}',
        "- name: DB_PASSWORD\n  value: {}\n",
        '{{\n  "name": "api_key",\n  "value": "{}"\n}}',
        "name=DB_PASSWORD value={}",
        '<add key="Password" value="{}"/>',
        '<property name="db.password" value="{}"/>',
        '<input name="password" type="password" value="{}">',
    ],
)
def test_the_value_beside_a_name_that_is_a_value_goes(text: str) -> None:
    """In JSON, in YAML on two lines, in XML."""
    assert taken(text.format(VALUE)) == [VALUE]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "password", "type": "string", "in": "query"}',
        '"name":"password_strength","value":"weak2"',
        "- name: DB_PASSWORD\n  valueFrom: db1",
        '<add key="Password" value="%DB_PASSWORD%"/>',
        '{"name":"token_accuracy","value":0.93}',
    ],
)
def test_what_stands_beside_other_names_stays(text: str) -> None:
    """A description, a measure, a reference."""
    assert taken(text) == []


TWO_LINES = b"env:\n- name: DB_PASSWORD\n  value: hunter2-Xq9\n- name: A\n  value: b\n"


def test_a_file_is_searched_over_the_line_end() -> None:
    """A secret that one line names and the next gives is found in a file, and its lines go through the gate alone."""
    cleaned = b"".join(Search(REDACTOR).cleaned([b"x: y\n" * 9000 + TWO_LINES]))
    assert VALUE.encode() not in cleaned
    assert cleaned.endswith(b"[REDACTED:named-secret]\n- name: A\n  value: b\n")


def test_a_file_of_settings_is_searched_with_its_sections() -> None:
    """The heading above tells that a word of letters is no word of a program."""
    cleaned = b"".join(Search(REDACTOR).cleaned([b"[client]\nuser = bob\npassword = swordfish\n"]))
    assert cleaned == b"[client]\nuser = bob\npassword = [REDACTED:named-secret]\n"


@pytest.mark.parametrize("size", [1, 7, 30])
def test_a_stream_is_not_cut_between_a_name_and_its_value(size: int) -> None:
    """The line that names waits for the next; others do not."""
    streams = Streams(REDACTOR)
    pieces = [streams.feed("out", TWO_LINES[at : at + size]) for at in range(0, len(TWO_LINES), size)]
    pieces += [rest for _, rest in streams.rest()]
    assert b"".join(pieces) == TWO_LINES
    assert VALUE not in "".join(REDACTOR.text(piece.decode())[0] for piece in pieces)
    assert Cutter(REDACTOR).safe_end(b"- name: DB_HOST\n") == len(b"- name: DB_HOST\n")


STATES = [
    "System.Data, Version=4.0.0.0, PublicKeyToken=b77a5c561934e089",
    "PASS: tests/x.c:12",
    "PASS: test_foo",
    "tests: pass=120 skip=3",
    '{"pass": 123}',
    '{"pass":0.98}',
    "To silence this, pass 'observed=True'.",
    "low_pass=440Hz",
    "first pass: 0.123s",
    '{"token":" the","logprob":-0.12}',
    '{"token":"Hello","id":15043}',
    "price_per_token=1e-6",
    "token_budget=4096",
    "ms/token: 1.2",
    "if token == 'include':",
    "user.signingkey=6FB38DF92683E76D",
    "pwd: C:\\Users\\x",
    "PWD=C:\\Users\\bob1",
    "credentials: include",
    "fetch(url, {credentials: 'same-origin'})",
    "auth: oauth2",
    "auth=kerberos5",
    "auth: 401",
    "4f2a1c9 token: rename x1",
    "token: rename x1",
    "account_key=40001",
    "docker run -p 80:80 nginx",
    "docker --config login run -p 8080:80 nginx",
    "mongo -p 27017",
]


@pytest.mark.parametrize("text", STATES)
def test_a_state_or_a_measure_is_no_secret(text: str) -> None:
    """Test logs, pieces of a language model's text, prices, methods, ports: as they are, and in a member."""
    assert REDACTOR.text(text) == (text, [])
    assert recorded({"line": text}) == {"line": text}


@pytest.mark.parametrize(
    "text",
    [
        "pass=hunter2-Xq9",
        "smtp_pass=Zx9kLmnop",
        "token: Zx9kLmnopQ",
        "auth: dXNlcjpodW50ZXIy",
        "docker login -p Zx9kLmn",
    ],
)
def test_the_same_names_still_say_secret(text: str) -> None:
    """Where what they are given is no state."""
    assert REDACTOR.text(text)[1]


def test_random_base64_holds_no_token() -> None:
    """Two letters and a sign of a token's beginning stand in long base64 by chance."""
    for middle in ("/1//0" + "a" * 45, "+IGQ" + "b" * 110 + "/", "/IGAA" + "c" * 120 + "+"):
        text = "AAAB" + "x9Z" * 20 + middle + "q8+" * 30
        assert not {"google-refresh-token", "instagram-token"}.intersection(REDACTOR.text(text)[1])


# long values

LONG = "Aa1" * 7000


@pytest.mark.parametrize(
    "text",
    [
        'password="{}"',
        "password={}",
        "x password: {} y",
        "<password>{}</password>",
        "IDENTIFIED BY '{}'",
        "login --password {}",
        "Authorization: Bearer {}",
        "Authorization: Basic {}",
        "Cookie: a={}",
        "X-Api-Key: {}",
        "http://bob:{}@host/",
        "https://a.blob.core.windows.net/a?sv=2020&sig={}",
        "pypi-AgEIcHlwaS5vcmc{}",
        "SAMLResponse={}",
        "client-key-data: {}",
        "eyJhbGciOiJIUzI1NiJ9.eyJ{}.c2lnbmF0dXJl",
        "-----BEGIN PRIVATE KEY-----{}-----END PRIVATE KEY-----",
    ],
)
def test_a_long_value_goes_whole(text: str) -> None:
    """Of 21,000 characters no stretch is left."""
    long = base64.b64encode(b"bob:" + LONG.encode()).decode() if "Basic" in text else LONG
    clean, hits = REDACTOR.text(text.format(long))
    assert hits
    assert "Aa1Aa1" not in clean
    assert len(clean) < 200


FLOODS = [
    *(
        'password="',
        "password=http://",
        'password=\\"',
        "password=''",
        "name=password value=",
        "password=a&",
        "Bearer a",
    ),
    *(
        "eyJabcdefghij.",
        "cookie: a=",
        "http://a:",
        "&sig=",
        "[REDACTED:a]",
        "password=String::from(",
        "password: a b c ",
        "password='\"'\"'",
        "password=''\\'",
        "<a:password b>",
        "<password>a",
        "[a]\npassword = {",
        "x password={{a ",
        "password=$('",
        "password=$(",
        "x password=[(",
        "password=[a]b",
        "x password=(a)",
        "a://a:{{a",
        "BEARER\\t",
        "password='a''!",
    ),
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("flood", FLOODS)
def test_floods_of_names_take_linear_time(flood: str) -> None:
    """Each is passed over once: the runner's limit on this test is a hundred times what it takes."""
    for text in (flood * (200_000 // len(flood)), flood + "a" * 200_000, flood + "a." * 100_000):
        REDACTOR.text(text)


# trees


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": {"value": VALUE}}, {"password": {"value": "*"}}),
        ({"secrets": {"foo": VALUE}}, {"secrets": {"foo": "*"}}),
        ({"headers": {"Cookie": f"a={VALUE}"}}, {"headers": {"Cookie": "*"}}),
        ({"cookies": {"session": VALUE}}, {"cookies": {"session": "*"}}),
        ({"cookies": {"session": [VALUE, VALUE]}}, {"cookies": {"session": ["*", "*"]}}),
        ({"secrets": {"foo": [VALUE.encode(), "${FOO}"]}}, {"secrets": {"foo": ["*", "${FOO}"]}}),
        ({"Set-Cookie": [f"a={VALUE}; Path=/"]}, {"Set-Cookie": ["*"]}),
        ({"headers": [["x-api-key", VALUE], ["a", "b"]]}, {"headers": [["x-api-key", "*"], ["a", "b"]]}),
        ([("Cookie", f"a={VALUE}")], [["Cookie", "*"]]),
        ({"Name": "DB_PASSWORD", "Value": VALUE}, {"Name": "DB_PASSWORD", "Value": "*"}),
        ({"key": "password", "val": VALUE}, {"key": "password", "val": "*"}),
        ({"name": "Cookie", "value": f"a={VALUE}"}, {"name": "Cookie", "value": "*"}),
        ({"password": VALUE.encode()}, {"password": "*"}),
        ({"password": 12345678}, {"password": "*"}),
        ({"auth": ["bob", "swordfish"]}, {"auth": ["bob", "*"]}),
    ],
)
def test_what_a_structure_names_goes(value: Any, expected: Any) -> None:
    """Below a name, in a table of secrets, behind a name in a pair, as bytes, as a number."""
    marked = json.loads(json.dumps(expected).replace('"*"', '"[REDACTED:named-secret]"'))
    assert recorded(value) == marked
    assert recorded(marked) == marked


@pytest.mark.parametrize(
    "value",
    [
        {"properties": {"password": {"type": "string", "description": "of the user", "minLength": 8}}},
        {"secret": {"secretName": "my-tls-2", "items": [{"key": "a", "path": "b"}]}},
        {"secrets": {"db": {"file": "./db.txt", "external": True}}},
        {"secrets": {"db": "${DB}"}},
        {"secrets": {"db": [{"file": "./db.txt"}]}},
        {"cookies": "strictly necessary", "cookie": "yes2"},
        {"token": {"id": 12, "text": " the"}},
        {"password_length": 12345, "passwords": 4096, "max_tokens": 8192, "token": 4096, "password": 12},
        [["a", "b"], ["c", "d"]],
        {"name": "token_loss", "value": 2.5},
        {"auth": "oauth2", "credentials": "include", "pass": 123456},
    ],
)
def test_what_a_structure_only_describes_stays(value: Any) -> None:
    """A schema, a reference to a secret, counts, a piece of text."""
    assert recorded(value) == value


PLACED = [
    *("@dminPass", ":letmein", "!letmein", "(abc12)", "/K9zz/aa", "config.Zx9", "S3cr3t-example"),
    *("${x}anything", "{{x}}rest9", "&winter", "[REDACTED:a]abc"),
]


@pytest.mark.parametrize("value", PLACED)
def test_what_looks_like_a_placeholder_and_stands_as_a_value_goes(value: str) -> None:
    """As a member and in quotation marks nothing else stands there that it could be."""
    assert recorded({"password": value}) == {"password": "[REDACTED:named-secret]"}
    assert REDACTOR.text(f'password = "{value}"')[0] == 'password = "[REDACTED:named-secret]"'


@pytest.mark.parametrize(
    "value",
    [
        *(
            "${DB_PASSWORD}",
            "${USER}:${PASS}",
            "$(cat x)",
            "{{ x }}",
            "%(x)s",
            "#{x}",
            "(none)",
            "(not set)",
            "$PASSWORD",
        ),
        *("/run/secrets/db1", "./db.txt", "~/a", "config.password", "your-password-here", "<token>", "vault:a/b1#c"),
        *("https://example.com/login", "C:\\Users\\bob1", "env:DB1", "[REDACTED:a]:[REDACTED:b]"),
    ],
)
def test_a_placeholder_stays(value: str) -> None:
    """References, paths, words that say that there is no value, samples."""
    assert recorded({"password": value}) == {"password": value}


@pytest.mark.parametrize(
    "value", ["{{hunter2-Xq9", "{{ hunter2-Xq9", "${{hunter2-Xq9", "${hunter2-Xq9", "#{hunter2-Xq9", "$(hunter2-Xq9"]
)
def test_a_reference_that_nothing_closes_is_a_value(value: str) -> None:
    """As a member, in quotation marks, in a line of settings and within one; what closes elsewhere is another."""
    assert recorded({"password": value}) == {"password": "[REDACTED:named-secret]"}
    assert taken(f'x password="{value}" y="{{{{ z }}}}"') == [value]
    for behind in ("{{ z }}", "z}", ":)"):
        line = json.dumps({"password": value, "b": {"c": behind}}, separators=(",", ":"))
        assert taken(line) == taken(json.dumps(line)) == [value]
    if " " not in value and "$(" not in value:  # a command may go on below
        assert (
            taken(f"password={value}\nb=2") == taken(f"x password={value} y") == taken(f"--password {value}") == [value]
        )


@pytest.mark.parametrize(
    "text",
    [
        *("x password={{ pw }} y", "password={{ lookup('env', 'PW9') }}", 'password="{{ lookup("env", "PW9") }}"'),
        *('PASSWORD="$(cat "$FILE9")"', 'PASSWORD="${PW:-"d9"}"', "x --password $(cat f9)", "x password=${PW9} y"),
        *("TOKEN=$(base64 -d \\\n f)", "x token=$(curl -s \\\n f)", "password=${{ secrets.PW", "- {token: 1}"),
        *("- name: PASSWORD\n  value: {{ x.y9 }}\n", "logger.info('%(name)s token=%(token)s x9')", "p={{token: a9}}"),
        *("postgres://u:{{pw9}}@h/d", "postgres://u:${PW9}@h/d"),
    ],
)
def test_a_reference_that_closes_further_on_stays(text: str) -> None:
    """With blanks or quotation marks in it, without quotation marks around it; a command that goes on below."""
    assert REDACTOR.text(text) == (text, [])


GLUED = [
    *("%(hunter2)Xq9", "${a}hunter2Xq9", "#{a}hunter2Xq9", "$(cat f9)hunter2Xq9", "{{ pw }}hunter2Xq9"),
    *("${{ pw }}hunter2Xq9", "${a}${b}hunter2Xq9", "%(a)s9hunter2", "%(a)s%(b)s9hunter2"),
    *("%(hunter2)-Xq9", "${a}-hunter2Xq9", "$(cat f9)_Xq9", "${a}-${b}hunter2Xq9", "%(hunter2)!Xq9"),
]
AROUND = [
    *("x password={} y", "password={}\nb=2", "x password: {} y", "  password: {}\n", "?a=1&password={}&b=2"),
    *("Authorization: Bearer {}", "x --password {} y", "- name: PASSWORD\n  value: {}\n", "<password>{}</password>"),
    *('x password="{}" y', "name=PASSWORD, value={} y", "ALTER USER x PASSWORD '{}'", '{{"password":"{}"}}'),
]


@pytest.mark.parametrize("value", GLUED)
@pytest.mark.parametrize("form", AROUND)
def test_a_value_that_is_glued_to_a_reference_goes_with_it(form: str, value: str) -> None:
    """Only what ends where a reference ends stands for another value."""
    text = form.format(value)
    assert taken(text) == [value]
    clean, _ = REDACTOR.text(text)
    assert REDACTOR.text(clean) == (clean, [])
    assert WARM.hit(text.encode())
    assert WARM.looks(text.encode())


@pytest.mark.parametrize("value", ['$(cat "$F9")hunter2Xq9', '${a}$(cat "$F9")hunter2Xq9', '${PW:-"d9"}-hunter2Xq9'])
def test_a_value_is_glued_to_a_reference_with_quotation_marks(value: str) -> None:
    """Within quotation marks of the same kind: up to the one that closes."""
    assert taken(f'PASSWORD="{value}" x') == [value]


@pytest.mark.parametrize(
    "value", ["%(a)s", "%(a)s%(b)s", "${a}", "${a}${b}", "${a}-${b}.", "{{ a }}:{{ b }}", "$(cat f9)."]
)
@pytest.mark.parametrize(
    "form", ["x password={} y", "?password={}&user=bob9", "x password={}, y9", "x --password {}\n9"]
)
def test_what_is_glued_to_nothing_stays(form: str, value: str) -> None:
    """References in a row, the letter of a conversion, signs of a sentence; also in JSON that is read as text."""
    text = form.format(value)
    assert taken(text) == []
    assert taken(json.dumps(f"{text}\nx")) == taken(json.dumps({"a": json.dumps(text)})) == []


@pytest.mark.parametrize("value", ["{{hunter2Xq9", "${hunter2Xq9"])
def test_a_reference_in_a_url_that_nothing_closes_is_a_password(value: str) -> None:
    """Up to the sign behind it."""
    assert REDACTOR.text(f"postgres://u:{value}@h/d")[0] == "postgres://u:[REDACTED:url-password]@h/d"


@pytest.mark.parametrize("value", ["[abc]dX9z", "(abc)dX9z", "ab[c]dX9z", "abc[1]dX9z", "ab(c)dX9z"])
@pytest.mark.parametrize("form", ["password={}\nb=2", "x password={} y", "[a]\npassword = {}\n", "--password {}"])
def test_brackets_are_of_a_value_that_goes_on(form: str, value: str) -> None:
    """No call and no index has a letter or a digit behind its bracket."""
    assert taken(form.format(value)) == [value]


@pytest.mark.parametrize(
    "text", ["x password=cfg[0] y", "password = get(a)\n", "token: [link](url)", "token = [a-z]+;", "password=(.*)"]
)
def test_brackets_of_a_program_stay(text: str) -> None:
    """Calls, indexes, links, patterns."""
    assert taken(text) == []


@pytest.mark.parametrize("scheme", ["Bearer", "BEARER", "bearer"])
def test_a_tab_behind_a_scheme_may_be_escaped(scheme: str) -> None:
    """In JSON that is read as text, and in JSON in it."""
    token = planted.drawn(Random(5), planted.LETTERS, 24)
    for text in (f"{scheme}\t{token}", f"Authorization: Basic\t{token}", f"Authorization: {scheme}\t{token}"):
        for printed in (text, json.dumps(text), json.dumps(json.dumps(text)), json.dumps({"a": json.dumps([text])})):
            clean, hits = REDACTOR.text(printed)
            assert (token in clean, len(hits)) == (False, 1)
            assert WARM.hit(printed.encode())
            assert WARM.looks(printed.encode())


@pytest.mark.parametrize("sign", "a9!#$@")
def test_a_doubled_quotation_mark_is_of_the_value_that_goes_on(sign: str) -> None:
    """Of SQL and YAML: whatever follows, unless it parts values."""
    assert taken(f"x password='hun''{sign}ter2' y") == [f"hun''{sign}ter2"]
    assert taken("f(password='', user='bob1')") == []


@pytest.mark.parametrize("text", ["password=:password", "password=@password", "password: !Ref Db", "password: *anchor"])
def test_a_reference_of_a_program_stays(text: str) -> None:
    """Parameters of SQL, tags and anchors of YAML, without quotation marks."""
    assert REDACTOR.text(f"x {text}") == (f"x {text}", [])


@pytest.mark.parametrize(
    "value",
    [
        {"token": "/callback?access_token=abc/def"},
        {"password": "Cookie: sid=example"},
        {"secret": "/run?token=abc12345/x"},
        {"api_key": "Authorization: Bearer your_tok-abcdefghijkl1234567"},
    ],
)
def test_a_secret_in_what_stands_for_one_takes_all_of_it(value: dict[str, str]) -> None:
    """At the first look, so that the second changes nothing."""
    once = recorded(value)
    assert list(once.values()) == ["[REDACTED:named-secret]"]
    assert recorded(once) == once


PARTS = st.sampled_from(
    [
        *(
            '"',
            "'",
            '\\"',
            "\\",
            "&",
            "=",
            ": ",
            ", ",
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            "/",
            "\n",
            " ",
            "${x}",
            "[REDACTED:a]",
        ),
        *(
            "password",
            "token",
            "auth",
            "pass",
            "Cookie",
            "cookies",
            "secrets",
            "name",
            "value",
            "Bearer ",
            "Authorization",
        ),
        *("hunter2", "Zx9k", "the", "example", "str", "bob", "12345678", "a.b", ":letmein", "@x", "/a/b", "api_key"),
    ]
)
TEXTS = st.lists(PARTS, max_size=9).map("".join)
NAMES = st.sampled_from(
    ["password", "secrets", "cookies", "Cookie", "auth", "token", "name", "Name", "value", "val", "a"]
)
TREES = st.recursive(
    st.one_of(TEXTS, NAMES, st.integers(0, 10**8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(NAMES, inner), max_size=2),
        st.dictionaries(NAMES, inner, max_size=3),
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(TEXTS)
def test_text_is_redacted_once(text: str) -> None:
    """Whatever stands around a value: what is redacted passes as it is, and the gate saw it."""
    clean, hits = REDACTOR.text(text)
    assert REDACTOR.text(clean) == (clean, [])
    if hits:
        assert WARM.hit(text.encode())
        assert WARM.looks(text.encode())


@pytest.mark.parametrize("wide", [lambda text: text, lambda text: "\0".join(text) + "\0"], ids=["plain", "wide"])
def test_a_mark_in_a_name_says_no_secret(wide: Callable[[str], str]) -> None:
    """What is left of a name beside a mark, also of UTF-16, names nothing: the record passes as it is."""
    name = "--authorization=" + wide("[REDACTED:declared]")
    for value in (
        {name: "what it is"},
        [name, "what it is"],
        [[name, "what it is"]],
        {"name": name, "value": "what it is"},
    ):
        assert REDACTOR.tree(value, []) == value


@settings(max_examples=300)
@given(TREES)
def test_trees_are_redacted_once(value: Any) -> None:
    """Whatever names what: the record passes as it is, and the gate hits wherever something was changed."""
    tree, marks = coerce(value)
    clean = REDACTOR.tree(tree, marks)
    assert REDACTOR.tree(clean, []) == clean
    if clean != tree:
        assert WARM.hit(canonical_bytes(tree))
        assert WARM.looks(canonical_bytes(tree))
        assert WARM.hit(canonical_bytes({"$json": canonical_text(tree)}))


# glued tokens, and kinds


def test_a_token_that_is_glued_to_something_goes() -> None:
    """Two tokens in a row, a letter or an underscore before or behind: a checksum or a fixed form tells."""
    token, other = planted.secrets(3)["github-token"][0].text, planted.secrets(4)["github-token"][0].text
    for text in (f"_{token}", f"x{token}", token + other, f"{token}_x", f"a_{token}_b"):
        clean, hits = REDACTOR.text(text)
        assert token not in clean
        assert other not in clean
        assert set(hits) <= {"github-token", "github-token-within"}
    access = planted.secrets(3)["aws-access-key-id"][0].text
    for text in (f"_{access}", f"{access}_old"):
        assert access not in REDACTOR.text(text)[0]


@pytest.mark.parametrize("between", [":", ",", " ", ", ", '","'])
def test_a_secret_key_behind_its_id_goes(between: str) -> None:
    """As it stands in a file of credentials in CSV, or in what a tool is given."""
    access, secret = planted.secrets(3)["aws-access-key-id"][0].text, ("Ab9+/" * 8)
    clean, hits = REDACTOR.text(f"{access}{between}{secret}")
    assert hits == ["aws-access-key-id", "aws-key-pair"]
    assert secret not in clean


def test_a_digest_response_goes() -> None:
    """Of HTTP digest authentication; the user's name and the nonce stay."""
    text = 'x Authorization: Digest username="bob1", nonce="n", response="6629fae49393a05397450978507c4ef1"'
    clean, _ = REDACTOR.text(text)
    assert clean == text.replace("6629fae49393a05397450978507c4ef1", "[REDACTED:authorization-digest]")


@pytest.mark.parametrize("escape", ["\x1b", "\\u001b", "\\x1b", "\\033", "\\e"])
@pytest.mark.parametrize("code", ["[36m", "[1;32m", "[38;5:208m", "[m", "[0K"])
@pytest.mark.parametrize("name", ["api_key", "auth_key", "pwd", "access_token", "db_pass", "API_KEY", "apiKey"])
def test_a_name_in_colours_is_a_name(name: str, code: str, escape: str) -> None:
    """The letter that ends a colour code belongs to no name: what loggers for people write, key by key."""
    begin, end = escape + code, f"{escape}[0m"
    for text in (f"{begin}{name}{end}={begin}{VALUE}", f'{begin}{name}: "{VALUE}"', f"{begin}--{name}{end} {VALUE}"):
        assert VALUE not in Redactor().text(text)[0], ascii(text)


@pytest.mark.parametrize("name", ["password", "client_secret"])
def test_a_word_that_a_name_in_colours_is_given_is_a_value(name: str) -> None:
    """No blank stands around `=`, whatever the colours: it is assigned, as without them."""
    text = f"\x1b[36m{name}\x1b[0m=\x1b[35mswordfish\x1b[0m ok"
    assert Redactor().text(text)[0] == f"\x1b[36m{name}\x1b[0m=\x1b[35m[REDACTED:named-secret]\x1b[0m ok"


@pytest.mark.parametrize("text", ["\x1b[36mauthor\x1b[0m=Bob-9x", "\x1b[32mauth\x1b[0m: ok", "x[3mkey]=Bob-9x"])
def test_other_names_in_colours_say_nothing(text: str) -> None:
    """They are what they are without."""
    assert Redactor().text(text) == (text, [])

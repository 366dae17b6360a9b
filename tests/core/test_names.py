"""Names that say secret, and what they are given."""

from __future__ import annotations

import pytest

from runstone.core.redaction.given import assignments
from runstone.core.redaction.names import may_stand_in, says_secret, words_of
from runstone.core.redaction.placeholders import is_placeholder

VALUE = "hunter2-Xq9"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dbPassword", ["db", "password"]),
        ("DB_PASSWORD", ["db", "password"]),
        ("X-Api-Key", ["x", "api", "key"]),
        ("AWSSecretKey", ["aws", "secret", "key"]),
        ("client.secret", ["client", "secret"]),
        ("", []),
    ],
)
def test_words_of_a_name(name: str, words: list[str]) -> None:
    """Whatever the case, the words are the same."""
    assert words_of(name) == words


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db_password",
        "DB_PASSWD",
        "userPwd",
        "smtp-pass",
        "passphrase",
        "api_key",
        "apikey",
        "apiKey",
        "x-api-key",
        "secret",
        "clientSecret",
        "client_secret",
        "SECRET_KEY",
        "aws_secret_access_key",
        "private_key",
        "signingKey",
        "access_token",
        "refreshToken",
        "id_token",
        "token",
        "auth",
        "authorization",
        "credentials",
        "AccountKey",
        "connectionString",
        "password2",
        "DB_PASS",
    ],
)
def test_a_name_that_says_secret(name: str) -> None:
    """And the gate of a short process sees it in a line."""
    assert says_secret(name)
    assert may_stand_in(f'"{name}":"x"'.lower().encode())


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "authority",
        "max_tokens",
        "token_count",
        "tokenizer",
        "total_tokens",
        "next_page_token",
        "page_token",
        "primary_key",
        "foreign_key",
        "idempotency_key",
        "cache_key",
        "public_key",
        "sort_key",
        "key",
        "keys",
        "passed",
        "pass_rate",
        "bypass",
        "compass",
        "secretary",
        "secret_name",
        "password_file",
        "password_hint",
        "token_type",
        "access_key_id",
        "api_key_id",
        "passenger",
        "status",
    ],
)
def test_a_name_that_says_nothing(name: str) -> None:
    """What is said of a secret is none, and other words only look alike."""
    assert not says_secret(name)


@pytest.mark.parametrize(
    "text",
    [
        "password={}",
        "password = '{}'",
        'password: "{}"',
        "  password: {}\n",
        "export DB_PASSWORD={}",
        'DB_PASSWORD="{}"',
        '{{"password": "{}"}}',
        '{{\\"password\\": \\"{}\\"}}',
        '{{\\\\\\"password\\\\\\":\\\\\\"{}\\\\\\"}}',
        "{{'api_key': '{}'}}",
        "mysql --password {} -u root",
        "mysql --password={} -u root",
        "ALTER USER a PASSWORD '{}'",
        "<password>{}</password>",
        "https://host/?access_token={}&page=2",
        "X-Api-Key: {}",
        "api_key => '{}'",
        "client_secret := `{}`",
        "Password={};Server=db",
        'config["password"] = "{}"',
        "$env:API_KEY = '{}'",
    ],
)
def test_what_a_name_is_given_is_found(text: str) -> None:
    """The value alone, in the many ways of writing that a name has one."""
    whole = text.format(VALUE)
    assert [whole[start:end] for _, _, start, end in assignments(whole)] == [VALUE]


@pytest.mark.parametrize(
    "text",
    [
        "the password must have 8 characters",
        "a token bucket, and the secretary",
        "password = getpass()",
        'os.environ["DB_PASSWORD"]',
        "password: ***",
        "password=${DB_PASSWORD}",
        "password: $DB_PASSWORD",
        "token: <token>",
        "password = request.password",
        "def login(user, password):",
        "api_key: YOUR_API_KEY".lower(),
        '{"password": null, "token": true}',
        "password=%s",
        "secretKeyRef: db",
        "Authorization: Bearer",
        "password_file: /run/secrets/db",
        "max_tokens=512 next_page_token=abcdef1234",
    ],
)
def test_what_is_no_value_is_left(text: str) -> None:
    """Prose, code that reads a secret, and what only stands for one."""
    assert list(assignments(text)) == []


@pytest.mark.parametrize(
    "value", ["", "***", "xxxx", "${X}", "$(cmd)", "<token>", "{{ x }}", "null", "/run/secrets/x", "%s"]
)
def test_placeholders(value: str) -> None:
    """They stand for a value."""
    assert is_placeholder(value)


@pytest.mark.parametrize("value", [VALUE, "$ecret-1", "p@ss", "correct horse", "/abc+def=", "<3cats", "%41lpha"])
def test_values(value: str) -> None:
    """They are one."""
    assert not is_placeholder(value)

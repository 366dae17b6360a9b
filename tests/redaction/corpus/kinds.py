"""Kinds of secrets: tokens of issuers, what people write around passwords, keys, and values that only a name tells.

- A kind is recognised *by shape*, or *by name*: only the key or word beside it tells.
- Every value is fresh and well formed: right prefix, alphabet, length, checksum. Nothing here was ever issued.
- `Secret.hidden` are the parts that must not be read again; a fixed prefix, a host or a user name may stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from . import making
from .making import ALNUM, BASE32, BASE64, DIGITS, HEX, LETTERS, LOWNUM, URLSAFE, WORD, b64, draw, uuid
from .secret import Kind, Make, Part, Secret, around, block, escaped_key, key, made, one_of, pem, shape, url_key
from .tokens import TOKENS


def _jwt(header: dict[str, str], signature: int) -> Make:
    def make(random: Random) -> Secret:
        head, payload, signed = making.jwt(random, header, signature)
        return Secret(f"{head}.{payload}.{signed}", (payload, signed))

    return make


def _jwe(random: Random) -> Secret:
    head = making.b64json({"alg": "RSA-OAEP-256", "enc": "A256GCM"})
    parts = tuple(making.b64url(random.randbytes(n)) for n in (256, 12, 160, 16))
    return Secret(".".join((head, *parts)), parts)


def _service_account(random: Random) -> Secret:
    text, lines = making.pem("PRIVATE " + "KEY", making.pkcs8(random))
    account = {
        "type": "service_account",
        "project_id": "acme-prod",
        "private_key_id": draw(random, HEX, 40),
        "private_key": text,
        "client_email": "loader@acme-prod.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return Secret(json.dumps(account), tuple(lines))


def _basic(random: Random) -> Secret:
    credentials = b64(f"deploy:{draw(random, ALNUM, 20)}".encode())
    return Secret("Authorization: Basic " + credentials, (credentials[10:],))


def _kube_client_key(random: Random) -> Secret:
    text, _ = making.pem("RSA " + "PRIVATE KEY", making.rsa_private(random))
    secret = b64(text.encode())
    return Secret(secret, (secret[48:],))


def _age(random: Random) -> Secret:
    text = making.bech32("age-secret-" + "key-", random.randbytes(32))
    return Secret(text, (text[16:],))


URLS = (
    shape(
        "postgres-url",
        "PostgreSQL URL with a password",
        around("postgresql://app:", [(ALNUM, 18)], "@db.example.com:5432/app?sslmode=require"),
    ),
    shape("mysql-url", "MySQL URL with a password", around("mysql://root:", [(ALNUM, 14)], "@10.0.3.7:3306/shop")),
    shape(
        "mongodb-url",
        "MongoDB URL with a password",
        around("mongodb+srv://app:", [(ALNUM, 16)], "@cluster0.example.net/?retryWrites=true"),
    ),
    shape(
        "redis-url",
        "Redis URL with a password and no user",
        around("redis://:", [(ALNUM, 24)], "@cache.example.com:6379/0"),
    ),
    shape("amqp-url", "AMQP URL with a password", around("amqps://worker:", [(URLSAFE, 20)], "@mq.example.com/vhost")),
    shape(
        "https-url",
        "HTTPS URL with user and password",
        around("https://ci-bot:", [(ALNUM, 22)], "@git.example.com/acme/app.git"),
    ),
    shape(
        "smtp-url",
        "SMTP URL with a password",
        around("smtp://mailer%40example.com:", [(ALNUM, 16)], "@smtp.example.com:587"),
    ),
    shape(
        "cloudinary-url",
        "Cloudinary URL: key, secret, cloud",
        around("cloudinary://", (DIGITS, 15), ":", [(URLSAFE, 27)], "@acme"),
    ),
    shape(
        "jdbc-url",
        "JDBC URL with a password parameter",
        around("jdbc:postgresql://db.example.com:5432/app?user=app&password=", [(ALNUM, 20)]),
    ),
    shape(
        "sqlserver-string",
        "SQL Server connection string",
        around("Server=tcp:sql.example.com,1433;Database=app;User ID=app;Password=", [(ALNUM, 20)], ";Encrypt=True;"),
    ),
    shape(
        "azure-storage-string",
        "Azure Storage connection string",
        around(
            "DefaultEndpointsProtocol=https;AccountName=acmedata;AccountKey=",
            [key(64)],
            ";EndpointSuffix=core.windows.net",
        ),
    ),
    shape(
        "azure-bus-string",
        "Azure Service Bus connection string",
        around("Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=RootManage;SharedAccessKey=", [key(32)]),
    ),
    shape(
        "azure-cosmos-string",
        "Azure Cosmos DB connection string",
        around("AccountEndpoint=https://acme.documents.azure.com:443/;AccountKey=", [key(64)], ";"),
    ),
    shape(
        "aws-signed-url",
        "S3 presigned URL, version 4",
        around(
            "https://acme.s3.eu-central-1.amazonaws.com/q1.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=",
            ["AKIA", (BASE32, 16)],
            "%2F20260102%2Feu-central-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=3600",
            "&X-Amz-SignedHeaders=host&X-Amz-Signature=",
            [(HEX, 64)],
        ),
    ),
    shape(
        "gcp-signed-url",
        "Cloud Storage signed URL, version 4",
        around(
            "https://files.example.com/q1.csv?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Expires=900&X-Goog-Signature=",
            [(HEX, 512)],
        ),
    ),
    shape(
        "azure-sas-url",
        "Azure shared access signature",
        around(
            "https://acmedata.blob.core.windows.net/in/q1.csv?sv=2024-11-04&sr=b&se=2026-02-01T00%3A00%3A00Z&sp=r&sig=",
            [escaped_key(32)],
        ),
    ),
    shape(
        "logic-app-url",
        "Power Automate trigger URL",
        around(
            "https://prod-12.westeurope.logic.azure.com:443/workflows/",
            (HEX, 32),
            "/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=",
            [url_key(32)],
        ),
    ),
)

WEB = (
    shape("bearer-header", "HTTP bearer token", made("Authorization: Bearer ", (URLSAFE, 48))),
    shape("basic-header", "HTTP basic credentials", _basic),
    shape(
        "proxy-header",
        "HTTP proxy credentials",
        made("Proxy-Authorization: Basic ", lambda random: b64(draw(random, ALNUM, 30).encode())),
    ),
    shape("cookie-header", "HTTP session cookie", around("Cookie: theme=dark; sessionid=", [(LOWNUM, 32)])),
    shape(
        "set-cookie-header",
        "HTTP session cookie as it is set",
        around("Set-Cookie: sid=", [(URLSAFE, 43)], "; Path=/; HttpOnly; Secure"),
    ),
    shape("jwt-hmac", "JSON Web Token, HS256", _jwt({"alg": "HS256", "typ": "JWT"}, 32)),
    shape("jwt-rsa", "JSON Web Token, RS256", _jwt({"alg": "RS256", "kid": "2026-01", "typ": "JWT"}, 256)),
    shape("jwe", "Encrypted JSON Web Token", _jwe),
)

KEYS = (
    shape("rsa-key", "RSA private key, PEM", pem("RSA " + "PRIVATE KEY", making.rsa_private)),
    shape("ec-key", "EC private key, PEM", pem("EC " + "PRIVATE KEY", making.ec_private)),
    shape("pkcs8-key", "PKCS 8 private key, PEM", pem("PRIVATE " + "KEY", making.pkcs8)),
    shape(
        "encrypted-key", "Encrypted PKCS 8 private key, PEM", pem("ENCRYPTED " + "PRIVATE KEY", making.pkcs8_encrypted)
    ),
    shape("openssh-key", "OpenSSH private key", block(making.openssh)),
    shape(
        "pgp-key",
        "OpenPGP private key block",
        block(lambda random: making.openpgp(random, 5, "PGP " + "PRIVATE KEY BLOCK")),
    ),
    shape("putty-key", "PuTTY private key file", block(making.putty)),
    shape("gcp-service-account", "Google service account key file: JSON with a PKCS 8 key", _service_account),
    shape("age-key", "age identity: bech32", _age),
    shape("kube-client-key", "client-key-data of a kubeconfig: base64 of PEM", _kube_client_key),
)

# ---------------------------------------------------------------- by name

WORDS = (
    "Sommer",
    "anchor",
    "Mailand",
    "tiger",
    "coffee",
    "Winter",
    "purple",
    "Bahnhof",
    "rocket",
    "maple",
    "Luna",
    "harbor",
)
PUNCTUATION = "!@#$%^&*+-=?_.~"


def named(id: str, about: str, names: str, *parts: Part) -> Kind:
    """A kind that only its name tells."""
    return Kind(id, about, "name", made("", *parts), tuple(names.split()))


def _mixed(count: int, alphabet: str) -> Callable[[Random], str]:
    """Text that has a letter, a digit and a mark, and begins with a letter."""
    return lambda random: draw(random, LETTERS, 1) + draw(random, alphabet, count - 3) + draw(random, DIGITS, 2)


word = one_of(*WORDS)

BY_NAME = (
    named(
        "human-password",
        "a password that a person chose",
        "password user_password login_password",
        word,
        "-",
        (DIGITS[1:], 4),
        one_of("", "!", "x"),
    ),
    named("two-words", "a password of two words", "passwd db_passwd root_passwd", word, (DIGITS, 2), word),
    named("generated-password", "a generated password", "pwd db_pwd admin_pwd", (ALNUM, 16)),
    named(
        "marked-password",
        "a generated password with punctuation",
        "password db_password admin_password",
        _mixed(18, ALNUM + PUNCTUATION),
    ),
    named("umlaut-password", "a password beyond ASCII", "password smtp_password", word, "größe", (DIGITS, 3), "€"),
    named(
        "spaced-passphrase",
        "a passphrase with spaces",
        "passphrase key_passphrase",
        word,
        " ",
        word,
        " ",
        word,
        " ",
        word,
        (DIGITS, 2),
    ),
    named(
        "dashed-passphrase",
        "a passphrase with dashes",
        "passphrase ssh_passphrase",
        word,
        "-",
        word,
        "-",
        word,
        "-",
        (DIGITS, 2),
    ),
    named("passcode", "digits", "passcode", (DIGITS[1:], 8)),
    named(
        "bind-password",
        "a password of a directory or key store",
        "bind_password keystore_password sasl_password",
        (ALNUM, 12),
    ),
    named("secret", "an application secret", "secret app_secret shared_secret", (HEX, 32)),
    named(
        "secret-key",
        "the secret key of a web framework",
        "secret_key django_secret_key",
        (LOWNUM + "!@#$%^&*(-_=+)", 50),
    ),
    named("client-secret", "an OAuth client secret", "client_secret oauth_client_secret consumer_secret", (ALNUM, 40)),
    named("api-key-hex", "an API key of 32 hex", "api_key datadog_api_key dd_api_key", (HEX, 32)),
    named("api-key-letters", "an API key of letters and digits", "apikey algolia_api_key", (ALNUM, 24)),
    named("api-key-uuid", "an API key that is a UUID", "heroku_api_key api_key", uuid),
    named("access-token", "an opaque access token", "access_token oauth_access_token", (URLSAFE, 43)),
    named("refresh-token", "an opaque refresh token", "refresh_token", (HEX, 64)),
    named("auth-token", "an auth token of 32 hex", "auth_token twilio_auth_token", (HEX, 32)),
    named("token", "a token of 40 hex", "token deploy_token gitea_token", (HEX, 40)),
    named("bearer-token", "a bearer token", "bearer_token id_token", (ALNUM, 60)),
    named("session-token", "a temporary session token", "session_token aws_session_token", key(240)),
    named(
        "aws-secret-key", "AWS secret access key: 40 of base64", "aws_secret_access_key secret_access_key", (BASE64, 40)
    ),
    named("private-key", "a raw private key", "private_key wallet_private_key", (HEX, 64)),
    named("wireguard-key", "a WireGuard key", "private_key", key(32)),
    named("encryption-key", "a symmetric key", "encryption_key data_encryption_key fernet_key", key(32)),
    named("signing-secret", "a signing secret", "signing_secret webhook_secret signing_key", (HEX, 32)),
    named("account-key", "a storage account key", "account_key storage_account_key", key(64)),
    named("jwt-secret", "a secret of tokens or cookies", "jwt_secret cookie_secret session_secret", (WORD, 64)),
    named("master-key", "the master key of an application", "master_key rails_master_key", (HEX, 32)),
    named("otp-secret", "the seed of one-time passwords", "totp_secret otp_secret mfa_secret", (BASE32, 32)),
)

SELF_EVIDENT = TOKENS + URLS + WEB + KEYS
BY_SHAPE = tuple(kind for kind in SELF_EVIDENT if not kind.rare)
RARE = tuple(kind for kind in SELF_EVIDENT if kind.rare)
KINDS: tuple[Kind, ...] = BY_SHAPE + BY_NAME + RARE

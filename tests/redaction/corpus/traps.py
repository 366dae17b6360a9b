"""Things that look like secrets and are none: look-alikes, telling words, blanks to fill in, code that reads a secret.

Nothing here may be touched: a record whose digests were taken out cannot be verified, and one whose prose was taken out
cannot be read. `make` gives text, or a JSON value where what misleads is the name of a member.
"""

from __future__ import annotations

from .lookalikes import LOOKALIKES, Trap, fixed, members
from .making import URLSAFE, draw

WORDS = (
    members(
        "max-tokens",
        "a limit of tokens",
        {"max_tokens": 512},
        {"max_tokens": 4096, "temperature": 0.2},
        {"maxTokens": 1024},
    ),
    members("token-count", "counts of tokens", {"token_count": 1289, "prompt_tokens": 17, "completion_tokens": 400}),
    members(
        "tokenizer",
        "words of a tokenizer",
        {"tokenizer": "gpt2", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "[UNK]"},
    ),
    members(
        "primary-key",
        "keys of a table",
        {"primary_key": "id", "foreign_key": "user_id", "sort_key": "created_at"},
        {"primary_key": ["symbol", "day"]},
    ),
    fixed(
        "primary-key-text",
        "the same in a log",
        "upsert into prices primary_key=id partition_key=day",
        "index on primary_key=symbol,day rebuilt",
    ),
    members("cache-key", "a key of a cache", {"cache_key": "prices/2026-01-02", "key": "value", "keys": ["a", "b"]}),
    Trap("next-page-token", "a cursor", lambda r: {"next_page_token": draw(r, URLSAFE, 24), "items": []}),
    Trap(
        "page-token-query",
        "a cursor in a URL",
        lambda r: f"GET /v1/items?page_size=50&page_token={draw(r, URLSAFE, 24)}",
    ),
    members("author", "an author", {"author": "A. Meier", "authority": "example.com", "co_authors": ["B. Kurz"]}),
    fixed("author-text", "the same in a log", "author=meier committer=kurz", "Author: Ada Meier <meier@example.com>"),
    fixed(
        "passed",
        "words that begin with pass",
        "passed=12 failed=0 bypass=true",
        "12 passed, 3 xpassed in 4.1s; passes=3 compass=north",
    ),
    fixed(
        "secretary",
        "words that begin with secret",
        "the secretary general=Guterres spoke",
        "secretion rate: 0.31 per hour",
    ),
    fixed(
        "token-bucket",
        "prose about tokens",
        "the token bucket holds 100 tokens and refills 10 a second",
        "Each token is a word or a part of one.",
    ),
    fixed(
        "password-prose",
        "prose about passwords",
        "the password must have 8 characters, a digit and a capital",
        "Password expired: please choose a new password.",
    ),
    fixed(
        "key-prose",
        "prose about keys",
        "an api key is required for this endpoint",
        "The access key and the secret key are shown once; keep them.",
    ),
    fixed(
        "bearer-prose",
        "prose about bearers",
        "the bearer of bad news; basic authentication is off",
        "Authorization: required. Basic usage follows.",
    ),
    members(
        "auth-settings",
        "settings of auth",
        {"auth_method": "oauth2", "token_type": "bearer", "expires_in": 3600, "grant_type": "password"},
    ),
    members(
        "auth-urls",
        "endpoints",
        {
            "token_endpoint": "https://idp.example.com/oauth2/token",
            "authorization_endpoint": "https://idp.example.com/auth",
        },
    ),
    members(
        "password-settings",
        "settings of passwords",
        {"password_min_length": 12, "password_hash": "argon2id", "require_password": True},
    ),
    members(
        "empty-secrets",
        "secrets that are not there",
        {"password": None, "token": "", "api_key": False, "secret": None},
        {"password": "", "client_secret": None},
    ),
    members(
        "openapi",
        "a schema",
        {"password": {"type": "string", "minLength": 8}, "token": {"type": "string", "format": "jwt"}},
    ),
    members(
        "secret-references",
        "names of secrets",
        {"secretName": "app-credentials", "secretKeyRef": {"name": "db", "key": "password"}},
    ),
    fixed(
        "kube-reference",
        "a reference in Kubernetes",
        "env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n      key: password",
    ),
    members(
        "secret-paths",
        "files that hold secrets",
        {"password_file": "/run/secrets/db_password", "ssl_key": "/etc/ssl/private/app.pem"},
    ),
    fixed(
        "secret-path-text",
        "the same in a shell",
        "deploy --token-file /run/secrets/token --password-stdin",
        "docker login --username app --password-stdin < ~/.pw",
    ),
    members(
        "secret-arn",
        "where a secret is kept",
        {"secret_arn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-a1B2c3", "secret_version": 3},
    ),
    fixed(
        "vault-reference",
        "where a secret is kept",
        "password: op://prod/db/password",
        "token: vault:secret/data/app#token",
        "api_key: ssm:/prod/app/api_key",
    ),
    fixed(
        "short-options",
        "-p that is no password",
        "docker run -p 8080:80 app",
        "mkdir -p /tmp/out/2026",
        "ssh -p 2222 host uptime",
        "cp -p a b",
    ),
    fixed("pwd", "the working directory", "PWD=/home/ci/work OLDPWD=/home/ci", "cwd=/srv/app pwd=/srv/app/releases/12"),
    fixed(
        "agent-socket",
        "variables of an agent",
        "SSH_AUTH_SOCK=/tmp/ssh-XXXXabcd/agent.4711 SSH_AGENT_PID=4712",
        "GPG_TTY=/dev/pts/3",
    ),
    members(
        "key-events", "keys of a keyboard", {"hotkey": "ctrl+k", "keycode": 75, "keyboard": "de", "keynote": "10:00"}
    ),
)

HOLDERS = (
    fixed(
        "stars",
        "a value that is hidden already",
        "password: ***",
        "password=********",
        "token: xxxxxxxx",
        "api_key=<hidden>",
    ),
    members("stars-member", "the same in JSON", {"password": "***"}, {"token": "********", "api_key": "<redacted>"}),
    fixed("our-mark", "what the redactor leaves", "token=[REDACTED:github-token]", "password: [REDACTED:declared] ok"),
    fixed(
        "variables",
        "a variable",
        "password=${PASSWORD}",
        "password: $DB_PASSWORD",
        "export TOKEN=${GITHUB_TOKEN:-}",
        "api_key=%API_KEY%",
    ),
    members(
        "variables-member",
        "the same in JSON",
        {"password": "${DB_PASSWORD}", "token": "{{ token }}", "api_key": "$API_KEY"},
    ),
    fixed(
        "angle-brackets",
        "a blank to fill in",
        "curl -H 'Authorization: Bearer <token>' https://api.example.com",
        "password=<your-password>",
        "api_key: YOUR_API_KEY",
    ),
    fixed("aws-example", "the documented example", "aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE"),
    fixed(
        "masked-tokens",
        "tokens that are cut",
        "ghp_" + "****************",
        "sk-" + "...abcd",
        "using key AKIA" + "**************** of prod",
    ),
    fixed(
        "workflow",
        "secrets of a workflow",
        "env:\n  GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}",
        "with:\n  token: ${{ github.token }}\nsecrets: inherit",
    ),
    fixed(
        "terraform",
        "references in Terraform",
        "password = var.db_password",
        'token = data.vault_generic_secret.app.data["token"]',
        "secret_key = local.secret_key",
    ),
    fixed(
        "helm",
        "templates of Helm",
        "password: {{ .Values.db.password | b64enc }}",
        'token: {{ required "token" .Values.token }}',
    ),
    fixed(
        "cloudformation",
        "references of a template",
        "MasterUserPassword: !Ref DbPassword",
        "Password: '{{resolve:secretsmanager:db:SecretString:password}}'",
    ),
    fixed(
        "jinja",
        "templates of Ansible",
        'db_password: "{{ vault_db_password }}"',
        "token: \"{{ lookup('env', 'TOKEN') }}\"",
    ),
)

CODE = (
    fixed(
        "python-environment",
        "code that reads a secret",
        'password = os.environ["DB_PASSWORD"]',
        'token = os.getenv("API_TOKEN")',
        "api_key = settings.API_KEY",
    ),
    fixed(
        "python-prompt", "code that asks", 'password = getpass.getpass("Password: ")', "password = input('Password? ')"
    ),
    fixed(
        "python-types",
        "signatures",
        "def login(user: str, password: str, token: str | None = None) -> Session:",
        "class Config:\n    password: SecretStr\n    api_key: str = field()",
    ),
    fixed(
        "python-calls",
        "code that passes a secret on",
        "client = Client(token=token, password=self.password)",
        "verify(password=request.form.get('password'))",
    ),
    fixed(
        "javascript",
        "the same in JavaScript",
        "apiKey: process.env.API_KEY,",
        "const token = req.headers.authorization",
        "const { password } = req.body;",
    ),
    fixed("go", "the same in Go", 'password := os.Getenv("DB_PASSWORD")', "token, err := client.Token(ctx)"),
    fixed(
        "ddl",
        "columns",
        "ALTER TABLE users ADD COLUMN password VARCHAR(255) NOT NULL",
        "CREATE TABLE t (api_key TEXT, token TEXT, secret BYTEA)",
    ),
    fixed(
        "sql-parameters",
        "a query with parameters",
        "SELECT id FROM users WHERE password = ? AND token = :token",
        "UPDATE users SET password = $1 WHERE id = $2",
    ),
    fixed(
        "html-form",
        "a form",
        '<input type="password" name="password" autocomplete="current-password">',
        '<label for="token">Token</label>',
    ),
    fixed(
        "regular-expression",
        "sources of rules",
        "ghp_" + "[A-Za-z0-9]{36}",
        r"(?i)password\s*[:=]\s*(\S+)",
        "AKIA" + "[0-9A-Z]{16}",
    ),
    fixed(
        "pem-in-code",
        "code that looks for a key",
        'if text.startswith("-----' + 'BEGIN"):',
        "grep -r 'PRIVATE " + "KEY' .",
    ),
    fixed(
        "stack-trace",
        "a stack",
        'File "/app/auth/token.py", line 12, in refresh_token\nTimeoutError: token request timed out',
    ),
    fixed(
        "java-stack",
        "a stack of Java",
        "at com.example.auth.PasswordEncoder.matches(PasswordEncoder.java:41)",
    ),
)

NET = (
    fixed(
        "url",
        "URLs without a password",
        "GET https://api.example.com/v1/items?page=2&sort=asc 200",
        "https://example.com/a@b/c:d",
        "postgresql://db.example.com:5432/app",
    ),
    fixed(
        "url-user",
        "URLs with a user only",
        "ssh://git@git.example.com:22/acme/app.git",
        "git@git.example.com:acme/app.git",
        "postgresql://app@db.example.com/app",
    ),
    fixed(
        "url-blank",
        "URLs with a blank to fill in",
        "postgresql://app:${DB_PASSWORD}@db.example.com/app",
        "redis://:<password>@cache:6379/0",
        "mysql://root:***@db/app",
    ),
    fixed(
        "reset-url",
        "paths that speak of secrets",
        "GET /password/reset 302",
        "POST /oauth/token 200",
        "https://example.com/docs/api-keys#secret-keys",
    ),
    fixed(
        "e-mail",
        "addresses",
        "mail to a.meier+prices@example.com, kurz@example.org",
        "Reply-To: token-support@example.com",
    ),
    fixed("phone", "numbers", "call +49 30 12345678 or (555) 010-1234", "fax: +1-555-010-9999"),
    fixed(
        "file-paths",
        "paths",
        "/home/ci/.ssh/id_ed25519.pub",
        "C:\\Users\\ci\\tokens\\readme.txt",
        "src/auth/password_reset_token_generator.py",
    ),
    fixed(
        "versions",
        "versions",
        "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "python 3.11.7 (main, Jan  2 2026)",
    ),
    fixed(
        "cipher",
        "names of ciphers",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "ssl: ECDHE-ECDSA-CHACHA20-POLY1305, key exchange X25519",
    ),
    fixed(
        "jwt-words",
        "words that look like a token",
        "eyJ is how base64 of JSON begins",
        "eyeball eyJafjord.example.com",
        "com.example.service.handlers",
    ),
    fixed(
        "kubectl", "lists of secrets", "NAME   TYPE   DATA   AGE\ndb     Opaque   2     41d", "secret/app-tls created"
    ),
)

TRAPS: tuple[Trap, ...] = LOOKALIKES + WORDS + HOLDERS + CODE + NET

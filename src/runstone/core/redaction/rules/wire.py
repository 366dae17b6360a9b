"""What travels: passwords in URLs and commands, headers, cookies, signed URLs, connection strings."""

from __future__ import annotations

from runstone.core.redaction.rule import END, END_BASE64, SEPARATOR, START, UUID, Rule, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_HEADER: Final = r"(?:\\{0,3}[\"']?[ \t]{0,4}[:=]|\\{0,3}[\"'],)[ \t]{0,4}\\{0,3}[\"']?"
"""Between the name of a header and its value, on the wire and in code."""

_BLANK: Final = r"(?:[ \t]{1,4}|\\{1,4}t|%20)"
"""Between a scheme and its credentials; a tab may be escaped, as in JSON that nobody has read."""

_START_URL: Final = start("A-Za-z0-9+.-")


def _first(ends: str) -> str:
    """How a password begins that holds none of `ends` and is no placeholder: `${X}`, `$X`, `***`, `{x}`, `%s`."""
    return (
        rf"(?:[^{ends}$*{{\[%]|%[0-9A-Fa-f]{{2}}|\$[^{ends}{{A-Z_(]|[*][^{ends}*]"
        rf"|\{{[^{ends}{{A-Za-z_]|\[[^{ends}R])"
    )


_URL_ENDS: Final = r"\s/?#\"'<>@"
_LOGINS: Final = "docker|podman|nerdctl|buildah|skopeo|oras|helm|crane"
_GAP: Final = r"[ \t](?:[^\r\n\"|;&]{0,120}?[ \t])?"
"""Arguments between two words of a command."""


RULES: Final = (
    Rule(
        "url-password",
        "Password in a URL",
        _START_URL
        + r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/?#:@\"'<>]{0,250}:(?P<secret>"
        + "(?:"
        + _first(_URL_ENDS)
        + rf"|[$#]?\{{{{1,2}}(?![^{_URL_ENDS}]{{0,64}}\}})[^{_URL_ENDS}{{]"  # a reference that nothing closes
        + r")[^\s/?#\"'<>]*)@",
        ("://",),
        example="postgresql://ledger:" + "ln8U5qXO2M0BS2MC@db.example.org/ledger",
        counter="postgresql://ledger:${DB_PASSWORD}@db.example.org:5432/ledger",
        source="RFC 3986, section 3.2.1",
    ),
    Rule(
        "url-forge-token",
        "Token in place of the user in a URL of a source forge",
        r"https?://(?P<secret>[A-Za-z0-9_-]{30,255})(?::x-oauth-basic)?@(?:github\.com|gitlab\.com"
        + r"|bitbucket\.org|dev\.azure\.com)",
        ("@github.com", "@gitlab.com", "@bitbucket.org", "@dev.azure.com"),
        example="git clone https://7703c8d447a121324bf42882b94accaaf005c653@github.com/example/ledger.git",
        counter="https://969c4878c04939312f7ab6e06f537b6c@o4507.ingest.sentry.io/1",
        source="Git, gitcredentials(7); GitHub Docs, OAuth over HTTPS",
    ),
    Rule(
        "bearer-token",
        "Bearer token",
        START + r"(?:[Bb]earer|BEARER)" + _BLANK + r"(?P<secret>[A-Za-z0-9_~+/.-]{16,}={0,2})",
        ("earer ", "EARER ", "earer\t", "EARER\t", "earer\\", "EARER\\", "earer%20", "EARER%20"),
        example="Authorization: Bearer " + "mHS6Quk7lI_VYXv0FliLSSmo1GcepLsAbogIz8HW",
        counter="Bearer authentication",
        source="RFC 6750, section 2.1",
    ),
    Rule(
        "basic-credentials",
        "User and password of HTTP basic authentication",
        "(?i:authorization)" + _HEADER + r"(?:[Bb]asic|BASIC)" + _BLANK + "(?P<secret>[A-Za-z0-9+/]{8,}={0,2})",
        ("asic ", "ASIC ", "asic\t", "ASIC\t", "asic\\", "ASIC\\", "asic%20", "ASIC%20"),
        example="Authorization: Basic " + "bGVkZ2VyOm1OU01MQ2Y5aGVXUWRyZTI=",
        counter="authorization: basic or bearer",
        source="RFC 7617, section 2",
    ),
    Rule(
        "authorization-scheme",
        "Credentials of a scheme such as Token, ApiKey, Splunk or SSWS in an Authorization header",
        "(?i:authorization)"
        + _HEADER
        + "(?i:token|api-?key|apitoken|key|bot|oauth|ssws|splunk|geniekey|klaviyo-api-key|zoho-oauthtoken"
        + "|negotiate|ntlm|pass|sso-key)"
        + _BLANK
        + r"(?:token=)?\\{0,3}[\"']?(?P<secret>[A-Za-z0-9_~+/.:-]{8,}={0,2})"
        + END_BASE64,
        ("authorization",),
        example="Authorization: token " + "35bda3f938daf353e6320099966665d82897de8c",
        counter="Authorization: token",
        source="RFC 9110, section 11.6.2; documentation of the schemes' issuers",
        folds=True,
    ),
    Rule(
        "authorization-digest",
        "Response of HTTP digest authentication, which shows a password to who can guess it",
        "(?i:authorization)"
        + _HEADER
        + r"(?i:digest)[ \t][^\r\n]{0,800}?(?i:[ ,\t]response)=\\{0,7}[\"']?(?P<secret>[A-Fa-f0-9]{32,128})",
        ("authorization",),
        example='Authorization: Digest username="ledger", realm="r", nonce="n", response="'
        + '6629fae49393a05397450978507c4ef1"',
        counter='Authorization: Digest realm="r", nonce="6629fae49393a05397450978507c4ef1"',
        source="RFC 7616, section 3.4",
        folds=True,
    ),
    Rule(
        "authorization-bare",
        "Token alone in an Authorization header",
        "(?i:authorization)"
        + _HEADER
        + "(?P<secret>[A-Za-z_~+/.-]{0,40}[0-9][A-Za-z0-9_~+/.-]{16,}={0,2})"
        + END_BASE64,
        ("authorization",),
        example="Authorization: " + "R0YdA964cVruj7tQ6SBxDayvycAIVCW50JN3LzwT",
        counter="Authorization: required",
        source="RFC 9110, section 11.6.2; documentation of the APIs",
        folds=True,
    ),
    Rule(
        "token-header",
        "Token in a header of its own, such as X-Api-Key or Private-Token",
        "(?i:(?:api|auth|functions)-key|(?:api|auth|access|vault|security|gitlab|figma|csrf|xsrf|private"
        + "|job|deploy)-token)"
        + _HEADER
        + "(?P<secret>[A-Za-z0-9][A-Za-z0-9_~+/.:=-]{11,})",
        (
            "api-key",
            "auth-key",
            "functions-key",
            "api-token",
            "auth-token",
            "access-token",
            "vault-token",
            "security-token",
            "gitlab-token",
            "figma-token",
            "csrf-token",
            "xsrf-token",
            "private-token",
            "job-token",
            "deploy-token",
        ),
        example="X-Auth-Token: " + "xkiLmH4c47oDiMc7Y6zXYZZoAdbFmsY4",
        counter="X-Api-Key: ${API_KEY}",
        source="RFC 9110, section 5; documentation of the headers' issuers",
        folds=True,
    ),
    Rule(
        "cookie",
        "Cookies in a Cookie or Set-Cookie header",
        "(?i:cookie)" + _HEADER + r"(?P<secret>[A-Za-z0-9_.%-]{1,100}=[^\r\n\"'\\]+)",
        ("cookie",),
        example="Set-Cookie: sid=" + "HnfXEI8SHowjrpMFHYWhJvFW74qc4VpT; Path=/; HttpOnly",
        counter="cookie: strictly necessary",
        source="RFC 6265, section 4",
        folds=True,
    ),
    Rule(
        "session-cookie",
        "Value of a well-known session cookie",
        START
        + r"(?:sessionid|connect\.sid|PHPSESSID|JSESSIONID|ASP\.NET_SessionId|ASPSESSIONID[A-Z]{8}"
        + "|laravel_session|_gitlab_session|user_session|__Host-[A-Za-z0-9_-]{1,60}"
        + r"|__Secure-[A-Za-z0-9_.-]{1,60}|\.AspNetCore\.[A-Za-z.]{1,60}|XSRF-TOKEN|csrftoken|remember_token"
        + "|li_at)"
        + "(?:=|%3D)(?P<secret>[A-Za-z0-9%_.:|+/~-]{16,}={0,2})",
        (
            "sessionid",
            "connect.sid",
            "PHPSESSID",
            "JSESSIONID",
            "ASP.NET_SessionId",
            "ASPSESSIONID",
            "laravel_session",
            "_gitlab_session",
            "user_session",
            "__Host-",
            "__Secure-",
            ".AspNetCore.",
            "XSRF-TOKEN",
            "csrftoken",
            "remember_token",
            "li_at",
        ),
        example="curl -b sessionid=" + "11fgtf4sk04e1cl5v8tpg7194y2zgcz7 https://example.org",
        counter="sessionid=test",
        source="RFC 6265; documentation of the frameworks",
    ),
    Rule(
        "saml-response",
        "SAML response",
        "SAMLResponse" + SEPARATOR + "(?P<secret>[A-Za-z0-9+/%]{100,}[A-Za-z0-9+/%=]*)",
        ("SAMLResponse",),
        example="SAMLResponse=PHNhbWxwOlJlc3BvbnNl"
        + "dX0MiWfOyD5YpTvPV+HAB1SbOx/jQVhZZJKierj5JKQlZJNQJ8vvCQ1zOijC7TxCxxh4xfin9avVPFZoZHB1+B/c+g"
        + "Yep4mj/xarls7fo1X0Px4bQC2eUnZLzpo8SzJMFVQNjQUXiNuy1OXEWZh8xSAiAqfCYfQd",
        counter="SAMLResponse=missing",
        source="OASIS, SAML 2.0 bindings, section 3.5",
    ),
    Rule(
        "aws-signed-url",
        "Signature of a presigned AWS URL",
        "(?i:x-amz-signature)(?:=|%3D)(?P<secret>[a-f0-9]{64})" + END,
        ("x-amz-signature",),
        example="https://ledger.s3.amazonaws.com/a.csv?X-Amz-Expires=900&X-Amz-Signature="
        + "a7a7caa14c08e0afbf1d3b935de6d1d965525deb05a473b76927ce91ba090958",
        counter="X-Amz-Content-Sha256: a88cc4c1739c93c821123b1e0d3ddd82416ac1c92a3bcc1ebf4d4803eca6ebbd",
        source="AWS, Signature version 4, query parameters",
        folds=True,
    ),
    Rule(
        "gcs-signed-url",
        "Signature of a signed Google Cloud Storage URL",
        "(?i:x-goog-signature)(?:=|%3D)(?P<secret>[a-f0-9]{64,1100})" + END,
        ("x-goog-signature",),
        example="https://storage.googleapis.com/ledger/a.csv?X-Goog-Signature="
        + "7fcab8f4846b81c6c2b399c0cbedcd2027489723df3b6a796e4c562ae3dbedb79a9a05a6a24ef895194af182b8"
        + "398495c074ea66101db1310fadd90fac510ad8ba78b41785401e92132cdc0e02cbae2de670445fdbdf527711c1"
        + "ac5543728c48039ac2a338accedd3398f8fbb81ba41932885b0e0ec265ebd9241a169864124b",
        counter="x-goog-hash: md5=2e972JxuPl/bvyPZAiUKeP==",
        source="Google Cloud Storage, Signed URLs",
        folds=True,
    ),
    Rule(
        "azure-sas",
        "Signature of an Azure shared access signature",
        "(?:[?&;]|u0026|%26)sig(?:=|%3D)(?P<secret>[A-Za-z0-9%+/_-]{40,}={0,2})",
        ("sig=", "sig%3D"),
        example="https://ledger.blob.core.windows.net/a?sv=2024-11-04&sr=b&sig="
        + "XO4cdq1VaRLmenQPf8l8KmzeWu2SEJ3hqwenpShcsRG%3D",
        counter="sigma=3&signal=5pphmfj4doIqk3u7zJFSfpsl3sIyRFFWfUvwPJZokop",
        source="Azure Storage, Create a service SAS; Azure Event Hubs, Shared access signatures",
    ),
    Rule(
        "url-signature",
        "Signature of a signed URL of CloudFront, S3 version 2, Alibaba OSS or the like",
        "(?:[?&;]|u0026|%26)(?:Signature|q-signature)(?:=|%3D)(?P<secret>[A-Za-z0-9%+/_~-]{20,}={0,2})",
        ("Signature", "q-signature"),
        example="https://d1.cloudfront.net/a.mp4?Expires=1790000000&Signature="
        + "heKpzXe345YAOd2heoaFI5biqv5pweguW-bcTq-AQreWKrESol7Ioagb8kjTJm1vjyKEpSIMNl6KjhnlwVsrfLSRU2"
        + "pV1aIG7dlWB0ffOV5p-E7psIydng9iXt4lLWxtlcr8Hr_vdrQHIoyvq0KWcYPt55XtckD8__&Key-Pair-Id=KTOHB"
        + "6KS9OV25T",
        counter="Signature: keyId=ledger",
        source="Amazon CloudFront, Signed URLs; Alibaba Cloud OSS, Signed URLs",
    ),
    Rule(
        "firebase-download-token",
        "Token of a Firebase Storage download URL",
        r"alt=media(?:&|u0026|&amp;|\\u0026)token=(?P<secret>" + UUID + ")" + END,
        ("alt=media",),
        example="https://firebasestorage.googleapis.com/v0/b/ledger/o/a.png?alt=media&token="
        + "721ecdf8-6443-86db-5f1a-5db446373d2f",
        counter="?alt=media&name=95d02584-d02e-630b-aaf8-cff734b6b673",
        source="Firebase, Download files with Cloud Storage",
    ),
    Rule(
        "jupyter-token",
        "Token in the URL of a Jupyter server",
        "[?&](?:token|tkn)=(?P<secret>[a-f0-9]{48}|" + UUID + ")" + END,
        ("token=", "tkn="),
        example="http://localhost:8888/tree?token=" + "96e9ef0d110a30842c3cbb94ee01123520fa289547a7cfec",
        counter="http://localhost:8888/tree?token=...",
        source="Jupyter Server, Security",
    ),
    Rule(
        "connection-string-password",
        "Password in a connection string of a database",
        r"(?:[;?&]|u0026)(?:amp;)?[ \t]{0,2}(?i:password|passwd|pwd)[ \t]{0,2}(?:=|%3D)[ \t]{0,2}(?P<secret>"
        + _first(r";&\s\"'<>")
        + r"[^;&\s\"'<>]*)",
        ("password", "passwd", "pwd"),
        example="Server=db.example.org;Database=ledger;User Id=app;Password=" + "Iy6nXlkcMI4F7cAcQH;",
        counter="Server=db.example.org;Password=${DB_PASSWORD};",
        source="ADO.NET, Connection string syntax; JDBC, Connection URLs",
        folds=True,
    ),
    Rule(
        "oracle-password",
        "Password in an Oracle connect string",
        r"(?:jdbc:oracle:[a-z]{3,5}:|sqlplus[ \t]{1,4}(?:-[A-Za-z]{1,4}[ \t]{1,4}){0,3})[^\s/\"'@:]{1,60}/"
        + "(?P<secret>"
        + _first(r"\s/\"'@")
        + r"[^\s/\"'@]{0,120})@",
        ("jdbc:oracle:", "sqlplus"),
        example="jdbc:oracle:thin:ledger/" + "M6P38QLz8jB2K1@//db.example.org:1521/LEDGER",
        counter="jdbc:oracle:thin:@//db.example.org:1521/LEDGER",
        source="Oracle, JDBC Developer's Guide, database URLs",
    ),
    Rule(
        "curl-password",
        "Password in the user option of curl",
        r"curl[^\r\n\"]{0,80}?[ \t](?:-u[ \t]{0,2}"
        + r"|--(?:proxy-)?user[ \t=]{1,2})'?[^\s:\"']{1,100}:(?P<secret>"
        + _first(r"\s\"'")
        + r"[^\s\"']*)",
        ("curl",),
        example="curl -s -u ledger:" + "0sT0JbS1zK6TY8mx https://example.org",
        counter="curl -u ledger:$PASSWORD https://example.org",
        source="curl(1), --user",
        in_lists=True,
    ),
    Rule(
        "command-password",
        "Password in the `-p`, `-P` or `-a` option of a command that takes one so",
        start("A-Za-z0-9_-")
        + rf"(?:(?:{_LOGINS}){_GAP}login{_GAP}-p|(?:mongo[a-z]{{0,8}}|twine){_GAP}-p"
        + rf"|(?:sqlcmd|unzip|mosquitto_[a-z]{{2,3}}|ipmitool){_GAP}-P|(?:redis|valkey|keydb)-cli{_GAP}-a)"
        + r"[ \t=]{1,4}'?(?!-|[0-9.]{2,15}(?::[0-9]{1,5})?(?:/[a-z]{3})?(?![^\s\"'|;]))(?P<secret>"
        + _first(r"\s\"'|;")
        + r"[^\s\"'|;]{3,})",
        (*_LOGINS.split("|"), "mongo", "twine", "sqlcmd", "unzip", "mosquitto_", "ipmitool", "-cli"),
        example="docker login -u ledger -p " + "h8YwJbKq2zXv registry.example.org",
        counter="docker run -p 8080:80 registry.example.org/ledger",
        source="Manuals of docker, mongosh, twine, sqlcmd, unzip, mosquitto_pub, ipmitool and redis-cli",
        in_lists=True,
    ),
    Rule(
        "mysql-password",
        "Password in the `-p` option of MySQL and MariaDB tools",
        r"(?:mysql|mariadb)(?:-?[a-z]{4,7})?(?:[ \t][^\r\n\"|;&]{0,80}?)?[ \t]-p(?P<secret>"
        + _first(r"\s\"'|;")
        + r"[^\s\"'|;]{3,})",
        ("mysql", "mariadb"),
        example="mysqldump -u ledger -p" + "AFxCcrgcGGkO ledger",
        counter="mysql -u ledger -p ledger",
        source="MySQL, Command options for connecting to the server",
        in_lists=True,
    ),
    Rule(
        "sshpass-password",
        "Password in the `-p` option of sshpass",
        r"sshpass[ \t]{1,4}(?:-[ev][ \t]{1,4})?-p[ \t]{0,4}'?(?P<secret>" + _first(r"\s\"'") + r"[^\s\"']*)",
        ("sshpass",),
        example="sshpass -p " + "7LJsM11Oikgq8R ssh ledger@db.example.org",
        counter="sshpass -f secrets.txt ssh ledger@db.example.org",
        source="sshpass(1)",
        in_lists=True,
    ),
    Rule(
        "sasl-plain",
        "User and password of SASL PLAIN in a mail dialogue",
        r"(?:AUTH|AUTHENTICATE) PLAIN[ \t]{1,4}(?P<secret>[A-Za-z0-9+/]{12,}={0,2})" + END_BASE64,
        ("AUTH PLAIN", "AUTHENTICATE PLAIN"),
        example="AUTH PLAIN " + "bWxlZGdlcmpkQlNsNXo2c2RDVHdZZA==",
        counter="250-AUTH PLAIN LOGIN",
        source="RFC 4616; RFC 4954",
    ),
)

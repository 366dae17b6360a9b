"""Files that hold secrets by custom: .netrc, .npmrc, docker and kube configs, password files."""

from __future__ import annotations

from runstone.core.redaction.rule import END, END_BASE64, SEPARATOR, START, Rule, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


RULES: Final = (
    Rule(
        "netrc-password",
        "Password in a .netrc entry",
        r"machine[ \t]{1,8}[^\s\"']{1,200}[ \t]{1,8}(?:(?:login"
        + r"|account)[ \t]{1,8}[^\s\"']{1,200}[ \t]{1,8}){0,2}password[ \t]{1,8}"
        + r"(?P<secret>[^\s\"'$*{<][^\s\"']{0,200})",
        ("password",),
        example="machine api.example.org login ledger password " + "8SOKoWpxQpMslyB0ARNy",
        counter="the machine needs a login and a password",
        source="GNU Inetutils, The .netrc file",
    ),
    Rule(
        "netrc-password-line",
        "Password on a line of its own of a .netrc entry",
        r"(?<![^\r\n])"
        + r"[ \t]{0,16}(?:login[ \t]{1,8}[^\s\"']{1,100}[ \t]{1,8})?password[ \t]{1,8}"
        + r"(?P<secret>[A-Za-z]{0,60}[^\sA-Za-z\"'.,;:()][^\s\"']{2,200})"
        + r"(?![^\r\n])",
        ("password",),
        example="machine api.example.org\n  login ledger\n  password " + "bu9NErqfcC6n71cQ03SvG\n",
        counter="  password required\n",
        source="GNU Inetutils, The .netrc file",
    ),
    Rule(
        "npmrc-token",
        "Token or password of a registry in .npmrc or .yarnrc",
        start("A-Za-z0-9")
        + "(?:_authToken|:_auth|:_password|npmAuth(?:Token"
        + r"|Ident))\\{0,3}[\"']?[ \t]{0,4}[=:][ \t]{0,4}\\{0,3}[\"']?(?P<secret>[A-Za-z0-9+/_.:=~-]{8,})",
        ("_authToken", ":_auth", ":_password", "npmAuth"),
        example="//registry.npmjs.org/:_authToken=" + "9aa2b650-ab70-3aba-ccb1-b990c69386fe",
        counter="//registry.npmjs.org/:_authToken=${NPM_TOKEN}",
        source="npm Docs, npmrc; Yarn, Settings",
    ),
    Rule(
        "npmrc-auth",
        "User and password for all registries in .npmrc, only if they decode so",
        start("A-Za-z0-9:.")
        + r"_auth[ \t]{0,4}=[ \t]{0,4}\\{0,3}[\"']?(?P<secret>[A-Za-z0-9+/]{8,}={0,2})"
        + END_BASE64,
        ("_auth=", "_auth ", "_auth\t"),
        example="_auth=" + "bGVkZ2VyOnFxZEYxNUZHZ21nTTVaWGI=",
        counter="_auth=authenticator",
        source="npm Docs, npmrc",
        check="basic",
    ),
    Rule(
        "docker-auth",
        "User and password of a registry in docker's config.json, only if they decode so",
        r"auth(?:\\{0,3}[\"']|:|=)[\"'`\\\])=:>,( \t]{0,12}(?P<secret>[A-Za-z0-9+/]{8,}={0,2})" + END_BASE64,
        ('auth"', "auth'", "auth\\", "auth:", "auth="),
        example='{"auths": {"registry.example.org": {"auth": "' + 'bGVkZ2VyOmFCMzcyRkRNYkpxbVpzNHo="}}}',
        counter='{"auth": "required"}',
        source="Docker, docker login, credential stores",
        check="basic",
    ),
    Rule(
        "docker-identity-token",
        "Identity or registry token in docker's config.json",
        "(?:identitytoken|registrytoken)" + SEPARATOR + "(?P<secret>[A-Za-z0-9_~+/.=-]{16,})",
        ("identitytoken", "registrytoken"),
        example='{"identitytoken": "' + '1619c3f4-5461-9d02-0950-d835490fd679"}',
        counter='{"identitytoken": ""}',
        source="Docker, docker login, credential stores",
    ),
    Rule(
        "kube-client-key",
        "Client key in a kubeconfig",
        "client-key-data" + r"\\{0,3}[\"']?[ \t]{0,4}:[ \t]{0,4}\\{0,3}[\"']?(?P<secret>[A-Za-z0-9+/]{40,}={0,2})",
        ("client-key-data",),
        example="    client-key-data: "
        + "9NJGdu9GVABAPDJ7WlNWDXXE+UGEw3kkNudB4iehiQabzR8uOYLd20ep2vkBL245LFeINboiEx7JRkqJEmdI95lBjM"
        + "CZGbBlaEN0JRueyLFRVsXC6k2HwFn+UnnEDSU+fmBvRTqDtwSrXrlEeu9bYVsCsn7UuxBiWfvW+yKyxCAVHzA55GLd"
        + "O8CdKqKwYKwWVIUFGy4Iktpx3aGhoRe1NEwoEuUhFhxf6Lg+g8ZINHzVtlQi=",
        counter="    certificate-authority-data: aEDbBJYSqmUumOt2FALFVWTNqkrEKlzScEvn7P+D5l57aSZEvn3w56i0hS"
        + "mond8W4AzvegnA4HrXzPvWYxfPNUxBwxQeMssUNAdyYwDapgwGUht3mxhBu0rbhRYpSNTxYfyyZAHUXK6RX+buUaJd"
        + "41A+h1zjhlUPMylvdWm8mvYCvQUxHWkH1/u63Kl5DKI9myjUJ8KZ7pePD0u7Tw6ddNvumMjcTC/Rw8hhQyd+umU47P"
        + "eQ=",
        source="Kubernetes, Organizing cluster access using kubeconfig files",
    ),
    Rule(
        "password-hash",
        "Hash of a password in the form of crypt(3): htpasswd, shadow, bcrypt, Argon2, Django",
        r"(?:\$(?:apr1|1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"
        + r"|\$[56]\$(?:rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43,86}"
        + r"|\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}|\$(?:y|gy"
        + r"|7)\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}"
        + r"|\$(?:argon2(?:id|i|d)|scrypt)\$[A-Za-z0-9=,$+/.-]{30,300}|(?:pbkdf2_sha(?:1|256)|bcrypt_sha256"
        + r"|scrypt)\$[A-Za-z0-9=,$+/.-]{30,300})",
        (
            "$apr1$",
            "$1$",
            "$5$",
            "$6$",
            "$2a$",
            "$2b$",
            "$2x$",
            "$2y$",
            "$y$",
            "$gy$",
            "$7$",
            "$argon2",
            "$scrypt$",
            "pbkdf2_sha",
            "bcrypt_sha256$",
            "scrypt$",
        ),
        example="ledger:$2y$" + "12$kxu0UuvMTXNb06f4QY0LRJgN2WyIqklI35igEE7ADcPGKtumlVAty",
        counter="awk '{print $1$2}' prices.csv",
        source="crypt(5); Apache, htpasswd; Django, Password management",
    ),
    Rule(
        "ldap-password-hash",
        "Hash of a password in LDAP form",
        r"\{(?:SSHA|SHA|SMD5|SSHA(?:256|384|512)|SHA(?:256|384|512)|CRYPT"
        + r"|PBKDF2[A-Z0-9-]{0,10})\}(?P<secret>[A-Za-z0-9+/=$.]{20,200})",
        ("{SSHA", "{SHA", "{SMD5", "{CRYPT", "{PBKDF2"),
        example="userPassword: {SSHA}" + "hISiU1xp6atBCUKe+z/ckV9cDXWDJrv9VFUjc5us",
        counter="commit {SHA} of {NAME}",
        source="RFC 2307, section 5.3; OpenLDAP, Password storage",
    ),
    Rule(
        "pgpass-password",
        "Password in a .pgpass line",
        r"(?<![^\s\"'])"
        + r"[^:\s\"']{1,100}:(?:\*|5432|543[0-9]|643[0-9]"
        + r"|6543):[^:\s\"']{1,63}:[^:\s\"']{1,63}:(?P<secret>[^\s\"'$*{<][^\s\"']{3,200})",
        (":*:", ":543", ":643", ":6543:"),
        example="db.example.org:5432:ledger:app:" + "MUrTi4bVDLtwRsfz",
        counter="arn:aws:logs:*:*:log-group:name",
        source="PostgreSQL, The password file",
    ),
    Rule(
        "nuget-password",
        "Password in NuGet.Config",
        r"key=\\{0,3}[\"'](?:ClearText)?Password\\{0,3}[\"'][ \t]{1,8}value=\\{0,3}[\"']"
        + r"(?P<secret>[^\"'\\\s%][^\"'\\\s]{3,200})",
        ("Password",),
        example='<add key="ClearTextPassword" value="' + 'Fy6LNpNrHyq9hyhl" />',
        counter='<add key="Password" value="%NUGET_PASSWORD%" />',
        source="NuGet, nuget.config reference, packageSourceCredentials",
    ),
    Rule(
        "wifi-passphrase",
        "Passphrase of a wireless network in wpa_supplicant or NetworkManager",
        START + r"psk=\\{0,3}[\"']?(?P<secret>[^\s\"'\\$<*{][^\r\n\"'\\]{7,63})",
        ("psk=",),
        example='psk="' + 'aJ3CymKa2sSBKCUJ"',
        counter="key-mgmt=wpa-psk",
        source="wpa_supplicant.conf(5); nm-settings(5)",
    ),
    Rule(
        "wifi-code",
        "Password of a wireless network in a WIFI: code",
        r"WIFI:(?:[THS]:[^;\"\r\n]{1,64};){0,4}P:(?P<secret>[^;\"\r\n]{8,64});",
        ("WIFI:",),
        example="WIFI:T:WPA;S:Ledger;P:" + "eELx4wVKoX76zS;;",
        counter="WIFI:T:nopass;S:Guest;;",
        source="ZXing, Barcode contents, Wi-Fi network config",
    ),
    Rule(
        "ipsec-psk",
        "Preshared key in ipsec.secrets",
        r": PSK[ \t]{1,4}\\{0,3}[\"']?(?P<secret>[^\s\"'\\]{8,200})",
        (": PSK",),
        example='10.0.0.7 10.0.0.8 : PSK "' + '7cCH4k40n0iqLcDEBj7eqY8T"',
        counter=": PSK auth",
        source="strongSwan, ipsec.secrets",
    ),
    Rule(
        "laravel-app-key",
        "Laravel application key",
        START + "base64:[A-Za-z0-9+/]{43}=" + END_BASE64,
        ("base64:",),
        example="APP_KEY=base64:" + "hK5oGE6VbG9II81aQ2Hyr9YqBzbpeaZ5TYKChDWyduc=",
        counter="Content: base64:8Y6THcNaDkYAPGmrrdhf",
        source="Laravel, Encryption, configuration",
    ),
    Rule(
        "wordpress-secret",
        "Key, salt or database password in wp-config.php",
        "(?:(?:SECURE_)?AUTH_(?:KEY|SALT)|(?:LOGGED_IN|NONCE)_(?:KEY|SALT)"
        + r"|DB_PASSWORD)\\{0,3}[\"'][ \t]{0,4},[ \t]{0,4}\\{0,3}[\"'](?P<secret>[^\"'\\\r\n]{4,128})",
        ("AUTH_KEY", "AUTH_SALT", "LOGGED_IN_KEY", "LOGGED_IN_SALT", "NONCE_KEY", "NONCE_SALT", "DB_PASSWORD"),
        example="define('AUTH_KEY', '" + "1rIP47W2zoNm9Om1mAUB5QTXCfMZlWGZgVUopNk7KjsI2RkoWfT63lgdz1kNI4YR');",
        counter="define('AUTH_KEY', getenv('AUTH_KEY'));",
        source="WordPress, Editing wp-config.php",
    ),
    Rule(
        "rails-credentials-key",
        "Rails master key, beside its name",
        r"(?i:rails_master_key|master\.key)" + SEPARATOR + "(?P<secret>[a-f0-9]{32})" + END,
        ("rails_master_key", "master.key"),
        example="RAILS_MASTER_KEY=" + "53ac91fbe8be1ba274d9abf8010ac7e9",
        counter="config/master.key is missing",
        source="Rails, Securing Rails applications, custom credentials",
        folds=True,
    ),
    Rule(
        "ansible-become-password",
        "Password of Ansible connections",
        "ansible_(?:ssh_pass|password|become_pass(?:word)?|sudo_pass)"
        + SEPARATOR
        + r"(?P<secret>[A-Za-z0-9!@#%^&+./_-][^\s\"'\\{}]{3,200})",
        ("ansible_",),
        example="db1 ansible_host=10.0.0.7 ansible_password=" + "I1wBYHINRRISfT",
        counter='ansible_password: "{{ vault_password }}"',
        source="Ansible, Connecting to hosts, behavioral parameters",
    ),
    Rule(
        "samba-credentials",
        "Password of a mounted share",
        r"(?:cifs|smb3?|mount)[^\r\n\"]{0,80}?[,= ](?:username|user)=[^\s,\"']{1,60},(?:password"
        + r"|pass)=(?P<secret>[^\s,\"'$*{<][^\s,\"']{0,120})",
        ("username=", "user="),
        example="mount -t cifs //nas/ledger /mnt -o username=ledger,password=" + "C1yajCL1TrbP",
        counter="mount -t cifs //nas/ledger /mnt -o username=ledger,password=$PASS",
        source="mount.cifs(8)",
    ),
    Rule(
        "cisco-secret",
        "Password of type 7 or secret in a router's configuration",
        "(?:password|secret|key) (?:7 (?P<secret>[0-9][0-9A-F]{5,80}))" + END,
        ("password 7 ", "secret 7 ", "key 7 "),
        example="username ledger password 7 " + "48DAC7FC48E58A",
        counter="enable secret 9 files",
        source="Cisco IOS, Password encryption facts",
    ),
)

"""Private keys, and tokens that are signed or encrypted."""

from __future__ import annotations

from runstone.core.redaction.rule import END, END_BASE64, SEPARATOR, START, START_BASE64, START_URLSAFE, Rule, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_GAP: Final = r"(?:[\s\\]{1,400}-{0,4}|-{1,4})"
_WORD: Final = r"[^\"\s\\-]{1,8000}"
"""What armour consists of, wherever its lines end and whatever stands before them: never five hyphens in a row."""

_BLANK: Final = r"(?: |%20|\+)"
_ANY_BLANK: Final = r"(?: |%20|\+|\x1f)"
"""Also as a list of texts has it that is looked at as a whole."""
_KIND: Final = (
    rf"(?:(?:[A-Z0-9]{{1,16}}{_ANY_BLANK}){{0,3}}PRIVATE{_ANY_BLANK}KEY(?:{_ANY_BLANK}BLOCK)?"
    rf"|OpenVPN{_ANY_BLANK}(?:[A-Za-z0-9 %+\x1f]|-(?!-)){{1,40}})"
)
_BETWEEN: Final = "(?:[^-]|-{1,4}(?!-))"
"""Anything but the hyphens of armour."""
_LINE: Final = r"(?:\r?\n|(?:\\{1,4}r)?\\{1,4}n)[ \t]{0,16}"
"""The end of a line, as it is or escaped, and the indent of the next."""


RULES: Final = (
    Rule(
        "private-key",
        "Private key in PEM, OpenSSH or PGP armour",
        "-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        + rf"(?:{_GAP}{_WORD}){{0,40}}?"
        + rf"{_GAP}[^A-Za-z0-9+/=\s\"-]{{0,4}}[A-Za-z0-9+/=]{{24,8000}}[^\s\"\\-]{{0,200}}"
        + rf"(?:{_GAP}{_WORD}){{0,4000}}"
        + r"[\s\\]{0,400}(?:-----END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?",
        ("PRIVATE KEY",),
        example="-----BEGIN EC "
        + "PRIVATE KEY-----\nLT+Hgh7vbS0s1ZMVdsn9PaWDuWUd5df4p5RXMqjnPSCyznluXYZGTfa7G0lxqddt\n1anj5XYZ"
        + "9m+6kd00yfyjU7EtlnQKiwNkmef7ETksDud4JW8qvLgd+hXLuQ+WNtp5\nzWrPMtfwBBd5J2bYvo13QgPzdK9oZZo50"
        + "YiI6drs==\n-----END EC "
        + "PRIVATE KEY-----",
        counter="a file that begins with -----BEGIN " + "PRIVATE KEY----- or so",
        source="RFC 7468; RFC 9580, section 6.2; OpenSSH, PROTOCOL.key",
    ),
    Rule(
        "private-key-line",
        "Private key in armour that has lost its line ends, or in a URL",
        rf"-----BEGIN(?:{_BLANK}[A-Z0-9]{{1,16}}){{0,3}}{_BLANK}PRIVATE{_BLANK}KEY-----"
        + r"(?:%0[AaDd]|&#1[03];){0,4}[A-Za-z0-9+/=%&#;]{40,}"
        + rf"(?:-----END(?:{_BLANK}[A-Z0-9]{{1,16}}){{0,3}}{_BLANK}PRIVATE{_BLANK}KEY-----)?",
        ("PRIVATE KEY-----", "PRIVATE%20KEY-----", "PRIVATE+KEY-----"),
        example="-----BEGIN "
        + "PRIVATE KEY-----575YX8XM5mSLFy5UBIHEYeD7p4Zdl/AK6j0KgodkDINzNlxICAbaG8wy1JZi"
        + "rLnqB0PRfMBH7+WY5YQ1xOy1bAimCaXyMFSb4hBqlxJJLafBvv6Q9RxXTndf"
        + "-----END PRIVATE KEY-----",
        counter="-----BEGIN " + "PRIVATE KEY-----, then the key",
        source="RFC 7468",
    ),
    Rule(
        "private-key-block",
        "Private key in armour, whatever stands between its lines: quotation marks, file names, colours, escapes",
        rf"-----BEGIN{_ANY_BLANK}{_KIND}-----"
        + rf"(?>{_BETWEEN}{{0,600}}?[A-Za-z0-9+/=]{{30}}){_BETWEEN}{{0,40000}}?"
        + rf"-{{0,4}}-----END{_ANY_BLANK}{_KIND}-----",
        ("KEY-----", "BLOCK-----", "OpenVPN"),
        example='key = "-----BEGIN '
        + 'PRIVATE KEY-----\\n" +\n  "k5r2WqPzN8aYt0LxJ3vBf6mHs9DgUe4C7oQi1TnRwKzVbXyMlAhSjGdFpEuOcI+2\\n" +\n'
        + '  "Zq8/0aTfYw3NsLmKvPc6RbEh2=\\n" +\n  "-----END PRIVATE KEY-----"',
        counter="-----BEGIN " + "PRIVATE KEY-----, then lines of base64, then -----END PRIVATE KEY-----",
        source="RFC 7468; OpenVPN, Static key mini-HOWTO",
        in_lists=True,
    ),
    Rule(
        "private-key-der",
        "Private key without its armour: RSA, EC, Ed25519 or OpenSSH in base64",
        START_BASE64
        + "(?:MII[A-Za-z0-9+/]{3}(?:IBADANBgkqhkiG9w0BAQEFAASC|IBAAK[BC])"
        + "|MI[GH][A-Za-z0-9]AgEAMB[AMQ]GByqGSM49AgEG"
        + "|MHcCAQEEI|MIGkAgEBBD|MIHcAgEBBE|MC4CAQAwBQYDK2V[uw]BCIEI"
        + "|b3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/]{24,8000}"
        + rf"(?:{_LINE}[A-Za-z0-9+/]{{20,100}}){{0,400}}(?:{_LINE}[A-Za-z0-9+/]{{1,60}}={{1,2}})?={{0,2}}",
        (
            "IBADANBgkqhkiG9w0BAQEFAASC",
            "IBAAKB",
            "IBAAKC",
            "GByqGSM49AgEG",
            "MHcCAQEEI",
            "MIGkAgEBBD",
            "MIHcAgEBBE",
            "CAQAwBQYDK2V",
            "b3BlbnNzaC1rZXktdjE",
        ),
        example="app_private_key=MIIEv"
        + "QIBADANBgkqhkiG9w0BAQEFAASCaYOX+36hbHWODUrvidyWuT0TJiSszzvPLxhB1uHhE75RTnduiSYwyaWv123kjpZ"
        + "huRWcGkKmdsbTT71JZ0goHzEkJAZg633qU2kUXU6SsrV50ZfRtgSv/13WTTSYI8HsNJYv2CVtqzXn46oVNPkjs9c2L"
        + "DUR1JHDdUbeZCjflpXy9oB8I1mx+weMFSR+l9+IQxARf6oe/rf/dFlqE6aJVO02+F5HJ34+jaPOkX8rIz0ra6YFOPr"
        + "gk3b5ChdPAwtRr2SNn1f0kbl5IoMdaliFjb4Ox0LLrUJdg2phxYBR5+CT8N6+Wpi/dK8vEE9bKe/klOrBhRYQJ5+Lx"
        + "M427GOr4rl7SnzVJjEhHs3DKqMZcqTXMbQMXjtlbqbWt8msdn2aYqgQqnHzrwg/a5K5==",
        counter="MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAMbESMQDcVFaEiUZ4hpGNZw84y4ZJViJltrb6UYLc4JeC6x"
        + "B0BqSudZoG8oHpquGEukemSEFmcxFDZmRm",
        source="RFC 5208; RFC 5915; RFC 8017, appendix A.1.2; RFC 8410",
    ),
    Rule(
        "private-key-base64",
        "Private key in PEM, encoded in base64 once more, as in kube configs",
        START_BASE64
        + "LS0tLS1CRUdJTi[A-Za-z0-9+/]{0,40}?(?:UFJJVkFURSBLRV|BSSVZBVEUgS0VZ"
        + "|QUklWQVRFIEtFW)[A-Za-z0-9+/]{40,}={0,2}",
        ("UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW"),
        example="tls.key: LS0tLS1CRUdJTi"
        + "BQUklWQVRFIEtFWS0tLS0tCks9VnWrYa5715+wmk57y7y1y/Yr9MrmpTDCkIFtUvPjEkb1VCIIz70mTLEOFV1fP6OX"
        + "oQpYUpJdzDabf1zqMYJUhjfOMrWNm+e2mj12bffCTDwmotMbgemQAfBFmWBTh5/LkQAQsXc7GoyzqJsI96ZEnlpJ/u"
        + "hhaA//rwazF5UE1RZmMn8ZwWGwobInEmHIulflnQuopsrFL+X9jj7It/0XEAXKWA3KyeA9LRI15uzy98+C7E=",
        counter="tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkR9XFFzAyDg1YUYkyOxADKH92R/ypKG4C+WkiSAok0LO"
        + "rDoEJeX9pIS39z42NeHNWW1RD9+mxab6ms+R1",
        source="RFC 7468, section 10; Kubernetes, TLS secrets",
    ),
    Rule(
        "openvpn-key",
        "OpenVPN static key or tls-crypt key",
        "-----BEGIN OpenVPN (?:Static key V1|tls-crypt-v2 (?:client|server) key)-----"
        + r"[^\"-]{64,8000}(?:-----END OpenVPN [A-Za-z0-9 -]{1,30}-----)?",
        ("-----BEGIN OpenVPN ",),
        example="-----BEGIN OpenVPN "
        + "Static key V1-----\n49f35d2058a9eeae781a5df090ff7314\n23edaa48d24bdc9199c61ee3049f9a6f\n8df04"
        + "fe27b7ee9f32f28b60ab82c328c\n-----END OpenVPN Static key V1-----",
        counter="# 2048 bit OpenVPN static key",
        source="OpenVPN, Static key mini-HOWTO",
    ),
    Rule(
        "putty-private-key",
        "Private part of a PuTTY key file",
        rf"Private-Lines: [0-9]{{1,4}}(?P<secret>(?:{_LINE}[A-Za-z0-9+/=]{{8,76}}){{1,400}}"
        + rf"(?:{_LINE}[A-Za-z0-9+/=]{{4}}(?![A-Za-z0-9+/=]))?)",
        ("Private-Lines: ",),
        example="Private-Lines: "
        + "2\nVG90A/uo2NlE0Jp9pSzBwGSifxP2XygynhvDUejNp8rtQwck1M36euItmzE8hd+L\nAK5XHXkeZfWfFT8Lt+ieNqY"
        + "yh6BVbzprdKEyQFaOS+W=\nPrivate-MAC: f07fb9fb437756809decd7eccdd75e05f2bccb5bdc4b93f84213a6b"
        + "9e899f7f5",
        counter="Public-Lines: 2\neHYpJLpIg5v2mFiT9oFSVM9WobxqzhC88tzZ4ILtVLr3YnrssW1tHWagx5hHcb1s\np7uaTczLO"
        + "bGP3k7gbvY1JuLFuq9xrSqDah7MvCGs/1A=",
        source="PuTTY User Manual, PPK file format",
    ),
    Rule(
        "age-secret-key",
        "age identity",
        START + "AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{50,120}" + END,
        ("AGE-SECRET-KEY-",),
        example="AGE-SECRET-KEY-" + "167H90PHT4CAP4F6KMYFVP7QW2U9F3NZR7UWEPM6W028SGQSALSSJ7V4S0H",
        counter="age1okli3d8gd4sbskkz24z1xeu0fztwdb3ju746fibecr2z0k551r28f7ikci",
        source="age, format specification",
    ),
    Rule(
        "age-plugin-identity",
        "age identity of a plugin",
        START + "AGE-PLUGIN-[A-Z0-9+_.-]{1,40}-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{20,1000}" + END,
        ("AGE-PLUGIN-",),
        example="AGE-PLUGIN-" + "YUBIKEY-1QL2XUQK6XLXNW67A65HGURM00E27ZDT6WCDDDSA5GTAE75VZVY42",
        counter="age-plugin-yubikey --identity",
        source="age, plugin specification",
    ),
    Rule(
        "wireguard-key",
        "WireGuard private or preshared key",
        "(?i:private_?key|preshared_?key)"
        + SEPARATOR
        + "(?P<secret>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"
        + END_BASE64,
        ("privatekey", "private_key", "presharedkey", "preshared_key"),
        example="PrivateKey = QwkXg8hkTXzeE6U4uQL6WotAW7/J1kKJ/oeeRPrAbJ" + "8=",
        counter="PublicKey = crY2WSkqS8/HXEZ2CylyedsKXCJVpYLyxf6rlz8NXq8=",
        source="WireGuard, wg(8), configuration file format",
        folds=True,
    ),
    Rule(
        "minisign-secret-key",
        "Secret key of minisign or signify",
        START_BASE64 + "(?:RWRTY0Iy[A-Za-z0-9+/]{160,260}|RWRCS[A-Za-z0-9+/]{132,180})={0,2}" + END_BASE64,
        ("RWRTY0Iy", "RWRCS"),
        example="RWRTY0Iy"
        + "nZvYhU19G+oabiVVOCXFI7FiHHqNyZKD00daOkK8flRtFl0G8TJnxLHko0jCw4j4BCujnCVf9WYqk8mZ/FA2mufTHN"
        + "2iIEZQ6eQXv4HwaSF0U1LtNNfgXndD+s0YXGcLoq8I0T+QIGsiKoHt7h6L4VKYi3O+IVl+I4U/LjVC5GQWt1lNc4Tn"
        + "q7JV/5aFWe9s4GHoGCdPCiu6=",
        counter="RWQYQIfJENlSHUNXNLRFq0DiimfYJXFuf8/oLvqJaBJNT1NgyFj0OZ6=",
        source="minisign, Secret key format; signify(1)",
    ),
    Rule(
        "jwk-private",
        "Private part `d` of a JSON Web Key",
        r"\\{0,3}[\"']d\\{0,3}[\"'][ \t]{0,2}:[ \t]{0,2}\\{0,3}[\"']"
        + "(?P<secret>[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{76}|[A-Za-z0-9_-]{88}|[A-Za-z0-9_-]{170,700})"
        + r"(?=\\{0,3}[\"'])",
        ('"d"', "'d'", '"d\\', "'d\\", "\"d'", "'d\""),
        example='{"kty":"EC","crv":"P-256","x":"E2zglObdMcSX8VObaeKp1dXpPoVX0XE5b747nQAzIHO","d":"'
        + 'USiE_s9Nz-mbYwqY3b_j920ILJtuJRy-ODsqAd3Xycq"}',
        counter='{"d": "M10 10L20 20"}',
        source="RFC 7518, sections 6.2.2 and 6.3.2; RFC 8037",
    ),
    Rule(
        "jwt",
        "JSON Web Token, signed",
        START_URLSAFE + r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
        (".eyJ",),
        example="token: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        + "eyJzdWIiOiIyMDQxNyIsIm5hbWUiOiJMZWRnZXIifQ.vzcW2JOfh7W9GuF58s9k25kXymxJmpmqVCKe2pHEU0q",
        counter="eyJeDoTOIlDwh13.SdMITkc3Yi9p.dUIxXEr1GnEg",
        source="RFC 7519, section 3",
    ),
    Rule(
        "jwe",
        "JSON Web Token, encrypted",
        start("A-Za-z0-9_.-")
        + r"eyJ(?:hbGci|lbmMi|0eXAi|raWQi|jdHki|6aXAi)[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*\.[A-Za-z0-"
        + "9_-]{16,32}"
        + r"\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{16,64}",
        ("eyJhbGci", "eyJlbmMi", "eyJ0eXAi", "eyJraWQi", "eyJjdHki", "eyJ6aXAi"),
        example="eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.."
        + "a7NICwH0q5iTO3vw.20KB1VkRZBJz0wvP2Avga2yZtR_QFpbMemKdv2bdNAPqUC4tdjRBSJ1aa1D0e-GXgyYyb0jhe"
        + "1z7KcLj.Fq89JxSDa3Y80ks6ujZhn2",
        counter="eyJhbGciOiJub25lIn0.GviRwae1rNrb7xVFd6Ff",
        source="RFC 7516, section 3.1",
    ),
    Rule(
        "bitcoin-extended-key",
        "Extended private key of a Bitcoin wallet",
        START + "[tuvxyz]prv[1-9A-HJ-NP-Za-km-z]{107,108}" + END,
        ("tprv", "uprv", "vprv", "xprv", "yprv", "zprv"),
        example="xprv"
        + "N53iQs7WAuCsebdDbGy7RzjAHq4KyovRwVPPp3q33W4KbjUmExv7aktvticUwEVr1XvpcMiahZ95QVqwysERiRHkH1"
        + "9WFFten87ZG4rFiUE",
        counter="xpubxMRgMWcZKm1K11cjtdGmC9dT6DDyTzHDmdWgNxiWU94jxhcnxJf6AF8pWaDPGWmyBetALnk87MVe79CnpgCW8r"
        + "jhfsWhS2DLev3i7BERgbK",
        source="Bitcoin, BIP 32; SLIP 132",
    ),
    Rule(
        "bitcoin-key",
        "Bitcoin private key beside a word for it, only with its documented checksum",
        "(?i:wif|bitcoin|btc|private[_ -]?key)[A-Za-z0-9_.-]{0,20}"
        + SEPARATOR
        + "(?P<secret>[5KL][1-9A-HJ-NP-Za-km-z]{50,51})"
        + END,
        ("wif", "bitcoin", "btc", "privatekey", "private_key", "private-key", "private key"),
        example="BTC_WIF=" + "L2wGTX5vwMnzLXPt5JgGpBBubhimTwYV7t56pCP47nHkKACSQpGU",
        counter="BTC_WIF=KR8RymSaCdCW9FedsZ3fg7MXJHuafVeZPgEpk3hBEqL4S37MSd3t",
        source="Bitcoin, BIP 178; base58check",
        check="base58check",
        folds=True,
    ),
    Rule(
        "nostr-secret-key",
        "Nostr secret key",
        START + "nsec1[a-z0-9]{58}" + END,
        ("nsec1",),
        example="nsec1" + "cldtf6lxnsvxu7q6puayz5p908jggdujblpsc0vwxdunyob5zwm4ym0yxs",
        counter="npub1vs4czk1v3ot48m6pdt8nbnkidv8c9lonk8uaqfbxkrtnw2t8r14wmvu0r2",
        source="Nostr, NIP-19",
    ),
)

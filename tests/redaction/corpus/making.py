"""What values of the corpus are made of: alphabets, checksums, containers.

- Everything is drawn from the `Random` that is handed in: the same seed gives the same value on every machine.
- Containers (DER, PEM, OpenSSH, OpenPGP, macaroons) have their true structure around random numbers, so that what
  reads their outside sees the real thing. No key in them is a key of anybody.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from random import Random
from typing import Any

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()
LETTERS = LOWER + UPPER
HEX = DIGITS + "abcdef"
LOWNUM = DIGITS + LOWER
UPNUM = DIGITS + UPPER
ALNUM = DIGITS + UPPER + LOWER
WORD = ALNUM + "_"
URLSAFE = ALNUM + "_-"
BASE32 = UPPER + "234567"
BASE64 = ALNUM + "+/"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def draw(random: Random, alphabet: str, count: int) -> str:
    """`count` characters of the alphabet."""
    return "".join(random.choices(alphabet, k=count))


def b64(data: bytes) -> str:
    """Base64 of RFC 4648 section 4, padded."""
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    """Base64 of RFC 4648 section 5, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def b64json(value: Any) -> str:
    """Base64url of compact JSON, as tokens carry it."""
    return b64url(json.dumps(value, separators=(",", ":")).encode())


def uuid(random: Random, version: int = 4) -> str:
    """A UUID of RFC 9562; version 7 begins with a time of 2026."""
    data = bytearray(random.randbytes(16))
    if version == 7:
        data[:6] = (1_767_000_000_000 + random.randrange(10**10)).to_bytes(6, "big")
    data[6] = version << 4 | data[6] & 0x0F
    data[8] = 0x80 | data[8] & 0x3F
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def base62(number: int, width: int) -> str:
    """Digits 0-9A-Za-z, zeros in front."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = ALNUM[rest] + digits
    return digits.rjust(width, "0")


def with_crc(random: Random, count: int) -> str:
    """`count` letters and digits and the six of their CRC-32 in base62, as GitHub, npm and others end their tokens."""
    text = draw(random, ALNUM, count)
    return text + base62(zlib.crc32(text.encode()), 6)


def grafana(random: Random) -> str:
    """A service account token: secret and CRC-32, least byte first, in hex (`pkg/components/satokengen`)."""
    key = "glsa" + "_" + draw(random, ALNUM, 32)
    return key + "_" + struct.pack("<I", zlib.crc32(key.encode())).hex()


def matrix(random: Random) -> str:
    """An access token of Synapse: local part, 20 letters, CRC-32 of all before it in base62."""
    key = "syt" + "_" + b64url(draw(random, LOWER, 7).encode()) + "_" + draw(random, LETTERS, 20)
    return key + "_" + base62(zlib.crc32(key.encode()), 6)


def bech32(prefix: str, data: bytes) -> str:
    """Bech32 of BIP 173, upper case."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    polymod = _polymod(expanded + values + [0] * 6) ^ 1
    values += [polymod >> 5 * (5 - i) & 31 for i in range(6)]
    return (prefix + "1" + "".join(BECH32[value] for value in values)).upper()


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check


def jwt(random: Random, header: dict[str, Any], signature: int) -> tuple[str, str, str]:
    """Header, payload and signature of a signed token (RFC 7515, compact)."""
    issued = 1_767_000_000 + random.randrange(10**6)
    payload = {
        "sub": uuid(random),
        "iat": issued,
        "exp": issued + 3600,
        "scope": "read write",
        "jti": draw(random, HEX, 16),
    }
    return b64json(header), b64json(payload), b64url(random.randbytes(signature))


def pypi(random: Random, location: str) -> str:
    """A macaroon of format 2 as the package index prints it: location, identifier, one caveat, signature."""
    user = uuid(random)
    caveat = f'[3,"{user}"]'.encode()
    parts = b"\x02\x01" + bytes([len(location)]) + location.encode() + b"\x02\x24" + uuid(random).encode() + b"\x00"
    parts += b"\x02" + bytes([len(caveat)]) + caveat + b"\x00\x00\x06\x20" + random.randbytes(32)
    return "pypi" + "-" + b64url(parts)


# ---------------------------------------------------------------- keys and certificates


def der(tag: int, *parts: bytes) -> bytes:
    """One element of X.690."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def number(random: Random, count: int) -> bytes:
    """An INTEGER of `count` bytes with its top bit set."""
    return der(2, b"\x00", bytes([0x80 | random.randrange(128)]), random.randbytes(count - 1))


RSA = bytes.fromhex("06092a864886f70d0101010500")
SHA256_RSA = bytes.fromhex("06092a864886f70d01010b0500")
P256 = bytes.fromhex("06082a8648ce3d030107")
ED25519 = bytes.fromhex("06032b6570")
PBES2 = bytes.fromhex("06092a864886f70d01050d")
E65537 = der(2, b"\x01\x00\x01")


def rsa_private(random: Random) -> bytes:
    """RSAPrivateKey of 2048 bits (RFC 8017 A.1.2)."""
    return der(0x30, der(2, b"\x00"), number(random, 256), E65537, *(number(random, n) for n in (256, *[128] * 5)))


def rsa_public(random: Random) -> bytes:
    """SubjectPublicKeyInfo of 2048 bits."""
    return der(0x30, der(0x30, RSA), der(3, b"\x00", der(0x30, number(random, 256), E65537)))


def ec_private(random: Random) -> bytes:
    """ECPrivateKey on P-256 (RFC 5915)."""
    point = der(0xA1, der(3, b"\x00\x04", random.randbytes(64)))
    return der(0x30, der(2, b"\x01"), der(4, random.randbytes(32)), der(0xA0, P256), point)


def pkcs8(random: Random) -> bytes:
    """PrivateKeyInfo around an RSA key (RFC 5208)."""
    return der(0x30, der(2, b"\x00"), der(0x30, RSA), der(4, rsa_private(random)))


def pkcs8_encrypted(random: Random) -> bytes:
    """EncryptedPrivateKeyInfo."""
    scheme = der(0x30, PBES2, der(0x30, der(4, random.randbytes(16)), der(2, b"\x08\x00")))
    return der(0x30, scheme, der(4, random.randbytes(1232)))


def certificate(random: Random) -> bytes:
    """The outside of an X.509 certificate: serial, validity, a public key, a signature."""
    name = der(0x30, der(0x31, der(0x30, bytes.fromhex("0603550403"), der(0x0C, b"api.example.com"))))
    valid = der(0x30, der(0x17, b"260101000000Z"), der(0x17, b"270101000000Z"))
    inner = der(0x30, number(random, 16), der(0x30, SHA256_RSA), name, valid, name, rsa_public(random))
    return der(0x30, inner, der(0x30, SHA256_RSA), der(3, b"\x00", random.randbytes(256)))


def wrapped(data: bytes, width: int = 64) -> list[str]:
    """Base64 in lines."""
    text = b64(data)
    return [text[i : i + width] for i in range(0, len(text), width)]


def armored(label: str, lines: list[str]) -> str:
    """Text between the two boundary lines of RFC 7468."""
    return "\n".join(("-----" + "BEGIN " + label + "-----", *lines, "-----" + "END " + label + "-----")) + "\n"


def pem(label: str, data: bytes) -> tuple[str, list[str]]:
    """PEM, and the lines of its body."""
    lines = wrapped(data)
    return armored(label, lines), lines


def _field(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def ssh_public(random: Random) -> bytes:
    """The blob of an ed25519 public key (RFC 8709)."""
    return _field(b"ssh-ed25519", random.randbytes(32))


def openssh(random: Random) -> tuple[str, list[str]]:
    """A private key as `ssh-keygen` writes it (`PROTOCOL.key`), and the lines of its body."""
    public, check = random.randbytes(32), random.randbytes(4)
    secret = check * 2 + _field(b"ssh-ed25519", public, random.randbytes(32) + public, b"deploy@example.com")
    secret += bytes(range(1, -len(secret) % 8 + 1))
    head = b"openssh-key-v1\x00" + _field(b"none", b"none", b"") + struct.pack(">I", 1)
    lines = wrapped(head + _field(_field(b"ssh-ed25519", public), secret), 70)
    return armored("OPENSSH " + "PRIVATE KEY", lines), lines


def _crc24(data: bytes) -> int:
    check = 0xB704CE
    for byte in data:
        check ^= byte << 16
        for _ in range(8):
            check = check << 1 ^ (0x1864CFB if check & 0x800000 else 0)
    return check & 0xFFFFFF


def openpgp(random: Random, tag: int, label: str) -> tuple[str, list[str]]:
    """One packet in ASCII armor with its checksum (RFC 9580), and the lines of its body."""
    body = b"\x04" + struct.pack(">I", 1_767_000_000) + b"\x16" + random.randbytes(300)
    data = bytes([0xC0 | tag, 0xFF]) + struct.pack(">I", len(body)) + body
    lines = wrapped(data)
    return armored(label, ["", *lines, "=" + b64(_crc24(data).to_bytes(3, "big"))]), lines


def putty(random: Random) -> tuple[str, list[str]]:
    """A key file of PuTTY, version 3, and its private line."""
    secret = [b64(_field(random.randbytes(32)))]
    lines = ["PuTTY-User-Key-File-3: ssh-ed25519", "Encryption: none", "Comment: deploy", "Public-Lines: 2"]
    lines += [*wrapped(ssh_public(random)), "Private-" + "Lines: 1", *secret]
    return "\n".join([*lines, "Private-MAC: " + hashlib.sha256(random.randbytes(8)).hexdigest()]) + "\n", secret

"""Made look-alikes: digests, ids, public keys and data that are as random as a secret and are none.

Each is made fresh from a seed, with the outside of the real thing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from . import making
from .making import ALNUM, BASE32, DIGITS, HEX, LOWER, LOWNUM, UPNUM, UPPER, URLSAFE, b64, draw, uuid

Thing = str | dict[str, Any] | list[Any]


@dataclass(frozen=True, slots=True)
class Trap:
    """A kind of thing that must be recorded as it is."""

    id: str
    about: str
    make: Callable[[Random], Thing]


def fixed(id: str, about: str, *texts: str) -> Trap:
    """A trap that is one of these texts."""
    return Trap(id, about, lambda random: random.choice(texts))


def members(id: str, about: str, *values: dict[str, Any]) -> Trap:
    """A trap that is one of these objects."""
    return Trap(id, about, lambda random: random.choice(values))


def sri(random: Random, name: str = "sha512") -> str:
    """A value of Subresource Integrity."""
    return f"{name}-{b64(random.randbytes(hashlib.new(name).digest_size))}"


def image(random: Random) -> str:
    """The head of a PNG and noise."""
    return b64(bytes.fromhex("89504e470d0a1a0a0000000d49484452") + random.randbytes(3000))


def float_rows(random: Random) -> str:
    """CSV of measurements."""
    rows = [",".join(repr(random.uniform(-1e3, 1e3)) for _ in range(6)) for _ in range(12)]
    return "t,x,y,z,u,v\n" + "\n".join(rows)


def gcode(random: Random) -> str:
    """A toolpath."""
    moves = [
        f"G1 X{random.uniform(0, 200):.3f} Y{random.uniform(0, 200):.3f} E{random.random():.5f} F1800"
        for _ in range(20)
    ]
    return "; layer 12\nM104 S215 T0\nG28 ; home\n" + "\n".join(moves) + "\nM107"


def isin(random: Random) -> str:
    """An ISIN with its check digit."""
    body = random.choice(("US", "DE", "IE", "FR")) + draw(random, UPNUM, 9)
    digits = "".join(str(int(c, 36)) for c in body)[::-1]
    total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(digits))
    return body + str(-total % 10)


def order_id(random: Random) -> str:
    """An order id in the form of an IBAN."""
    return f"order DE{draw(random, DIGITS, 20)} / GB{draw(random, DIGITS, 2)}ACME{draw(random, DIGITS, 14)} filled"


def ulid(random: Random) -> str:
    """A ULID of 2026."""
    return "01K" + draw(random, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 23)


def hexdump(random: Random) -> str:
    """Lines of `xxd`."""
    return "\n".join(
        f"{i * 16:08x}: " + " ".join(draw(random, HEX, 4) for _ in range(8)) + "  ................" for i in range(8)
    )


def minified(random: Random) -> str:
    """Minified JavaScript that speaks of tokens and keys."""
    name = draw(random, LOWER, 2)
    return (
        f"!function({name}){{var t={name}.token,n={name}.key;if(t.type===n.password)return t.secret(n);"
        "for(var e=0;e<t.length;e++)n.push({key:e,token:t[e],password:null});return{token:t,apiKey:n.k}}(window);"
    )


def jwk(random: Random) -> dict[str, Any]:
    """A key set with public keys."""
    modulus = making.b64url(random.randbytes(256))
    return {"keys": [{"kty": "RSA", "use": "sig", "kid": uuid(random), "alg": "RS256", "n": modulus, "e": "AQAB"}]}


def lock(random: Random) -> dict[str, Any]:
    """An entry of a package lock."""
    resolved = "https://npm.example.com/left-pad/-/left-pad-1.3.0.tgz"
    return {
        "node_modules/left-pad": {"version": "1.3.0", "resolved": resolved, "integrity": sri(random), "license": "MIT"}
    }


def provenance(random: Random) -> dict[str, Any]:
    """A statement of what was built."""
    return {
        "subject": [{"name": "app.whl", "digest": {"sha256": draw(random, HEX, 64)}}],
        "predicate": {"buildDefinition": {"resolvedDependencies": [{"digest": {"gitCommit": draw(random, HEX, 40)}}]}},
    }


def signed(random: Random) -> dict[str, Any]:
    """An envelope of DSSE: payload and signature are public."""
    payload = b64(json.dumps({"_type": "https://in-toto.io/Statement/v1", "n": draw(random, HEX, 40)}).encode())
    signature = {"keyid": draw(random, HEX, 64), "sig": b64(random.randbytes(70))}
    return {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [signature]}


def public_pem(random: Random) -> str:
    """A public key."""
    return making.pem("PUBLIC KEY", making.rsa_public(random))[0]


def certificate(random: Random) -> str:
    """A certificate."""
    return making.pem("CERTIFICATE", making.certificate(random))[0]


def kube_certificate(random: Random) -> str:
    """The public part of a kubeconfig."""
    data = b64(certificate(random).encode())
    return f"clusters:\n- cluster:\n    certificate-authority-data: {data}\n    server: https://10.0.0.1:6443"


def ssh(random: Random) -> str:
    """A public key of OpenSSH."""
    return f"ssh-ed25519 {b64(making.ssh_public(random))} deploy@example.com"


DIGESTS = (
    Trap("sha1", "a SHA-1", lambda r: f"sha1 {draw(r, HEX, 40)} ok"),
    Trap("sha256", "a SHA-256", lambda r: f"{draw(r, HEX, 64)}  prices.csv"),
    Trap("sha256-member", "a SHA-256 by its name", lambda r: {"sha256": draw(r, HEX, 64), "size": 1234}),
    Trap("sha512", "a SHA-512", lambda r: f"SHA512 (app.tar.gz) = {draw(r, HEX, 128)}"),
    Trap("md5", "an MD5", lambda r: f"Content-MD5 is {draw(r, HEX, 32)}"),
    Trap(
        "git-commit",
        "a commit",
        lambda r: f"commit {draw(r, HEX, 40)}\nAuthor: A. Meier <meier@example.com>\nDate: Fri Jan 2",
    ),
    Trap("git-range", "two short commits", lambda r: f"{draw(r, HEX, 7)}..{draw(r, HEX, 7)} main -> origin/main"),
    Trap(
        "git-diff",
        "an index line",
        lambda r: f"diff --git a/x.py b/x.py\nindex {draw(r, HEX, 10)}..{draw(r, HEX, 10)} 100644",
    ),
    Trap(
        "sri",
        "Subresource Integrity",
        lambda r: f'<script src="a.js" integrity="{sri(r, "sha384")}" crossorigin></script>',
    ),
    Trap("package-lock", "an entry of a package lock", lock),
    Trap(
        "yarn-lock",
        "an entry of a yarn lock",
        lambda r: f'"lodash@^4.17.21":\n  version "4.17.21"\n  integrity {sri(r)}',
    ),
    Trap("pip-hash", "a requirement with hashes", lambda r: f"click==8.1.7 \\\n    --hash=sha256:{draw(r, HEX, 64)}"),
    Trap("go-sum", "a line of go.sum", lambda r: f"golang.org/x/text v0.14.0 h1:{b64(r.randbytes(32))}"),
    Trap(
        "cargo-lock",
        "an entry of Cargo.lock",
        lambda r: f'name = "serde"\nversion = "1.0.1"\nchecksum = "{draw(r, HEX, 64)}"',
    ),
    Trap("oci-digest", "an image by its digest", lambda r: f"docker.example.com/acme/app@sha256:{draw(r, HEX, 64)}"),
    Trap("image-tag", "an image by its tag", lambda r: f"ghcr.example.com/acme/app:1.4.2-{draw(r, HEX, 7)}"),
    Trap("etag", "an ETag", lambda r: f'ETag: "{draw(r, HEX, 32)}-12"'),
    Trap(
        "csp", "a content security policy", lambda r: f"Content-Security-Policy: script-src 'self' '{sri(r, 'sha256')}'"
    ),
    Trap(
        "fingerprint",
        "fingerprints of keys",
        lambda r: f"SHA256:{b64(r.randbytes(32)).rstrip('=')} deploy@example.com (ED25519)",
    ),
    Trap(
        "nix-path",
        "a store path",
        lambda r: f"/nix/store/{draw(r, '0123456789abcdfghijklmnpqrsvwxyz', 32)}-python3-3.11.9/bin/python",
    ),
    Trap("cid", "a content id", lambda r: f"ipfs://bafybei{draw(r, LOWER + '234567', 52)}"),
    Trap("provenance", "digests of a build", provenance),
    Trap("run-digest", "a run digest", lambda r: f"sealed 01a1 as sha256:{draw(r, HEX, 64)}"),
    Trap(
        "merkle-root",
        "a root",
        lambda r: {"events": {"count": 12, "root": draw(r, HEX, 64)}, "outcome_digest": "sha256:" + draw(r, HEX, 64)},
    ),
)

IDS = (
    Trap("uuid4", "a UUID", lambda r: f"request {uuid(r)} took 12 ms"),
    Trap("uuid7", "a UUID of version 7", lambda r: f"GET /v1/items/{uuid(r, 7)} 200"),
    Trap("ulid", "a ULID", lambda r: f"event {ulid(r)} stored"),
    Trap(
        "run-id",
        "a run id of 32 hex",
        lambda r: {"run_id": draw(r, HEX, 32), "links": [{"rel": "child-of", "run_id": draw(r, HEX, 32)}]},
    ),
    Trap("traceparent", "trace context", lambda r: f"traceparent: 00-{draw(r, HEX, 32)}-{draw(r, HEX, 16)}-01"),
    Trap("idempotency-key", "an idempotency key", lambda r: {"idempotency_key": uuid(r), "amount": 1200}),
    Trap("idempotency-header", "the same as a header", lambda r: f"Idempotency-Key: {uuid(r)}"),
    Trap("request-id", "a request id", lambda r: f"x-request-id: req_{draw(r, ALNUM, 24)}"),
    Trap(
        "object-ids",
        "public ids of a payment provider",
        lambda r: {"customer": "cus_" + draw(r, ALNUM, 14), "intent": "pi_" + draw(r, ALNUM, 24)},
    ),
    Trap(
        "client-id",
        "an OAuth client id",
        lambda r: {"client_id": f"{draw(r, DIGITS, 12)}-{draw(r, LOWNUM, 32)}.apps.googleusercontent.com"},
    ),
    Trap(
        "tenant-id",
        "ids of a directory",
        lambda r: {"tenant_id": uuid(r), "client_id": uuid(r), "subscription_id": uuid(r)},
    ),
    Trap(
        "aws-ids",
        "ids and names of AWS",
        lambda r: f"arn:aws:iam::{draw(r, DIGITS, 12)}:role/loader is AROA{draw(r, BASE32, 17)}",
    ),
    Trap("account-sid", "an account id", lambda r: {"account_sid": "AC" + draw(r, HEX, 32), "to": "+49 30 1234567"}),
    Trap("node-id", "a node id", lambda r: f"node_id: {b64(('04:User' + draw(r, DIGITS, 7)).encode())}"),
    Trap(
        "slack-ids",
        "ids of a workspace",
        lambda r: f"posted to C{draw(r, UPNUM, 10)} by U{draw(r, UPNUM, 10)} ts 1767000000.123456",
    ),
    Trap("isin", "ISINs", lambda r: f"bought 12 {isin(r)} at 101.35 EUR"),
    Trap("order-id", "order ids in the form of an IBAN", order_id),
    Trap(
        "chain-address", "an address and a transaction", lambda r: f"to 0x{draw(r, HEX, 40)} in tx 0x{draw(r, HEX, 64)}"
    ),
    Trap(
        "mac-address",
        "addresses",
        lambda r: (
            f"eth0 {':'.join(draw(r, HEX, 2) for _ in range(6))} inet6 fe80::{draw(r, HEX, 4)}:{draw(r, HEX, 4)}/64"
        ),
    ),
    Trap("pod-name", "names of pods", lambda r: f"pod/app-{draw(r, LOWNUM, 9)}-{draw(r, LOWNUM, 5)} Running"),
    Trap(
        "youtube-id",
        "a short public id",
        lambda r: f"https://video.example.com/watch?v={draw(r, URLSAFE, 11)}&list=PL{draw(r, URLSAFE, 32)}",
    ),
    Trap("vin", "a serial number", lambda r: f"S/N {draw(r, UPNUM, 17)} rev {draw(r, UPPER, 1)}"),
)

PUBLIC = (
    Trap("certificate", "an X.509 certificate", certificate),
    Trap(
        "certificate-request",
        "a certificate request",
        lambda r: making.pem("CERTIFICATE REQUEST", making.certificate(r))[0],
    ),
    Trap("public-key", "a public key, PEM", public_pem),
    Trap("ssh-key", "a public key of OpenSSH", ssh),
    Trap("known-hosts", "a known host", lambda r: f"git.example.com ssh-ed25519 {b64(making.ssh_public(r))}"),
    Trap("pgp-public", "a public key of OpenPGP", lambda r: making.openpgp(r, 6, "PGP PUBLIC KEY BLOCK")[0]),
    Trap("pgp-signature", "a signature of OpenPGP", lambda r: making.openpgp(r, 2, "PGP SIGNATURE")[0]),
    Trap("kube-ca", "certificates of a kubeconfig", kube_certificate),
    Trap("jwks", "a set of public keys", jwk),
    Trap("dsse", "a signed envelope", signed),
    Trap(
        "signature-member",
        "a signature",
        lambda r: {"signature": b64(r.randbytes(64)), "public_key": b64(r.randbytes(32)), "alg": "ed25519"},
    ),
    Trap("dkim", "a key in the DNS", lambda r: f"v=DKIM1; k=rsa; p={b64(making.rsa_public(r))}"),
    Trap("age-recipient", "an age recipient", lambda r: making.bech32("age", r.randbytes(32)).lower()),
    Trap("publishable-key", "a publishable key", lambda r: "Stripe('pk_live" + "_51" + draw(r, ALNUM, 97) + "')"),
    Trap("posthog-public", "a public project key", lambda r: "posthog.init('phc" + "_" + draw(r, ALNUM, 43) + "')"),
    Trap(
        "sentry-dsn",
        "a DSN of today",
        lambda r: f"https://{draw(r, HEX, 32)}@o{draw(r, DIGITS, 6)}.ingest.sentry.io/{draw(r, DIGITS, 7)}",
    ),
    Trap(
        "public-map-token",
        "a public map token",
        lambda r: "pk." + making.b64json({"u": "acme", "a": draw(r, LOWNUM, 25)}) + "." + draw(r, URLSAFE, 22),
    ),
)

DATA = (
    Trap("png", "an image", lambda r: f'<img src="data:image/png;base64,{image(r)}">'),
    Trap("png-member", "an image in JSON", lambda r: {"mime": "image/png", "data": image(r)}),
    Trap("gcode", "a toolpath", gcode),
    Trap("prices", "prices", lambda r: {"prices": [round(r.uniform(1, 900), 2) for _ in range(30)], "currency": "EUR"}),
    Trap("float-rows", "CSV of measurements", float_rows),
    Trap(
        "embedding", "a vector", lambda r: {"embedding": [r.uniform(-1, 1) for _ in range(64)], "model": "text-small"}
    ),
    Trap(
        "token-ids", "ids of tokens", lambda r: {"token_ids": [r.randrange(50_000) for _ in range(40)], "n_tokens": 40}
    ),
    Trap("hexdump", "bytes in hex", hexdump),
    Trap("dna", "a sequence", lambda r: f">chr7\n{draw(r, 'ACGT', 200)}"),
    Trap("protein", "a protein", lambda r: draw(r, "ACDEFGHIKLMNPQRSTVWY", 120)),
    Trap("minified", "minified JavaScript", minified),
    Trap(
        "source-map",
        "mappings of a source map",
        lambda r: {"version": 3, "mappings": ",".join(draw(r, "ACEGIKMOQ", 4) for _ in range(60))},
    ),
    Trap(
        "base85",
        "an encoded patch",
        lambda r: "GIT binary patch\nliteral 48\nz" + base64.b85encode(r.randbytes(48)).decode(),
    ),
)

LOOKALIKES: tuple[Trap, ...] = DIGESTS + IDS + PUBLIC + DATA

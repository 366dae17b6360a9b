"""What a secret looks like: one row a kind of token, each with its source.

A rule's `anchors` are literals of which every match contains at least one: text without any of them is clean,
and no pattern needs to be tried on it.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


class Rule:
    """One kind of secret. A named group `secret` in the pattern limits what is taken out."""

    __slots__ = ("anchors", "id", "is_wide", "pattern", "source")

    def __init__(self, id: str, pattern: str, anchors: tuple[str, ...], source: str) -> None:
        self.id = id
        self.pattern = pattern
        self.anchors = anchors
        self.source = source
        self.is_wide = "[^" in pattern or r"\s" in pattern
        """Whether it matches beyond ASCII, so that it may read bytes in another way than their text."""

    def fits(self, text: str) -> bool:
        """Whether `text` holds an anchor; without one the pattern need not be tried."""
        return any(anchor in text for anchor in self.anchors)


_START: Final = r"(?<![A-Za-z0-9_])"
_END: Final = r"(?![A-Za-z0-9_])"

RULES: Final = (
    Rule(
        "aws-access-key-id",
        _START + r"(?:AKIA|ASIA)[A-Z2-7]{16}" + _END,
        ("AKIA", "ASIA"),
        "AWS IAM User Guide, unique identifiers",
    ),
    Rule(
        "github-token",
        _START + r"gh[pousr]_[A-Za-z0-9]{36,251}" + _END,
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        "GitHub Docs, token formats",
    ),
    Rule(
        "github-fine-grained-token",
        _START + r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}" + _END,
        ("github_pat_",),
        "GitHub Docs, token formats",
    ),
    Rule("gitlab-token", _START + r"glpat-[A-Za-z0-9_.-]{20,300}", ("glpat-",), "GitLab Docs, token prefixes"),
    Rule(
        "slack-token",
        _START + r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",
        ("xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"),
        "Slack API, token types",
    ),
    Rule(
        "stripe-key",
        _START + r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,250}" + _END,
        ("sk_live_", "sk_test_", "rk_live_", "rk_test_"),
        "Stripe Docs, API keys",
    ),
    Rule(
        "anthropic-key",
        _START + r"sk-ant-[A-Za-z0-9_-]{20,250}",
        ("sk-ant-",),
        "Anthropic API reference, authentication",
    ),
    Rule(
        "openai-key",
        _START + r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,250}",
        ("sk-proj-", "sk-svcacct-", "sk-admin-"),
        "OpenAI API reference",
    ),
    Rule(
        "google-api-key", _START + r"AIza[A-Za-z0-9_-]{35}" + r"(?![A-Za-z0-9_-])", ("AIza",), "Google Cloud, API keys"
    ),
    Rule("npm-token", _START + r"npm_[A-Za-z0-9]{36}" + _END, ("npm_",), "npm Docs, access tokens"),
    Rule(
        "pypi-token",
        _START + r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,1000}",
        ("pypi-AgEIcHlwaS5vcmc",),
        "PyPI help, API tokens",
    ),
    Rule(
        "jwt",
        _START + r"eyJ[A-Za-z0-9_-]{10,8000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,8000}",
        (".eyJ",),
        "RFC 7519, section 3",
    ),
    Rule(
        "private-key",
        r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?!-----END )[\s\S]){0,65536}(?:-----END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?",
        ("PRIVATE KEY",),
        "RFC 7468; RFC 9580, section 6.2",
    ),
    Rule(
        "url-password",
        r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/?#:@\"'<>]{0,250}:(?P<secret>[^\s/?#@\"'<>]{1,250})@",
        ("://",),
        "RFC 3986, section 3.2.1",
    ),
    Rule(
        "bearer-token",
        r"(?:[Bb]earer|BEARER)[ \t]{1,4}(?P<secret>[A-Za-z0-9_~+/.-]{16,4000}={0,2})",
        ("earer ", "EARER ", "earer\t", "EARER\t"),
        "RFC 6750, section 2.1",
    ),
    Rule(
        "basic-credentials",
        r"(?i:authorization)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?(?:[Bb]asic|BASIC)[ \t]{1,4}"
        r"(?P<secret>[A-Za-z0-9+/]{8,4000}={0,2})",
        ("asic ", "ASIC ", "asic\t", "ASIC\t"),
        "RFC 7617, section 2",
    ),
)

STREAM_BLOCK_START: Final = b"-----BEGIN "
STREAM_BLOCK_END: Final = b"-----END "
"""A private key spans lines: a stream is not cut between these two."""


_rulesets: dict[tuple[Rule, ...], dict[str, Any]] = {}


def ruleset(rules: tuple[Rule, ...] = RULES) -> dict[str, Any]:
    """Name and digest of a set of rules, as `run.opened` records it."""
    known = _rulesets.get(rules)
    if known is None:
        known = _rulesets[rules] = _ruleset(rules)
    return known


def _ruleset(rules: tuple[Rule, ...]) -> dict[str, Any]:
    rows = [[rule.id, rule.pattern] for rule in rules]
    return {"name": "runstone", "sha256": sha256_hex(canonical_bytes(rows))}

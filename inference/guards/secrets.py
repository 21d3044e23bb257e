"""Keys and passwords in a text: shapes that vendors publish, and random values beside a word that says secret."""

from __future__ import annotations

import math
import re
from collections import Counter

from inference.guards.findings import Finding

SHAPES: dict[str, re.Pattern[str]] = {
    "private-key": re.compile(
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\S]{0,6000}?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|\Z)"
    ),
    "aws-key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "github-token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,})\b"),
    "gitlab-token": re.compile(r"\bglpat-[\w-]{20,}"),
    "slack-token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "google-key": re.compile(r"\bAIza[\w-]{35}\b"),
    "openai-key": re.compile(r"\bsk-(?:proj-|svcacct-|ant-[a-z0-9]+-)?[\w-]{20,}"),
    "stripe-key": re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    "huggingface-token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "npm-token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "footnote-key": re.compile(r"\bfn_[\w-]{40,}"),
    "jwt": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "url-password": re.compile(
        r"\b[a-z][a-z0-9+]{2,20}://[^\s:/@]{1,64}:([^\s:/@]{3,128})@[\w.-]+"
    ),
}
_NAMED = re.compile(
    r"(?i:\b(?:[\w-]{0,30}(?:secret|token|api[_-]?key|access[_-]?key|private[_-]?key)|password|passwd|pwd))"
    r"[\"']?\s*(?:[:=]|\bis\b)\s*[\"'`]?([^\s\"'`,;<>]{8,200})"
)
# Bits a character: words of a language lie below, random text of letters and digits above.
RANDOM_BITS = 3.0
_PLACEHOLDER = re.compile(r"(?i)^(?:x+|\*+|\.+|your|example|changeme|placeholder|<|\$\{|\{\{|%\()")


def detect(text: str) -> list[Finding]:
    """In order, each span once."""
    found = [
        Finding(kind, match.start(), match.end())
        for kind, pattern in SHAPES.items()
        for match in pattern.finditer(text)
    ]
    for match in _NAMED.finditer(text):
        start, end = match.span(1)
        taken = any(one.start < end and start < one.end for one in found)
        if not taken and looks_random(match[1]):
            found.append(Finding("secret", start, end, 0.8))
    return sorted(found, key=lambda one: one.start)


def looks_random(value: str) -> bool:
    """Letters and digits mixed as no word has them."""
    if _PLACEHOLDER.match(value) or len(value) < 8:
        return False
    kinds = sum(bool(re.search(kind, value)) for kind in (r"[a-z]", r"[A-Z]", r"\d", r"[^\w]|_"))
    return kinds >= 3 and entropy(value) >= RANDOM_BITS and bool(re.search(r"\d", value))


def entropy(value: str) -> float:
    """Shannon's, in bits a character."""
    counts, length = Counter(value), len(value)
    return -sum(n / length * math.log2(n / length) for n in counts.values())

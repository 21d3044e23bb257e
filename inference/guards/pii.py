"""Personal data in a text: addresses, numbers and ids that prove themselves by a check where there is one.

E-mail, telephone numbers (``phonenumbers``), IBAN (ISO 13616 mod 97), payment cards (Luhn), IP addresses, and national
ids with check digits: US SSN (ranges, no check digit exists), UK NI number (form), Spanish DNI/NIE, Italian codice
fiscale, Swiss AHV, German tax id, Dutch BSN. Names are not looked for: without a model that is mostly wrong.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

import phonenumbers

from inference.guards.findings import Finding

# Numbers without a country code are read as from here.
REGIONS = ("US", "GB", "DE")
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}(?![\w-])",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d-]|[.,]\d)")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_PHONE_HINT = re.compile(
    r"(?:\+|\b00|phone|tel\b|tel\.|call|mobile|fax|cell|whatsapp)|\(\d{2,5}\)|\b\d{3}[-. ]\d{3}[-. ]\d{4}\b",
    re.IGNORECASE,
)
# How far before a number without a country code a word such as "phone" may stand.
_HINT_REACH = 24


def detect(text: str) -> list[Finding]:
    """All of it, in order; a span is reported once, by the strictest check that takes it. About 1 ms for 2 kB."""
    found: list[Finding] = []
    for finder in FINDERS:
        for one in finder(text):
            if not any(one.start < other.end and other.start < one.end for other in found):
                found.append(one)
    return sorted(found, key=lambda one: one.start)


def _emails(text: str) -> Iterator[Finding]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        yield Finding("email", match.start(), match.end())


def _ibans(text: str) -> Iterator[Finding]:
    for match in _IBAN.finditer(text):
        plain = match[0].replace(" ", "")
        if 15 <= len(plain) <= 34 and _mod97(plain):
            yield Finding("iban", match.start(), match.end())


def _mod97(plain: str) -> bool:
    """ISO 7064: the first four to the end, letters as 10 to 35, remainder 1."""
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _cards(text: str) -> Iterator[Finding]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        # First digits 3 to 6 (and 2 for Mastercard's 2221-2720); a row of one digit passes Luhn and is no card.
        if digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits):
            yield Finding("card", match.start(), match.end())


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: every second digit from the right doubled, the sum a multiple of ten."""
    doubled = [int(char) * (2 if n % 2 else 1) for n, char in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _addresses(text: str) -> Iterator[Finding]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if _is_address(match[0]):
                yield Finding("ip", match.start(), match.end())


def _is_address(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    # Nobody is found behind 127.0.0.1 or ::, and "1.2.3.4" shapes of versions are kept out where they are reserved.
    return not (
        found.is_loopback or found.is_unspecified or found.is_reserved or found.is_multicast
    )


def _phones(text: str) -> Iterator[Finding]:
    if not _PHONE_HINT.search(text):
        return
    for region in REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region):
            written = text[match.start : match.end]
            if written.startswith(("+", "00", "(")) or _hinted(text, match.start, written):
                yield Finding("phone", match.start, match.end)


def _hinted(text: str, start: int, written: str) -> bool:
    before = text[max(0, start - _HINT_REACH) : start]
    return bool(_PHONE_HINT.search(before + written))


def _ids(text: str) -> Iterator[Finding]:
    for kind, pattern, check in IDS:
        for match in pattern.finditer(text):
            if check(re.sub(r"[\s./-]", "", match[0]).upper()):
                yield Finding(kind, match.start(), match.end())


def _ssn(plain: str) -> bool:
    area, group, serial = plain[:3], plain[3:5], plain[5:]
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _dni(plain: str) -> bool:
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _ahv(plain: str) -> bool:
    total = sum(int(char) * (3 if n % 2 else 1) for n, char in enumerate(plain[:12]))
    return (10 - total % 10) % 10 == int(plain[12])


def _steuer_id(plain: str) -> bool:
    """ISO 7064 mod 11,10; and one digit of the first ten occurs twice or three times."""
    if plain[0] == "0" or max(plain[:10].count(char) for char in plain[:10]) not in (2, 3):
        return False
    product = 10
    for char in plain[:10]:
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(plain[10])


def _bsn(plain: str) -> bool:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    total = sum(int(char) * weight for char, weight in zip(plain, weights, strict=True))
    return total % 11 == 0 and int(plain) > 0


_ODD = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def _codice_fiscale(plain: str) -> bool:
    """Odd places by the table of the decree of 23 December 1976, even ones by their value."""
    total = sum(_ODD[char] for char in plain[:15:2])
    total += sum(int(char) if char.isdigit() else ord(char) - 65 for char in plain[1:15:2])
    return chr(65 + total % 26) == plain[15]


IDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("us-ssn", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), _ssn),
    (
        "uk-ni",
        re.compile(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"),
        lambda plain: plain[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"},
    ),
    ("es-dni", re.compile(r"\b(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]\b"), _dni),
    ("it-cf", re.compile(r"\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b"), _codice_fiscale),
    ("ch-ahv", re.compile(r"\b756\.?\d{4}\.?\d{4}\.?\d{2}\b"), _ahv),
    (
        "de-tax-id",
        re.compile(r"(?i:(?:steuer|tax)[\w -]{0,30}?[: ]\s*)\b\d{2} ?\d{3} ?\d{3} ?\d{3}\b"),
        lambda plain: _steuer_id(re.sub(r"\D", "", plain)[-11:]),
    ),
    (
        "nl-bsn",
        re.compile(r"\b(?:BSN|burgerservicenummer)\b\D{0,10}\d{9}\b", re.IGNORECASE),
        lambda plain: _bsn(re.sub(r"\D", "", plain)[-9:]),
    ),
)
FINDERS = (_emails, _ibans, _ids, _cards, _addresses, _phones)

"""Which single-byte encoding a text is in, by the letters that its languages use most.

Each byte means some letter in every such encoding, so that most of them "fit". In the right one the letters beyond
ASCII are the usual ones of a language, in small case within words; in a wrong one rare letters, signs or capitals.
"""

from __future__ import annotations

from collections import Counter

# Letters beyond ASCII, the most frequent first.
_WEST = "éäüöñøåæàèóáíçãßêôðþýâúõùîûëïœìò"
_CENTRAL = "áéóíőęąłöüűżśćńčšžěřýůúăâîşţďťňźôđäľĺŕß"
_CYRILLIC = "оеаинтсрвлкмдпуыяьгзбчйхжшюцщэфъёіїєґ"
_GREEK = "ατοιενσηρπκμλςίυάόέήγδώύχθφβξψζ"
# Of encodings that serve equally the first is taken.
ALPHABETS = {
    "cp1252": _WEST,
    "cp1250": _CENTRAL,
    "cp1251": _CYRILLIC,
    "cp1253": _GREEK,
    "cp1254": "ışüçöğâî",
    "cp1255": "יוהלאתרבשמנםדעקחפטגכזסצןךףץ",
    "cp1256": "اليمنتربوعةدفسحهقكأطجشصخضذثىزغءئؤإآظ",
    "cp1257": "šėžųįąęčūāīēņļķģäõöü",
    "iso8859_2": _CENTRAL,
    "iso8859_7": _GREEK,
    "koi8_r": _CYRILLIC,
    "koi8_u": _CYRILLIC,
    "iso8859_5": _CYRILLIC,
    "cp874": "านรอก่เง้มยลวดีัทสติะปบคุหูแจพช์ข็ใไโืผถศธซึณญภฉฟฐ",
    "cp850": _WEST,
    "mac_roman": _WEST,
}
_SIGNS = frozenset("“”„‚’‘–—…«»€£§°©®·•¿¡\u00a0")
_SIGN = 0.8
_SAMPLE = 32 * 1024
_CAPITAL = 0.85  # after another capital
_COMMONEST = 0.04  # by which others have to be better than the first
_WEIGHTS = {
    name: {letter: 1 - rank / len(letters) for rank, letter in enumerate(letters)}
    for name, letters in ALPHABETS.items()
}


def likeliest(data: bytes) -> str:
    """The encoding in which most of what is not ASCII is what people write."""
    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_SAMPLE]
    merits = {name: _merit(telling.decode(name, "replace"), _WEIGHTS[name]) for name in ALPHABETS}
    merits["cp1252"] += _COMMONEST
    return max(merits, key=lambda name: merits[name])


def _merit(text: str, weights: dict[str, float]) -> float:
    triples = Counter(zip(f" {text}", text, f"{text[1:]} ", strict=False))
    seen = {three: count for three, count in triples.items() if not three[1].isascii()}
    total = sum(_worth(*three, weights) * count for three, count in seen.items())
    return total / max(1, sum(seen.values()))


def _worth(before: str, character: str, after: str, weights: dict[str, float]) -> float:
    if character in _SIGNS:
        within_word = before.isalpha() and after.isalpha() and character not in "’‘"
        return 0.0 if within_word else _SIGN
    if character.isupper() and before.islower():
        return 0.0
    if not _is_latin(character) and (_is_ascii_letter(before) or _is_ascii_letter(after)):
        return 0.0
    usual = weights.get(character.lower(), 0.0)
    return usual * _CAPITAL if character.isupper() and before.isupper() else usual


def _is_latin(character: str) -> bool:
    return character < "\u0250"


def _is_ascii_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()

"""From what somebody typed to what is asked of the index: cleaned text, terms, hashed dimensions."""

from collections import Counter
from collections.abc import Iterable

from ingestion.cleaning import clean
from ingestion.lexical import dimension, terms
from retrieval.errors import SearchRefused
from retrieval.passages import MAX_LIMIT, SIDES, SearchRequest

MAX_CHARACTERS = 8000
Terms = dict[str, Counter[str]]


def cleaned_query(request: SearchRequest) -> str:
    """The question as the index knows text; raises ``SearchRefused`` for a request that cannot be answered."""
    _check_limits(request)
    query = clean(request.query).strip()
    if not any(character.isprintable() and not character.isspace() for character in query):
        raise SearchRefused("query", "The query is empty: say what to look for.")
    return query


def _check_limits(request: SearchRequest) -> None:
    if not isinstance(request.query, str):
        raise SearchRefused("query", "The query must be a string.")
    if len(request.query) > MAX_CHARACTERS:
        found = len(request.query)
        raise SearchRefused(
            "query", f"The query has {found} characters; at most {MAX_CHARACTERS} are searched."
        )
    if not 1 <= request.limit <= MAX_LIMIT:
        raise SearchRefused(
            "limit", f"The limit must be between 1 and {MAX_LIMIT}, not {request.limit}."
        )
    if request.side not in SIDES:
        raise SearchRefused("side", f"The side must be one of {', '.join(SIDES)}.")
    if request.as_of is not None and request.as_of.tzinfo is None:
        raise SearchRefused("as_of", "The time needs a time zone, as in 2026-01-31T12:00:00Z.")


def asked_terms(query: str, languages: Iterable[str]) -> Terms:
    """The question's terms and how often each is asked, by the language of the indexes that are searched."""
    found = sorted(set(languages))
    return {language: Counter(terms(query, language, question=True)) for language in found}


def asked_dimensions(asked: Terms) -> dict[int, int]:
    """How often each dimension is asked. Terms that share one add up; languages that agree on a term ask it once."""
    counts: dict[int, int] = {}
    for words in asked.values():
        places: Counter[int] = Counter()
        for term, times in words.items():
            places[dimension(term)] += times
        for place, times in places.items():
            counts[place] = max(times, counts.get(place, 0))
    return counts

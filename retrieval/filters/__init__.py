"""Filters: which documents a search may look into, in JSON or in words, checked before they reach the database.

    {"type": "pdf", "tags": {"contains": "finance"}, "or": [{"date": {"gte": "2024-01-01"}}, {"metadata.year": 2024}]}
    type:pdf tag:finance author:"Ann Lee" date>=2024-01-01 -tag:draft

``parse`` reads the first, ``read_query`` the second out of what somebody typed, ``from_openai`` the form that
OpenAI's vector stores take; each gives a ``Filter``, or raises ``FilterRefused``, which says where it is wrong and what
was expected. ``matching_versions`` compiles one to a query of what a search may find, ``matching_documents`` to one of
what can be acted upon, in any state. Names of fields and operators come from a closed list and
every value travels as a parameter: nothing that was typed becomes SQL (decision 0015).
"""

from retrieval.filters.compiling import Query, matching_documents, matching_versions
from retrieval.filters.grammar import All, Either, Filter, Not, Test, both, parse
from retrieval.filters.openai import from_openai
from retrieval.filters.typed import (
    TypedQuery,
    ends_in_value,
    exactly,
    read_asked,
    read_query,
    read_term,
)
from retrieval.filters.values import FilterRefused

__all__ = [
    "All",
    "Either",
    "Filter",
    "FilterRefused",
    "Not",
    "Query",
    "Test",
    "TypedQuery",
    "both",
    "ends_in_value",
    "exactly",
    "from_openai",
    "matching_documents",
    "matching_versions",
    "parse",
    "read_asked",
    "read_query",
    "read_term",
]

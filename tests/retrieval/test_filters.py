"""Filters: what is let through, compared with a reference; what is refused, and in which words; who sees what."""

import random
import re
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.models import Document, Source
from retrieval.filters import (
    FilterRefused,
    both,
    exactly,
    from_openai,
    matching_versions,
    parse,
    read_query,
)
from retrieval.filters.fields import FIELDS, TYPES
from retrieval.passages import SearchRequest
from retrieval.search import search
from tenants.scope import Principal, current_tenant_id
from tests.retrieval.corpus import Corpus, axis
from tests.retrieval.filtered import let_through
from tests.retrieval.reference_filter import Paper, passes

pytestmark = pytest.mark.usefixtures("database")
WORDS = [
    "draft",
    "Draft",
    "drafting rules",
    "Ann Lee",
    "ann",
    "Über",
    "ÜBER",
    "ΟΔΟΣ",
    "finance",
    "",
    "%",
    "a_b",
    "2024",
]
DATES = [
    "2023-12-31",
    "2024-01-01",
    "2024-01-01T23:59:59Z",
    "2024-02-29T12:00:00+02:00",
    "2024-13-01",
    "now",
    "1999",
    "2024-01",
    "2023-12",
    "2024-13",
    "0000",
]
NUMBERS = [0, 1, -3, 2024, 0.1, 1.0, 1e23, 10**20]
SCALARS = [*WORDS, *DATES, *NUMBERS, True, False]
KEYS = [
    "year",
    "tags",
    "author",
    "date",
    "language",
    "a",
    "0",
    "draft'; --",
    "%(tenant)s",
    "{x}",
    "and",
]


# What is let through: the compiled statement against the reference.


def random_metadata(dice: random.Random) -> dict[str, Any]:
    def value(depth: int) -> Any:
        chosen = dice.random()
        if depth and chosen < 0.2:
            return [value(0) for _ in range(dice.randrange(4))]
        if depth and chosen < 0.35:
            return {key: value(depth - 1) for key in dice.sample(KEYS, 3)}
        return None if chosen > 0.97 else dice.choice(SCALARS)

    return {key: value(2) for key in dice.sample(KEYS, 6)}


def add_papers(corpus: Corpus, number: int) -> dict[Any, Paper]:
    """Documents of random metadata; by their version."""
    dice = random.Random(7)
    slugs = [f"finance-{corpus.tenant.slug[-6:]}", f"draft-{corpus.tenant.slug[-6:]}"]
    collections = {slug: corpus.collection(slug) for slug in slugs}
    papers = {}
    for _ in range(number):
        slug, metadata = dice.choice(slugs), random_metadata(dice)
        fields = {
            "title": dice.choice(WORDS) or "untitled",
            "media_type": dice.choice([*chain.from_iterable(TYPES.values()), ""]),
            "pages": dice.choice([None, 1, 3, 2024]),
            "external_id": f"{dice.choice(WORDS)}{uuid4().hex}",
        }
        chunk = corpus.add(collections[slug], "Text.", axis(0), metadata=metadata, **fields)
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=dice.randrange(-30, 30))
        with corpus.scope():
            Document.objects.filter(pk=chunk.document_id).update(
                created_at=moment, updated_at=moment
            )
        columns = fields | {"collection": slug, "type": fields["media_type"], "source": "test"}
        columns |= {"created": moment, "updated": moment}
        papers[chunk.version_id] = Paper(columns, metadata)
    return papers


text_tests = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"eq": st.sampled_from(WORDS), "ne": st.sampled_from(WORDS)}
    ),
    st.fixed_dictionaries({"in": st.lists(st.sampled_from(WORDS), max_size=3)}),
    st.sampled_from(["gt", "gte", "lt", "lte"]).flatmap(
        lambda op: st.fixed_dictionaries({op: st.sampled_from(WORDS)})
    ),
    st.sampled_from(["contains", "prefix"]).flatmap(
        lambda op: st.fixed_dictionaries({op: st.sampled_from([w for w in WORDS if w])})
    ),
    st.fixed_dictionaries({"exists": st.booleans()}),
).filter(bool)
PERIODS = ["2023", "2024", "2024-01", "2023-12", "2024-01-01", "2024-01-01T12:00:00Z"]
date_tests = st.one_of(
    st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]).flatmap(
        lambda op: st.fixed_dictionaries({op: st.sampled_from(PERIODS)})
    ),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
number_tests = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]).flatmap(
    lambda op: st.fixed_dictionaries({op: st.sampled_from(NUMBERS)})
)
label_tests = text_tests.filter(lambda test: not set(test) & {"gt", "gte", "lt", "lte"})
type_tests = st.fixed_dictionaries({"in": st.lists(st.sampled_from(list(TYPES)), max_size=3)})
any_tests = st.one_of(
    text_tests,
    number_tests,
    st.sampled_from(["gt", "gte", "lt", "lte"]).flatmap(
        lambda op: st.fixed_dictionaries({op: st.sampled_from(DATES)})
    ),
    st.fixed_dictionaries({"nin": st.lists(st.sampled_from(SCALARS), max_size=4)}),
    st.fixed_dictionaries({"eq": st.sampled_from(SCALARS)}),
)
paths = st.lists(st.sampled_from([*KEYS, "1", "-1"]), min_size=1, max_size=3).map(
    lambda keys: "metadata." + ".".join(keys)
)
one_field = st.one_of(
    st.tuples(
        st.sampled_from(["title", "source", "media_type", "external_id", "collection"]), text_tests
    ),
    st.tuples(st.sampled_from(["created", "updated", "date"]), date_tests),
    st.tuples(st.just("pages"), number_tests),
    st.tuples(st.just("type"), type_tests),
    st.tuples(st.sampled_from(["tags", "author", "language"]), label_tests),
    st.tuples(paths, any_tests),
).map(lambda pair: {pair[0]: pair[1]})
filters = st.recursive(
    one_field,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=6,
)


def test_the_statement_lets_through_what_the_reference_does(acme_corpus):
    papers = add_papers(acme_corpus, 60)

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(filters)
    def agree(raw: dict[str, Any]) -> None:
        wanted = parse(raw)
        assert wanted is not None
        right = {version for version, paper in papers.items() if passes(wanted, paper)}
        with acme_corpus.reader():
            assert let_through(wanted) == right

    agree()


keys = st.text(max_size=30) | st.sampled_from(
    [
        "metadata.x'); DROP TABLE ingestion_document; --",
        "metadata.%s",
        "metadata.{0}",
        "d.id",
        "tenant_id",
        "metadata.\x00",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def test_whatever_is_sent_is_refused_in_words_or_answered(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), "Text.", axis(0), metadata={"x": 1})

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(anything | st.tuples(keys, anything).map(lambda pair: {f"metadata.{pair[0]}": pair[1]}))
    def survives(raw: Any) -> None:
        try:
            wanted = parse(raw)
        except FilterRefused:
            return
        if wanted is not None:
            with acme_corpus.reader():
                let_through(wanted)

    survives()
    with acme_corpus.reader():
        assert Document.objects.count() == 1


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from([*FIELDS, ":", "=", ">=", '"', "-", " ", "x", "2024", ",", "*"]), max_size=8
    ).map("".join)
)
def test_whatever_is_typed_is_words_or_filters_or_refused(typed):
    try:
        found = read_query(typed)
    except FilterRefused:
        return
    assert (found.filter is None) == (found.terms == ())
    assert found.terms or found.text == " ".join(typed.split())


# What is refused, and in which words.


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"colour": "red"}, "colour: there is no field 'colour'. Fields: collection, type"),
        ({"metadata.": 1}, "each part of a metadata path has 1 to 200 characters"),
        ({"metadata." + ".".join("abcdefghi"): 1}, "at most 8 parts"),
        ({"pages": "three"}, 'pages: expected a number, not "three".'),
        ({"pages": True}, "pages: expected a number, not true."),
        ({"title": 3}, "title: expected a string, not 3."),
        ({"date": {"gte": "yesterday"}}, 'date.gte: expected a date such as 2024, 2024-01'),
        ({"date": "2024-02-30"}, 'date: expected a date'),
        ({"type": "floppy"}, "type: there is no type 'floppy'. Types: pdf, docx"),
        ({"tags": {"gt": "a"}}, "tags.gt: tags has no order"),
        ({"pages": {"contains": "1"}}, "pages is no text"),
        ({"title": {"like": "a"}}, 'there is no operator "like". Operators: eq, ne'),
        ({"title": {"exists": "yes"}}, 'title.exists: expected true or false, not "yes".'),
        ({"title": {"in": "a"}}, "title.in: expected a list of values"),
        ({"metadata.a": None}, 'Ask for what is absent by {"exists": false}'),
        ({"metadata.a": {"gt": True}}, "expected a number, a date or a text, not true."),
        ({"metadata.a": float("nan")}, "the number is too large"),
        ({"or": []}, "or: expected a list of filters."),
        ({"or": [{"and": [{"title": 1}]}]}, "or[0].and[0].title: expected a string, not 1."),
        ({"not": []}, "not: expected an object with a field, not []."),
        ([], "expected an object with a field, not []."),
        ("type:pdf", 'expected an object with a field, not "type:pdf".'),
        ({"title": {"contains": ""}}, "expected a text that is not empty"),
        ({"title": "x" * 1001}, "at most 1,000 characters"),
        ({"title": ["x"] * 1001}, "at most 1,000 values"),
        ({"or": [{"title": "a"}] * 101}, "at most 100 comparisons"),
        ({"and": [{"or": [{"title": "a"}] * 60}] * 2}, "at most 100 comparisons"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_says_where_and_what_was_expected(raw, message):
    with pytest.raises(FilterRefused) as caught:
        parse(raw)
    assert message in caught.value.message
    assert caught.value.field == "filter"


def test_a_filter_has_a_depth():
    raw: dict[str, Any] = {"title": "a"}
    for _ in range(9):
        raw = {"not": raw}
    with pytest.raises(FilterRefused, match="at most 8 levels"):
        parse(raw)


def test_an_empty_filter_is_none():
    assert parse({}) is None
    assert parse(None) is None
    assert both(None, None) is None
    assert both(None, parse({"title": "a"})) == parse({"title": "a"})


# Other forms.


@pytest.mark.parametrize(
    ("typed", "text", "raw"),
    [
        ("leave type:pdf", "leave", {"and": [{"type": "pdf"}]}),
        ("type:pdf,docx a", "a", {"and": [{"type": ["pdf", "docx"]}]}),
        ('author:"Ann Lee" x', "x", {"and": [{"author": {"contains": "Ann Lee"}}]}),
        ("x -tag:draft y", "x y", {"and": [{"not": {"tags": {"contains": "draft"}}}]}),
        ("tag=finance", "", {"and": [{"tags": "finance"}]}),
        ("date>=2024-01-01 pages<5", "", {"and": [{"date": {"gte": "2024-01-01"}}, {"pages": {"lt": 5}}]}),
        ("date:2024", "", {"and": [{"date": "2024"}]}),
        ("title:annu* x", "x", {"and": [{"title": {"prefix": "annu"}}]}),
        ("lang:de", "", {"and": [{"language": {"prefix": "de"}}]}),
        ("author:*", "", {"and": [{"author": {"exists": True}}]}),
        ("-author:*", "", {"and": [{"not": {"author": {"exists": True}}}]}),
        ("title!=x", "", {"and": [{"title": {"ne": "x"}}]}),
        ("meta.Yr>=20", "", {"and": [{"or": [{"metadata.Yr": {"gte": "20"}}, {"metadata.Yr": {"gte": 20}}]}]}),
        (r'title="Ann \"Bo\" Lee" x', "x", {"and": [{"title": 'Ann "Bo" Lee'}]}),
        (r'title="C:\temp \\" x', "x", {"and": [{"title": "C:\\temp \\"}]}),
        ("metadata.a=5", "", {"and": [{"metadata.a": ["5", 5]}]}),
    ],
)  # fmt: skip
def test_filters_are_taken_out_of_what_was_typed(typed, text, raw):
    found = read_query(typed)
    assert (found.text, found.filter) == (text, parse(raw))


@pytest.mark.parametrize(
    "typed",
    ["http://x.org/a", "error: disk full", "at 12:30", 'say "type: x"', "a:b", "-draft", "e-mail:"],
)
def test_a_word_with_a_colon_is_a_word(typed):
    assert read_query(typed).filter is None
    assert read_query(typed).text == typed


def test_what_is_typed_wrongly_says_so():
    with pytest.raises(FilterRefused, match="date>=soon: expected a date such as"):
        read_query("leave date>=soon")


@pytest.mark.parametrize(
    "value",
    [
        "finance",
        "Ann Lee",
        "a,b",
        'with "quotes"',
        '"',
        "5*",
        "C:\\",
        "C:\\ D:\\",
        '\\" x',
        "a\\\\ b",
    ],
)
def test_a_facet_becomes_a_term_that_asks_for_it_alone(value):
    term = exactly("author", value)
    assert read_query(f"leave {term} type:pdf").text == "leave"
    assert read_query(term).filter == parse({"and": [{"author": value}]})


def test_openais_form_is_understood():
    late = {"type": "nin", "key": "a", "value": ["x"]}
    raw = {
        "type": "or",
        "filters": [
            {"type": "eq", "key": "region", "value": "us"},
            {"type": "and", "filters": [{"type": "gte", "key": "date", "value": 5}, late]},
        ],
    }  # fmt: skip
    own = {
        "or": [
            {"metadata.region": {"eq": "us"}},
            {"and": [{"metadata.date": {"gte": 5}}, {"metadata.a": {"nin": ["x"]}}]},
        ]
    }
    assert from_openai(raw) == parse(own)
    assert from_openai(None) is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"type": "like", "key": "a", "value": 1}, "type: expected one of and, or, eq"),
        ({"type": "eq", "value": 1}, "a comparison has a key"),
        ({"type": "and", "filters": {}}, "filters: expected a list"),
        ({"type": "and", "filters": [{"type": "x"}]}, "filters[0].type: expected one of"),
        ("x", "expected a comparison or a compound filter"),
    ],
)
def test_openais_form_is_refused_in_words(raw, message):
    with pytest.raises(FilterRefused) as caught:
        from_openai(raw)
    assert message in caught.value.message


# Who sees what, and when.


def found_by(corpus: Corpus, raw: Any, *groups: Any, **options: Any) -> list[str]:
    principal = Principal(corpus.tenant.pk, group_ids=frozenset(groups))
    request = SearchRequest("turbine blades", filter=parse(raw), **options)
    return sorted(passage.external_id for passage in search(request, principal=principal).passages)


def test_a_search_looks_only_where_the_filter_says(acme_corpus, globex_corpus):
    for corpus in (acme_corpus, globex_corpus):
        manual = corpus.collection("manual")
        for name, year in (("old", 2020), ("new", 2024)):
            label = f"{corpus.tenant.slug[:4]}-{name}"
            corpus.add(manual, "Turbine blades.", name=label, metadata={"year": year})
    assert found_by(acme_corpus, {"metadata.year": {"gte": 2021}}) == ["acme-new"]
    assert found_by(acme_corpus, {"not": {"metadata.year": 2024}}) == ["acme-old"]
    assert found_by(acme_corpus, {"metadata.month": {"exists": False}}) == ["acme-new", "acme-old"]
    assert found_by(acme_corpus, {"collection": "absent"}) == []


def test_a_filter_shows_nobody_more_than_they_may_read(acme_corpus):
    group = uuid4()
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, "Turbine blades.", name="open", metadata={"k": 1})
    acme_corpus.add(manual, "Turbine blades.", name="closed", metadata={"k": 1}, groups=[group])
    assert found_by(acme_corpus, {"metadata.k": 1}) == ["open"]
    assert found_by(acme_corpus, {"not": {"metadata.k": 2}}) == ["open"]
    assert found_by(acme_corpus, {"metadata.k": 1}, group) == ["closed", "open"]
    with acme_corpus.reader():
        assert len(let_through(parse({"metadata.k": 1}))) == 1


def test_as_of_a_time_the_versions_of_that_time_pass(acme_corpus):
    manual, now = acme_corpus.collection("manual"), timezone.now()
    then = now - timedelta(days=5)
    acme_corpus.add(
        manual, "Turbine blades of old.", name="a", metadata={"k": 1},
        valid_from=now - timedelta(days=9), valid_to=now - timedelta(days=2),
    )  # fmt: skip
    acme_corpus.add(manual, "Turbine blades.", name="b", metadata={"k": 1})
    assert found_by(acme_corpus, {"metadata.k": 1}) == ["b"]
    assert found_by(acme_corpus, {"metadata.k": 1}, as_of=then) == ["a"]
    assert found_by(acme_corpus, {"metadata.k": 2}, as_of=then) == []


def test_a_filter_costs_no_further_query(acme_corpus, django_assert_num_queries):
    acme_corpus.add(acme_corpus.collection("manual"), "Turbine blades.", metadata={"k": 1})
    with acme_corpus.reader(), django_assert_num_queries(2):
        search(SearchRequest("turbine blades", filter=parse({"metadata.k": 1}), side="lexical"))


def test_the_statement_enters_documents_by_their_index(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), "Text.", metadata={"k": 1})
    wanted = parse({"metadata.k": 1})
    assert wanted is not None
    with acme_corpus.reader(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        ids = list(Source.objects.values_list("collection_id", flat=True))
        query = matching_versions(
            wanted,
            tenant_id=current_tenant_id(),
            collection_ids=ids,
        )
        cursor.execute("EXPLAIN " + query.sql, query.parameters)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
    assert re.search(r"Index Cond: \(\(?tenant_id = ", plan), plan

"""The pinned function bypasses the policies, so what it filters by hand is tested by hand, on both of its sides.

Each test has rows that could leak: same words, same vector, on the wrong side of the line.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import DataError
from django.utils import timezone

from tests.retrieval.corpus import Corpus, axis, between
from tests.retrieval.pinned import call, texts

pytestmark = pytest.mark.usefixtures("database")
QUESTION = "How are turbine blades inspected?"
TEXT = "Turbine blades are inspected by borescope."


def both_sides(corpus: Corpus, **options):
    """The texts found by the dense side alone, by the lexical side alone, and by both."""
    dense = call(vector=axis(0), space=corpus.space.id, **options)
    lexical = call(QUESTION, **options)
    fused = call(QUESTION, axis(0), space=corpus.space.id, **options)
    return texts(dense), texts(lexical), texts(fused)


def nothing(found) -> bool:
    return found == ([], [], [])


def many(*versions):
    """So many versions that they are hashed instead of looked up one by one."""
    return [*versions, *(uuid4() for _ in range(1100))]


def test_a_passage_is_found_by_both_sides_and_says_so(acme_corpus):
    manual = acme_corpus.collection("manual")
    chunk = acme_corpus.add(manual, TEXT, axis(0), page=3, name="blades.pdf")
    with acme_corpus.reader():
        (row,) = call(QUESTION, axis(0), space=acme_corpus.space.id)
    assert (row["chunk_id"], row["external_id"], row["page"]) == (chunk.id, "blades.pdf", 3)
    assert (row["dense_rank"], row["lexical_rank"]) == (1, 1)
    assert row["dense_score"] == pytest.approx(1)
    assert row["lexical_score"] > 0
    assert row["lexical_share"] > 0.3


def test_another_tenants_rows_are_not_found(acme_corpus, globex_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    own = globex_corpus.collection("manual")
    with globex_corpus.reader():
        assert nothing(both_sides(acme_corpus))
        assert nothing(both_sides(globex_corpus))
    globex_corpus.add(own, "Globex: " + TEXT, axis(0))
    with globex_corpus.reader():
        # Even when it names the other tenant's space.
        assert both_sides(acme_corpus) == ([], ["Globex: " + TEXT], ["Globex: " + TEXT])


def test_another_tenants_collection_gives_nothing(acme_corpus, globex_corpus):
    acme_manual = acme_corpus.collection("manual")
    acme_corpus.add(acme_manual, TEXT, axis(0))
    globex_corpus.add(globex_corpus.collection("manual"), TEXT, axis(0))
    with globex_corpus.reader():
        assert nothing(both_sides(globex_corpus, collections=[acme_manual.id]))
        assert nothing(both_sides(acme_corpus, collections=[acme_manual.id]))
        assert nothing(both_sides(globex_corpus, collections=[uuid4()]))


def test_without_a_tenant_there_are_no_rows(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    assert nothing(both_sides(acme_corpus))


def test_a_scope_that_is_over_leaves_nothing_behind(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    with acme_corpus.reader():
        assert not nothing(both_sides(acme_corpus))
    assert nothing(both_sides(acme_corpus))


def test_documents_of_a_group_are_for_its_members(acme_corpus):
    manual, group, other = acme_corpus.collection("manual"), uuid4(), uuid4()
    acme_corpus.add(manual, TEXT, axis(0), groups=[group])
    with acme_corpus.reader():
        assert nothing(both_sides(acme_corpus))
    with acme_corpus.reader(other):
        assert nothing(both_sides(acme_corpus))
    with acme_corpus.reader(group, other):
        assert both_sides(acme_corpus) == ([TEXT],) * 3


def test_collections_of_a_group_are_for_its_members(acme_corpus):
    group = uuid4()
    secret = acme_corpus.collection("secret", reader_groups=[group])
    acme_corpus.add(secret, TEXT, axis(0))
    with acme_corpus.reader():
        assert nothing(both_sides(acme_corpus))
        assert nothing(both_sides(acme_corpus, collections=[secret.id]))
    with acme_corpus.reader(group):
        assert both_sides(acme_corpus) == ([TEXT],) * 3


def test_only_who_reads_all_is_spared_the_groups(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0), groups=[uuid4()])
    with acme_corpus.scope():
        assert both_sides(acme_corpus) == ([TEXT],) * 3


def test_reading_all_needs_the_exact_word(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0), groups=[uuid4()])
    with acme_corpus.reader(), connection.cursor() as cursor:
        for value in ("true", "1", "ON", ""):
            cursor.execute("SELECT set_config('app.reads_all', %s, true)", [value])
            assert nothing(both_sides(acme_corpus))


def test_closed_versions_are_found_only_as_of_their_time(acme_corpus):
    manual, now = acme_corpus.collection("manual"), timezone.now()
    old = "Old: " + TEXT
    acme_corpus.add(
        manual, old, axis(0), valid_from=now - timedelta(days=9), valid_to=now - timedelta(days=2)
    )
    acme_corpus.add(manual, TEXT, axis(0), valid_from=now - timedelta(days=2))
    with acme_corpus.reader():
        assert both_sides(acme_corpus) == ([TEXT],) * 3
        assert both_sides(acme_corpus, as_of=now - timedelta(days=5)) == ([old],) * 3
        assert both_sides(acme_corpus, as_of=now - timedelta(days=1)) == ([TEXT],) * 3
        assert nothing(both_sides(acme_corpus, as_of=now - timedelta(days=10)))
        # A version is valid from its first moment and no longer at its last.
        assert both_sides(acme_corpus, as_of=now - timedelta(days=2)) == ([TEXT],) * 3


def test_as_of_keeps_the_reader_groups(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0), groups=[uuid4()])
    with acme_corpus.reader():
        assert nothing(both_sides(acme_corpus, as_of=timezone.now()))


def test_only_the_named_space_is_searched(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    with acme_corpus.reader():
        assert texts(call(vector=axis(0), space=uuid4())) == []


def test_filters_come_before_the_cut(acme_corpus):
    """A hundred better rows that may not be read do not use up the candidates."""
    secret = acme_corpus.collection("secret", reader_groups=[uuid4()])
    manual = acme_corpus.collection("manual")
    for _ in range(12):
        acme_corpus.add(secret, TEXT, axis(0))
        acme_corpus.add(manual, TEXT, axis(0), groups=[uuid4()])
        acme_corpus.add(manual, TEXT, axis(0), valid_to=timezone.now())
    weak = "Blades. " + "Nothing else of interest is written here. " * 5
    acme_corpus.add(manual, weak, between(0, 1, 0.1))
    with acme_corpus.reader():
        assert both_sides(acme_corpus, depth=5, cut=5) == ([weak],) * 3


def test_only_the_versions_let_through_are_found(acme_corpus):
    manual = acme_corpus.collection("manual")
    wanted = acme_corpus.add(manual, TEXT, axis(0))
    acme_corpus.add(manual, "Other: " + TEXT, axis(0))
    with acme_corpus.reader():
        assert both_sides(acme_corpus, versions=[wanted.version_id]) == ([TEXT],) * 3
        assert both_sides(acme_corpus, versions=many(wanted.version_id)) == ([TEXT],) * 3
        assert nothing(both_sides(acme_corpus, versions=[]))
        assert nothing(both_sides(acme_corpus, versions=many()))


def test_letting_versions_through_opens_no_other_door(acme_corpus, globex_corpus):
    manual, past = acme_corpus.collection("manual"), timezone.now() - timedelta(days=2)
    rows = [
        globex_corpus.add(globex_corpus.collection("manual"), TEXT, axis(0)),
        acme_corpus.add(manual, TEXT, axis(0), groups=[uuid4()]),
        acme_corpus.add(acme_corpus.collection("secret", reader_groups=[uuid4()]), TEXT, axis(0)),
        acme_corpus.add(manual, TEXT, axis(0), valid_from=past, valid_to=timezone.now()),
    ]
    versions = [row.version_id for row in rows]
    with acme_corpus.reader():
        assert nothing(both_sides(acme_corpus, versions=versions))
        assert nothing(both_sides(acme_corpus, versions=many(*versions)))
        assert nothing(both_sides(globex_corpus, versions=versions))


def test_versions_are_let_through_before_the_cut(acme_corpus):
    """A dozen better passages of other versions do not use up the candidates."""
    manual = acme_corpus.collection("manual")
    for _ in range(12):
        acme_corpus.add(manual, TEXT, axis(0))
    weak = "Blades. " + "Nothing else of interest is written here. " * 5
    only = acme_corpus.add(manual, weak, between(0, 1, 0.1)).version_id
    with acme_corpus.reader():
        for versions in ([only], many(only)):
            found = both_sides(acme_corpus, versions=versions, depth=5, cut=5)
            assert found == ([weak],) * 3


def test_the_dense_side_gives_as_many_rows_as_there_are(acme_corpus):
    manual = acme_corpus.collection("manual")
    for number in range(7):
        acme_corpus.add(manual, f"Text {number}.", between(0, 1, number / 10))
    with acme_corpus.reader():
        assert len(call(vector=axis(0), space=acme_corpus.space.id, cut=5)) == 5
        assert len(call(vector=axis(0), space=acme_corpus.space.id, cut=50)) == 7


def test_without_an_embedded_question_the_lexical_side_answers(acme_corpus):
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, TEXT)
    acme_corpus.add(manual, "Holidays are paid.", axis(0))
    with acme_corpus.reader():
        assert texts(call(QUESTION)) == [TEXT]


def test_words_that_nobody_wrote_find_nothing(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT)
    with acme_corpus.reader():
        assert texts(call("zebra crossing")) == []


def test_a_vector_of_another_size_is_an_error_and_not_a_wrong_answer(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), TEXT, axis(0))
    with acme_corpus.reader(), pytest.raises(DataError), transaction.atomic():
        call(vector=[1.0, 0.0], space=acme_corpus.space.id)


def test_only_the_runtime_role_may_call_it():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.prosecdef, pg_get_userbyid(p.proowner), p.proconfig,"
            " array(SELECT grantee::regrole::text FROM aclexplode(p.proacl)"
            "        WHERE grantee <> p.proowner ORDER BY 1)"
            " FROM pg_proc p WHERE p.proname = 'footnote_search'"
        )
        (row,) = cursor.fetchall()
    definer, owner, config, callers = row
    assert (definer, owner, callers) == (True, "footnote_search", ["footnote_app"])
    assert "search_path=pg_catalog, public, pg_temp" in config
    assert "plan_cache_mode=force_generic_plan" in config

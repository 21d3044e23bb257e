"""Completions for a search box: of readable documents alone, by what is current, from an index."""

from uuid import UUID, uuid4

import pytest
from django.db import connection, connections

from ingestion import removal, suggestions
from ingestion.models import Document, Suggestion, SuggestionDue
from retrieval.suggesting import Suggestions, suggest
from tenants.models import Group, GroupMember
from tenants.scope import platform_principal, tenant_scope
from tests.cast import Member
from tests.library import Library

MANUAL = (
    "# Éolienne XT-4711/B\n\nThe turbine of Zürich turns. Turbines want Force-Majeure clauses.\n"
)


@pytest.fixture
def library(acme_library: Library) -> Library:
    acme_library.add("manuals", wind=MANUAL.encode())
    learn(acme_library)
    return acme_library


def learn(library: Library) -> None:
    while suggestions.learn(library.tenant.pk):
        pass


def words(text: str, member: Member) -> tuple[str, ...]:
    return suggest(text, principal=member.principal).completions


def titles(text: str, member: Member) -> list[str]:
    return [one.title for one in suggest(text, principal=member.principal).titles]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("turb", "turbine"),
        ("EOL", "Éolienne"),
        ("éol", "Éolienne"),
        ("xt-47", "XT-4711/B"),
        ("leave for tur", "leave for turbine"),
        ('type:markdown "forc', 'type:markdown "Force-Majeure'),
        ("maj", "Majeure"),
        ('author:"Ann Lee" tur', 'author:"Ann Lee" turbine'),
        ('"paid author: tur', '"paid author: turbine'),
        ('"author:x" tur', '"author:x" turbine'),
        ('nobody:"the tur', 'nobody:"the turbine'),
    ],
)
def test_the_last_word_is_completed_as_it_is_written(
    library: Library, bob: Member, typed: str, completed: str
) -> None:
    assert completed in words(typed, bob)


def test_titles_are_found_from_each_of_their_words_on(library: Library, bob: Member) -> None:
    assert titles("eol", bob) == titles("4711", bob) == ["Éolienne XT-4711/B"]
    assert titles("type:markdown éolienne x", bob) == ["Éolienne XT-4711/B"]


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "t",
        "turbine ",
        "type:tur",
        "the",
        "x" * 201,
        'author:"tur',
        'author:"Ann Lee tur',
        '-author="Ann","the tur',
        'author:"a \\" tur',
        "author:Ann,tur",
        "title:a(tur",
        "title>tur",
        "metadata.a<tur",
        "nothing>tur",
    ],
)
def test_what_cannot_be_completed_has_no_words(library: Library, bob: Member, typed: str) -> None:
    assert words(typed, bob) == ()


def test_a_title_without_blanks_is_found_from_any_character_on(
    acme_library: Library, bob: Member
) -> None:
    acme_library.add("manuals", paper="# 東京大学の規則\n\n本文。\n".encode())
    learn(acme_library)
    assert titles("大学", bob) == ["東京大学の規則"]


def test_another_tenant_is_told_nothing(library: Library, charlie: Member) -> None:
    assert suggest("turb", principal=charlie.principal) == Suggestions()
    assert suggest("eol", principal=charlie.principal) == Suggestions()


def test_readers_of_a_document_alone_have_its_words_suggested(
    library: Library, alice: Member, bob: Member
) -> None:
    with tenant_scope(platform_principal(library.tenant.pk)):
        group = Group.objects.create(name="Engineers")
        document = Document.objects.get(external_id="wind.md")
    close_to(document, [group.pk])
    # At once, before anything was learned again; and afterwards for those who belong to it.
    assert (words("turb", bob), titles("eol", bob)) == ((), [])
    assert (words("turb", alice), titles("eol", alice)) == ((), [])
    learn(library)
    assert (words("turb", bob), titles("eol", bob)) == ((), [])
    with tenant_scope(platform_principal(library.tenant.pk)):
        GroupMember.objects.create(group=group, membership=bob.membership)
    assert words("turb", bob) == ("turbine", "Turbines")
    assert titles("eol", bob) == ["Éolienne XT-4711/B"]


def close_to(document: Document, groups: list[object]) -> None:
    """As editing a document's readers does it: every row that search reads, in one commit."""
    with tenant_scope(platform_principal(document.tenant_id)), connection.cursor() as cursor:
        for table, key in (
            ("document", "id"),
            ("chunk", "version_id"),
            ("embedding", "version_id"),
            ("lexicalentry", "version_id"),
        ):
            cursor.execute(
                f"UPDATE ingestion_{table} SET reader_groups = %s WHERE {key} = %s",
                [groups, document.pk if key == "id" else document.current_version_id],
            )


def test_what_was_erased_is_not_suggested_and_not_kept(library: Library, bob: Member) -> None:
    with tenant_scope(platform_principal(library.tenant.pk)):
        removal.erase(document=Document.objects.get(external_id="wind.md"))
    assert (words("turb", bob), titles("eol", bob)) == ((), [])
    with tenant_scope(platform_principal(library.tenant.pk)):
        assert not Suggestion.objects.filter(key__startswith="turb").exists()
        assert not Suggestion.objects.filter(key__startswith="eol").exists()
        assert Suggestion.objects.filter(key="leave").exists()
        assert not SuggestionDue.objects.exists()


def test_a_new_version_brings_its_words_and_takes_the_old_ones(
    library: Library, bob: Member
) -> None:
    library.add("manuals", wind=b"# Windmill\n\nA windmill mills.\n")
    assert words("turb", bob) == ()
    learn(library)
    assert words("windm", bob) == ("windmill",) or words("windm", bob) == ("Windmill",)
    assert (titles("wind", bob), titles("eol", bob)) == (["Windmill"], [])


def test_only_the_named_collections_are_completed_from(library: Library, bob: Member) -> None:
    manuals = [library.collections["manuals"].pk]
    found = suggest("lea", principal=bob.principal, collection_ids=manuals)
    assert found == Suggestions()
    assert suggest("tur", principal=bob.principal, collection_ids=manuals).completions


def test_whatever_changes_a_document_is_noted(library: Library) -> None:
    with tenant_scope(platform_principal(library.tenant.pk)):
        rows = Document.objects.filter(external_id="wind.md")
        rows.update(reason="nothing that is searched")
        assert not SuggestionDue.objects.exists()
        rows.update(title="Another")
        assert [row.document_id for row in SuggestionDue.objects.all()] == [rows[0].pk]


def test_learning_the_same_twice_adds_no_rows(library: Library) -> None:
    def rows() -> list[object]:
        with tenant_scope(platform_principal(library.tenant.pk)):
            return list(Suggestion.objects.order_by("id").values_list("id", "key", "shown"))

    before = rows()
    with tenant_scope(platform_principal(library.tenant.pk)):
        Document.objects.get(external_id="wind.md")
        for row in Document.objects.all():
            SuggestionDue.objects.create(document_id=row.pk)
    learn(library)
    assert rows() == before != []


@pytest.mark.parametrize("kind", ["title", "word"])
def test_prefixes_are_entered_by_their_index(library: Library, kind: str) -> None:
    """20,000 rows of the tenant beside its own: a plan that read them all would be seen."""
    tenant, collection = library.tenant.pk, library.collections["manuals"].pk
    with tenant_scope(platform_principal(tenant)), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingestion_suggestion"
            " (tenant_id, id, kind, collection_id, key, shown, weight, witnesses, reader_groups)"
            " SELECT %s, gen_random_uuid(), %s, %s, md5(n::text), 'x', 1, ARRAY[%s]::uuid[], '{}'"
            " FROM generate_series(1, 20000) n",
            [tenant, kind, collection, uuid4()],
        )
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE ingestion_suggestion")
    with connections["operator"].cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'footnote_suggest'")
        (source,) = cursor.fetchone()
        (part,) = [one for one in source.split("RETURN QUERY") if f"s.kind = '{kind}'" in one]
        inner = part[part.index("SELECT s.") : part.index("LIMIT")]
        for name, value in {
            "chosen": f"'{{{collection}}}'::uuid[]",
            "tenant": f"'{tenant}'::uuid",
            "groups": "'{}'::uuid[]",
            "all_read": "false",
            f"{kind}_key": "'ab'",
            f"{kind}_end": "'ac'",
        }.items():
            inner = inner.replace(f" {name}", f" {value}").replace(f"({name}", f"({value}")
        cursor.execute(f"EXPLAIN {inner}".replace("%", "%%"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "suggestion_prefix" in plan, plan
    assert ">= 'ab'" in plan.split("Index Cond", 1)[1].split("\n")[0], plan


def test_a_tenant_that_fails_does_not_stop_the_others(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library.add("manuals", mill=b"# Windmill\n\nA windmill mills.\n")
    tenant, broken, learn_it = library.tenant.pk, uuid4(), suggestions.learn

    def learn_or_fail(tenant_id: UUID) -> int:
        if tenant_id == broken:
            raise ValueError("as damaged rows would")
        return learn_it(tenant_id)

    monkeypatch.setattr(suggestions, "_due_tenants", lambda: [broken, tenant])
    monkeypatch.setattr(suggestions, "learn", learn_or_fail)
    assert suggestions.learn_due() > 0
    assert str(broken) in caplog.text

"""No answer from the cache ever crosses tenant, reading rights, state of the documents, version of the prompt, model,
parameters, or the guards' policies.

Hypothesis permutes who asks, of which model and how, with edits, deletions, erasures, changes of rights, prompts and
guards, made in plain SQL as any code might make them. Similar questions are answered from the cache too. What an answer
was made from is written into its text: a hit must say what is true now.
"""

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

from django.db import close_old_connections, connection
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from inference.guards import policies as guards
from inference.models import CacheEntry, CachePolicy
from inference.prompts import files, versions
from inference.providers.provider import Endpoint, ResolvedModel
from ingestion import generations
from ingestion.models import (
    Chunk,
    Collection,
    CorpusChange,
    Document,
    DocumentVersion,
    Source,
    StoredFile,
)
from orchestration import grounds, reuse
from orchestration.events import Answer, Cited
from orchestration.questions import Question
from tenants.models import Tenant
from tenants.scope import Principal, platform_principal, tenant_scope

GROUPS = (uuid4(), uuid4())
RIGHTS = ((), GROUPS[:1], GROUPS[1:], GROUPS)
QUESTIONS = ("How long is leave?", "How much is leave?", "How long is the leave?")
HERE, THERE = Endpoint("http://here/v1"), Endpoint("http://there/v1")
MODELS = (
    ResolvedModel("openai_compatible", "fake", "model", HERE),
    ResolvedModel("openai_compatible", "other", "model", HERE),
    ResolvedModel("openai_compatible", "fake", "model", THERE),
)
# What of a request is no question and no right: how the model is to answer, and where it looks.
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"temperature": 0.5},
    {"max_tokens": 300},
    {"instructions": "In rhyme."},
    {"history": (("user", "Hello?"),)},
)
NewTenant = Callable[[str], Tenant]


class Shelf:
    """A tenant with two collections of one document each."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.documents: list[Document] = []
        self.edits = 0
        self.committed = 0
        with self.scope():
            file = StoredFile.objects.create(sha256=b"-" * 32, size=1)
            for name in ("one", "two"):
                shelf = Collection.objects.create(slug=name, name=name)
                source = Source.objects.create(collection=shelf, kind="upload", name="upload")
                row = Document.objects.create(
                    collection=shelf, source=source, external_id=name, title=name, state="ready"
                )
                self.documents.append(row)
                DocumentVersion.objects.create(
                    document=row, number=1, file=file, filename=name, sha256=b"-" * 32, size=1
                )
        for which in (0, 1):
            self.publish(which)
        with self.scope():
            CachePolicy.objects.create(feature="chat", semantic=True, threshold=0.8)

    def scope(self) -> AbstractContextManager[Principal]:
        return tenant_scope(platform_principal(self.tenant.pk))

    def asker(self, groups: tuple[UUID, ...]) -> Principal:
        return Principal(self.tenant.pk, user_id=None, group_ids=frozenset(groups))

    def publish(self, which: int, groups: tuple[UUID, ...] = ()) -> None:
        """A new passage in the place of the document's old one, in one transaction."""
        self.edits += 1
        row = self.documents[which]
        text = f"{self.tenant.slug} {row.title} edit {self.edits}"
        with self.scope():
            now = timezone.now()
            Chunk.objects.filter(document=row, valid_to=None).update(valid_to=now)
            Chunk.objects.create(
                collection_id=row.collection_id,
                document=row,
                version=DocumentVersion.objects.get(document=row),
                ordinal=0,
                text=text,
                span_start=0,
                span_end=len(text),
                tokens=4,
                content_hash=b"-" * 32,
                reader_groups=list(groups),
                valid_from=now,
            )

    def run(self, statement: str, which: int, *values: object) -> None:
        with self.scope(), connection.cursor() as cursor:
            cursor.execute(statement, [*values, self.documents[which].pk])


def truth(
    principal: Principal, ground: grounds.Ground, model: ResolvedModel, way: dict[str, Any]
) -> tuple[str, list[Cited]]:
    """What an answer is made from at this moment, read without any cache, and the passages that it cites."""
    with tenant_scope(principal.as_reader()):
        rows = list(Chunk.objects.filter(valid_to=None).order_by("pk"))
        titles = sorted(Document.objects.filter(deleted_at=None).values_list("title", flat=True))
    said = {
        "tenant": str(principal.tenant_id),
        "passages": [row.text for row in rows],
        "titles": titles,
        "prompt": ground.prompt.used.version,
        "asked": [model.identity, repr(way)],
        "guards": guards.of(principal).settings["secrets"].action,
    }
    cited = [
        Cited(
            n, row.pk, row.document_id, row.version_id, "x", "x", None, row.text, 0, len(row.text)
        )
        for n, row in enumerate(rows, start=1)
    ]
    return json.dumps(said), cited


def ask(
    principal: Principal,
    question: str,
    model: ResolvedModel = MODELS[0],
    way: dict[str, Any] | None = None,
) -> tuple[Answer, str]:
    """As the answering flow does it, with the truth in the model's place; and the truth, read before and after."""
    asked = Question(question, **(way or {}))
    ground = grounds.prepare(asked, principal)
    key = reuse.key_of(asked, principal, ground, model, window=128_000)
    kept = reuse.found(key, ground)
    told, cited = truth(principal, ground, model, way or {})
    if kept is not None:
        return kept, told
    answer = Answer(told, tuple(cited), (), bool(cited), 1.0, "model", "0" * 32)
    reuse.keep(key, ground, answer)
    return answer, told


class Permutations(RuleBasedStateMachine):
    """Two tenants with the same words, the same groups' ids, the same questions."""

    make: NewTenant
    hits = 0
    asked = 0

    def __init__(self) -> None:
        super().__init__()
        self.shelves = [Shelf(type(self).make("acme")), Shelf(type(self).make("globex"))]

    where = st.integers(0, 1)

    @rule(tenant=where, rights=st.sampled_from(RIGHTS), question=st.sampled_from(QUESTIONS))
    def ask(self, tenant: int, rights: tuple[UUID, ...], question: str) -> None:
        told, true = ask(self.shelves[tenant].asker(rights), question)
        type(self).asked += 1
        type(self).hits += told.cached
        assert told.text == true

    @rule(
        tenant=where,
        rights=st.sampled_from(RIGHTS[:2]),
        model=st.sampled_from(MODELS),
        way=st.sampled_from(WAYS),
    )
    def ask_otherwise(
        self, tenant: int, rights: tuple[UUID, ...], model: ResolvedModel, way: dict[str, Any]
    ) -> None:
        told, true = ask(self.shelves[tenant].asker(rights), QUESTIONS[0], model, way)
        type(self).asked += 1
        type(self).hits += told.cached
        assert told.text == true

    @rule(tenant=where, rights=st.sampled_from(RIGHTS[:2]), times=st.integers(2, 3))
    def ask_again(self, tenant: int, rights: tuple[UUID, ...], times: int) -> None:
        for _ in range(times):
            self.ask(tenant, rights, QUESTIONS[0])

    @rule(tenant=where, which=where, rights=st.sampled_from(RIGHTS))
    def edit(self, tenant: int, which: int, rights: tuple[UUID, ...]) -> None:
        self.shelves[tenant].publish(which, rights)

    @rule(tenant=where, which=where)
    def delete(self, tenant: int, which: int) -> None:
        statement = "UPDATE ingestion_chunk SET valid_to = now() WHERE valid_to IS NULL AND document_id = %s"
        self.shelves[tenant].run(statement, which)

    @rule(tenant=where, which=where)
    def erase(self, tenant: int, which: int) -> None:
        self.shelves[tenant].run("DELETE FROM ingestion_chunk WHERE document_id = %s", which)
        with self.shelves[tenant].scope():
            left = json.dumps(list(CacheEntry.objects.values_list("value", flat=True)))
        assert f"{self.shelves[tenant].documents[which].title} edit" not in left

    @rule(tenant=where, which=where, rights=st.sampled_from(RIGHTS))
    def restrict_passages(self, tenant: int, which: int, rights: tuple[UUID, ...]) -> None:
        statement = "UPDATE ingestion_chunk SET reader_groups = %s WHERE document_id = %s"
        self.shelves[tenant].run(statement, which, list(rights))

    @rule(tenant=where, which=where, rights=st.sampled_from(RIGHTS))
    def restrict_document(self, tenant: int, which: int, rights: tuple[UUID, ...]) -> None:
        statement = "UPDATE ingestion_document SET reader_groups = %s WHERE id = %s"
        self.shelves[tenant].run(statement, which, list(rights))

    @rule(tenant=where, which=where, rights=st.sampled_from(RIGHTS))
    def restrict_collection(self, tenant: int, which: int, rights: tuple[UUID, ...]) -> None:
        statement = (
            "UPDATE ingestion_collection SET reader_groups = %s WHERE id ="
            " (SELECT collection_id FROM ingestion_document WHERE id = %s)"
        )
        self.shelves[tenant].run(statement, which, list(rights))

    @rule(tenant=where, which=where, title=st.sampled_from(["one", "two", "three"]))
    def rename(self, tenant: int, which: int, title: str) -> None:
        statement = "UPDATE ingestion_document SET title = %s WHERE id = %s"
        self.shelves[tenant].run(statement, which, title)

    @rule(tenant=where, words=st.sampled_from(["Briefly.", "At length.", ""]))
    def relabel(self, tenant: int, words: str) -> None:
        default = files.built_in("answer")
        with self.shelves[tenant].scope():
            row = None
            if words:
                body = f"{default.body}\n{words}"
                row, _ = versions.add(files.checked("answer", body, list(default.variables)))
            versions.label(prompt="answer", name="production", version=row)

    @rule(tenant=where, action=st.sampled_from(["off", "warn", "redact"]))
    def change_guards(self, tenant: int, action: str) -> None:
        with self.shelves[tenant].scope():
            guards.set_action("secrets", action)
        # What `set_action` does when its transaction is over; other processes follow within two seconds.
        guards.forget()


def test_no_hit_crosses_anything(new_tenant: NewTenant) -> None:
    class Ours(Permutations):
        make = staticmethod(new_tenant)

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Ours,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=True,
            # Shrinking takes minutes, and the failing steps are told all the same.
            phases=[Phase.generate],
        ),
    )
    # Without hits the property would hold of a cache that never answers.
    assert Ours.asked > Ours.hits > 20


def test_no_answer_is_older_than_a_change_that_was_committed_before_it_was_asked_for(
    new_tenant: NewTenant,
) -> None:
    shelf = Shelf(new_tenant("acme"))
    principal, ended = shelf.asker(()), threading.Event()
    stale: list[str] = []
    hits = [0]

    def read() -> None:
        while not ended.is_set():
            before = shelf.committed
            told, _ = ask(principal, QUESTIONS[0])
            hits[0] += told.cached
            if int(json.loads(told.text)["passages"][-1].rsplit(" ", 1)[1]) < before:
                stale.append(told.text)
        close_old_connections()
        connection.close()

    shelf.committed = shelf.edits
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(20):
        shelf.publish(1)
        shelf.committed = shelf.edits
        # Let somebody find what somebody else has kept before it changes again.
        seen, until = hits[0], time.monotonic() + 1
        while hits[0] == seen and time.monotonic() < until:
            ended.wait(0.002)
    ended.set()
    for reader in readers:
        reader.join()
    assert stale == []
    assert hits[0] > 0


def test_folding_changes_no_generation(new_tenant: NewTenant) -> None:
    shelf = Shelf(new_tenant("acme"))
    collection = shelf.documents[0].collection_id
    with shelf.scope():
        CorpusChange.objects.bulk_create(
            CorpusChange(tenant_id=shelf.tenant.pk, collection_id=collection)
            for _ in range(generations.MOST_INCREMENTS + 1)
        )
        before = generations.current([collection])
        assert CorpusChange.objects.filter(collection_id=collection).count() == 1
        assert generations.current([collection]) == before
    shelf.publish(0)
    with shelf.scope():
        assert generations.current([collection]) != before

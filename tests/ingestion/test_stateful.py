"""Whatever is done to documents, in whichever order: search finds what the rows say, and nothing is left behind."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ingestion import collections, documents, pipeline, removal, versions, work
from ingestion.errors import NotCancellable, NotRestorable, NotRetryable
from ingestion.models import Document, DocumentVersion
from ingestion.work import Claim
from tenants import people
from tests.ingestion.invariants import check
from tests.ingestion.workshop import (
    Workshop,
    let_delays_pass,
    let_leases_lapse,
    work_off,
)

NAMES = st.sampled_from(["a.md", "b.txt", "c.md"])
TEXTS = st.sampled_from(["The pump.", "The pump runs.\n\n# Valves\n\nThey close.", " ", "Ducts."])
MILD = (NotCancellable, NotRestorable, NotRetryable)


class Corpus(RuleBasedStateMachine):
    """One tenant; a neighbour that nobody touches must stay as it is."""

    claimed: Claim | None = None

    @initialize()
    def begin(self) -> None:
        self.shops = []
        for name in ("acme", "globex"):
            tenant = people.found_tenant(slug=f"{name}-{uuid4().hex[:12]}", name=name)
            shop = Workshop(tenant, None)  # type: ignore[arg-type]  # set in the next line, in its scope
            with shop.scope():
                shop.collection = collections.ensure("papers")
            self.shops.append(shop)
        self.neighbour = self.shops[1].ingest("a.md", "The neighbour's pump.")

    @property
    def shop(self) -> Workshop:
        return self.shops[0]

    def _try(self, deed: Any, name: str) -> None:
        with self.shop.scope():
            row = Document.objects.filter(external_id=name).first()
            if row is not None:
                try:
                    deed(document=row)
                except MILD:
                    return

    @rule(name=NAMES, text=TEXTS)
    def upload(self, name: str, text: str) -> None:
        self.shop.upload(name, text)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self._try(documents.delete, name)

    @rule(name=NAMES)
    def restore(self, name: str) -> None:
        self._try(documents.restore, name)

    @rule(name=NAMES)
    def erase(self, name: str) -> None:
        self._try(documents.erase, name)

    @rule(name=NAMES)
    def cancel(self, name: str) -> None:
        self._try(documents.cancel, name)

    @rule(name=NAMES)
    def retry(self, name: str) -> None:
        self._try(documents.retry, name)

    @rule(name=NAMES, number=st.integers(1, 4))
    def restore_version(self, name: str, number: int) -> None:
        with self.shop.scope():
            rows = DocumentVersion.objects.filter(document__external_id=name, number=number)
            if (row := rows.first()) is not None:
                try:
                    versions.restore(version=row)
                except MILD:
                    return

    @rule(name=NAMES)
    def drop_superseded(self, name: str) -> None:
        """As retention does, without waiting for a month."""
        with self.shop.scope():
            rows = DocumentVersion.objects.filter(
                document__external_id=name, valid_to__isnull=False, document__deleted_at=None
            )
            newest = DocumentVersion.objects.filter(document__external_id=name).order_by("-number")
            kept = newest.values_list("pk", flat=True).first()
            removal.discard([row.pk for row in rows if row.pk != kept])

    @rule()
    def divide(self) -> None:
        with self.shop.scope():
            versions.divide_again(collection=self.shop.collection)

    @rule()
    def claim_and_hold(self) -> None:
        self.claimed = self.claimed or work.claim()

    @rule()
    def finish_what_is_held(self) -> None:
        if self.claimed is not None:
            pipeline.process(self.claimed)
            self.claimed = None

    @rule()
    def lose_the_worker(self) -> None:
        let_leases_lapse()
        work.reconcile()
        let_delays_pass()

    @rule()
    def work(self) -> None:
        work_off()

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "neighbour"):
            check(self.shop.tenant)
            neighbour = self.shops[1]
            assert neighbour.current_texts(self.neighbour) == ["The neighbour's pump."]

    def teardown(self) -> None:
        """In the end every living document is ready or has failed with a reason."""
        if not hasattr(self, "neighbour"):
            return
        let_leases_lapse()
        work.reconcile()
        for _ in range(work.MOST_ATTEMPTS):
            let_delays_pass()
            work_off()
        self.holds()
        with self.shop.scope():
            living = Document.objects.filter(deleted_at=None)
            assert {row.state for row in living} <= {"ready", "failed"}


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Corpus,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < 50,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.usefixtures("quiet_queue")
def test_any_sequence_of_deeds_leaves_a_whole_corpus() -> None:
    run(examples=12, steps=15)


@pytest.mark.soak
@pytest.mark.usefixtures("quiet_queue")
def test_many_long_sequences_of_deeds_leave_a_whole_corpus() -> None:
    run(examples=150, steps=40)

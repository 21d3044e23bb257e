"""``bin/manage space``: the embedding spaces of tenants, from a second one to the switch and the way back."""

import csv
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evals.space_comparison import Judged, on_judged, on_live
from ingestion import filling, spaces
from ingestion.errors import SpaceRefused
from ingestion.models import Collection, EmbeddingSpace
from retrieval import sampling
from retrieval.errors import SearchRefused
from retrieval.passages import SearchRequest
from retrieval.runs import read_queries
from tenants.models import Tenant
from tenants.people import UnknownTenant, tenant_by_slug
from tenants.scope import Principal, platform_principal, tenant_scope

VERBS = {
    "list": "spaces, how full they are, and what is left",
    "add": "make a space of another model and let it be filled",
    "fill": "fill a space here and now, with its progress",
    "pause": "stop filling a space",
    "resume": "go on filling it",
    "compare": "the serving space and another one on judged or on live questions",
    "switch": "let a space serve once it is complete; the one before is kept full",
    "rollback": "let the space serve again that served before",
    "drop": "delete a space that does not serve",
}
WITH_SPACE = ("fill", "pause", "resume", "compare", "switch", "drop")


class Command(BaseCommand):
    help = "Embedding spaces: list, add, fill, compare, switch, rollback, drop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb, told in VERBS.items():
            one = verbs.add_parser(verb, help=told)
            one.add_argument(
                "--tenant", help="the tenant's slug", required=verb not in ("switch", "rollback")
            )
            if verb in ("switch", "rollback"):
                one.add_argument(
                    "--all", action="store_true", help="every tenant, one after another"
                )
            if verb == "add":
                one.add_argument(
                    "--model", required=True, help="minilm, a path, openai:NAME; @256 shortens"
                )
            if verb in WITH_SPACE:
                one.add_argument(
                    "--model", required=True, help="the space's model, as it was added"
                )
            if verb == "compare":
                one.add_argument(
                    "--queries", type=Path, help="judged questions (.jsonl: _id, text)"
                )
                one.add_argument(
                    "--qrels", type=Path, help="their judgements (.tsv: query, document, relevance)"
                )
                one.add_argument("--collection", help="a collection's slug; default: all")
                one.add_argument(
                    "--sample", type=int, default=50, help="live questions at most (50)"
                )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            for tenant in _tenants(options):
                getattr(self, f"_{options['verb']}")(tenant, options)
        except (SpaceRefused, UnknownTenant, SearchRefused) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error

    def _list(self, tenant: Tenant, _: dict[str, Any]) -> None:
        with _scope(tenant):
            for space in EmbeddingSpace.objects.order_by("created_at"):
                told = spaces.progress(space)
                state = "paused" if space.paused_at else space.state
                self.stdout.write(
                    f"{state:<8} {space.specification or 'configured':<24} {space.model}, {space.dimensions}"
                    f" dimensions: {told.filled:,} of {told.passages:,} passages{_left(told)}"
                )
                if space.reason:
                    self.stdout.write(f"         {space.reason}")

    def _add(self, tenant: Tenant, options: dict[str, Any]) -> None:
        with _scope(tenant):
            space = spaces.add(options["model"])
            told = spaces.progress(space)
        self.stdout.write(
            f"{space.model}: {told.passages:,} passages with {told.tokens_left:,} tokens to embed; a worker does it."
        )

    def _fill(self, tenant: Tenant, options: dict[str, Any]) -> None:
        space = _space(tenant, options)
        while not filling.fill(tenant.pk, space.pk, 5):
            with _scope(tenant):
                space.refresh_from_db()
                told = spaces.progress(space)
            if space.reason or space.paused_at:
                raise SpaceRefused(space.reason or "The space is paused: resume it first.")
            self.stdout.write(
                f"{told.share:.0%}: {told.filled:,} of {told.passages:,}{_left(told)}"
            )
            time.sleep(0.1)
        self.stdout.write("complete")

    def _pause(self, tenant: Tenant, options: dict[str, Any]) -> None:
        self._set_paused(tenant, options, paused=True)

    def _resume(self, tenant: Tenant, options: dict[str, Any]) -> None:
        self._set_paused(tenant, options, paused=False)

    def _set_paused(self, tenant: Tenant, options: dict[str, Any], *, paused: bool) -> None:
        space = _space(tenant, options)
        with _scope(tenant):
            spaces.pause(space, paused=paused)
        self.stdout.write(f"{space.model} is {'paused' if paused else 'filled again'}")

    def _compare(self, tenant: Tenant, options: dict[str, Any]) -> None:
        other = _space(tenant, options)
        with _scope(tenant):
            serving = EmbeddingSpace.objects.get(state=EmbeddingSpace.SpaceState.SERVING)
            request = SearchRequest("", collection_ids=_collections(options["collection"]))
            questions = sampling.lately(options["sample"])
        asker = Principal(tenant.pk, reads_all=True)
        if options["queries"]:
            self._compare_judged((serving, other), options, asker, request)
        if questions:
            live = on_live((serving, other), questions, principal=asker, request=request)
            self.stdout.write(
                f"{live.questions} live questions: {live.overlap:.0%} of the first ten in common, the first the same in"
                f" {live.same_first:.0%}; {live.milliseconds[0]:.1f} ms and {live.milliseconds[1]:.1f} ms"
            )
        elif not options["queries"]:
            self.stdout.write(
                "Of the last seven days there is no question and no sampled search: give --queries and --qrels."
            )

    def _compare_judged(
        self,
        pair: tuple[EmbeddingSpace, EmbeddingSpace],
        options: dict[str, Any],
        asker: Principal,
        request: SearchRequest,
    ) -> None:
        if options["qrels"] is None:
            raise CommandError("--queries needs --qrels FILE.tsv.")
        judged = _judgements(options["qrels"])
        queries = [one for one in read_queries(options["queries"]) if judged.get(one.id)]
        if not queries:
            raise CommandError("None of the questions is judged: do the two files belong together?")
        for space in pair:
            found = on_judged(space, queries, judged, principal=asker, request=request)
            self.stdout.write(f"{space.model}, {space.dimensions} dimensions: {_told(found)}")

    def _switch(self, tenant: Tenant, options: dict[str, Any]) -> None:
        done = spaces.switch(tenant.pk, _space(tenant, options).pk)
        self.stdout.write(
            f"{tenant.slug}: {done.space.model} serves; the switch took {done.milliseconds:.0f} ms"
        )

    def _rollback(self, tenant: Tenant, _: dict[str, Any]) -> None:
        with _scope(tenant):
            idle = EmbeddingSpace.objects.filter(state=EmbeddingSpace.SpaceState.FILLING)
            former = idle.filter(served_until__isnull=False).order_by("-served_until").first()
        if former is None:
            raise SpaceRefused(f"{tenant.slug}: no other space has served before.")
        done = spaces.switch(tenant.pk, former.pk)
        self.stdout.write(f"{tenant.slug}: {done.space.model} serves again")

    def _drop(self, tenant: Tenant, options: dict[str, Any]) -> None:
        count = spaces.drop(tenant.pk, _space(tenant, options).pk)
        self.stdout.write(f"{count:,} vectors deleted")


def _tenants(options: dict[str, Any]) -> Iterator[Tenant]:
    if options.get("all"):
        yield from Tenant.objects.using("operator").order_by("slug")
    elif options["tenant"]:
        yield tenant_by_slug(options["tenant"])
    else:
        raise CommandError("Give --tenant SLUG, or --all.")


def _scope(tenant: Tenant) -> Any:
    return tenant_scope(platform_principal(tenant.pk))


def _space(tenant: Tenant, options: dict[str, Any]) -> EmbeddingSpace:
    with _scope(tenant):
        found = EmbeddingSpace.objects.filter(specification=options["model"]).first()
        there = EmbeddingSpace.objects.order_by("created_at").values_list(
            "specification", flat=True
        )
        known = ", ".join(one or "(configured)" for one in there)
    if found is None:
        raise SpaceRefused(
            f"{tenant.slug} has no space {options['model']!r}. Spaces: {known or 'none yet'}."
        )
    return found


def _collections(slug: str | None) -> tuple[Any, ...] | None:
    if slug is None:
        return None
    found = tuple(Collection.objects.filter(slug=slug).values_list("id", flat=True))
    if not found:
        raise CommandError(f"There is no collection {slug!r}.")
    return found


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    """Relevance by question and document; a heading line is left out."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.reader(lines, delimiter="\t"), start=1):
            if len(row) < 3 or (number > 1 and not row[-1].lstrip("-").isdigit()):
                raise CommandError(
                    f"{path.name}, line {number}: expected question, document and relevance."
                )
            if row[-1].lstrip("-").isdigit():
                found[row[0]][row[-2]] = int(row[-1])
    return found


def _told(found: Judged) -> str:
    return (
        f"nDCG@10 {found.ndcg:.3f}, recall@100 {found.recall:.3f}, {found.milliseconds:.1f} ms"
        f" ({found.questions} questions)"
    )


def _left(told: spaces.Progress) -> str:
    if told.seconds_left is None or told.filled >= told.passages:
        return ""
    money = f", {told.cost_left:.4f} USD" if told.cost_left else ""
    return f", about {told.seconds_left:.0f} s{money} left"

"""``bin/manage documents --tenant T [--collection C] [--state failed] [--retry]``: what there is, and deeds on it."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from ingestion import collections, documents, pausing, versions
from ingestion.errors import NotCancellable, NotRestorable
from ingestion.models import Collection, Document, State
from tenants.management.shell import scope_of

DEEDS = {
    "cancel": "end the work on these documents",
    "delete": "take these out of search; they can be restored",
    "restore": "undo the deletion of these",
    "erase": "remove these for good, after asking",
}
DONE = {"cancel": "cancelled", "delete": "deleted", "restore": "restored", "erase": "erased"}


class Command(BaseCommand):
    """List documents with their state; with --retry, queue the failed ones again."""

    help = "List documents: state, pages, chunks, external id, and for a failure the reason and what to do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--collection", help="a collection's slug; by default all")
        parser.add_argument("--state", choices=State.values)
        parser.add_argument("--deleted", action="store_true", help="those that can be restored")
        deeds = parser.add_mutually_exclusive_group()
        deeds.add_argument("--retry", action="store_true", help="queue all failed documents again")
        deeds.add_argument("--pause", action="store_true", help="begin nothing more of it")
        deeds.add_argument("--resume", action="store_true", help="go on with it")
        deeds.add_argument("--rechunk", action="store_true", help="divide all documents anew")
        for name, said in DEEDS.items():
            deeds.add_argument(f"--{name}", nargs="+", metavar="ID", help=said)
        parser.add_argument("--yes", action="store_true", help="with --erase: do not ask")

    def handle(self, *_: Any, **options: Any) -> None:
        with scope_of(options["tenant"]):
            for name in DEEDS:
                if options[name]:
                    self._do(name, options[name], sure=options["yes"])
                    return
            for collection in _collections(options["collection"]):
                if not self._work_on(collection, options):
                    self._list(collection, options["state"], deleted=options["deleted"])

    def _do(self, name: str, ids: list[str], *, sure: bool) -> None:
        """One deed to each document; says of each what became of it."""
        rows = [_document(key) for key in ids]
        if name == "erase" and not sure:
            titles = ", ".join(str(row) for row in rows)
            if input(f"Erase {titles} for good? Nobody can bring it back. Type yes: ") != "yes":
                raise CommandError("Nothing was erased.")
        for row in rows:
            try:
                getattr(documents, name)(document=row)
                self.stdout.write(f"{row.pk} {DONE[name]}")
            except (NotCancellable, NotRestorable) as refusal:
                self.stderr.write(f"{row.pk} {refusal}")

    def _work_on(self, collection: Collection, options: dict[str, Any]) -> bool:
        """A deed on a whole collection; False when none was asked for."""
        if options["retry"]:
            said = f"{documents.retry_failed(collection=collection):,} queued again"
        elif options["rechunk"]:
            said = f"{versions.divide_again(collection=collection):,} are divided anew"
        elif options["pause"]:
            said = "paused" if pausing.pause(collection) else "was paused already"
        elif options["resume"]:
            said = "goes on" if pausing.resume(collection) else "was not paused"
        else:
            return False
        self.stdout.write(f"{collection.slug}: {said}")
        return True

    def _list(self, collection: Collection, state: str | None, *, deleted: bool) -> None:
        found = collections.coverage([collection.pk]).get(collection.pk, collections.Coverage())
        self.stdout.write(f"{collection.slug}: {found}")
        sources = collections.sources_of(collection)
        for source, part in sources if len(sources) > 1 else []:
            self.stdout.write(f"  from {source.get_kind_display()}, {source}: {part}")
        rows = Document.objects.filter(collection=collection, deleted_at__isnull=not deleted)
        rows = rows.filter(state=state) if state else rows
        for row in rows.order_by("external_id").iterator():
            pages = f"{row.pages} p" if row.pages else "-"
            shown = f"{row.pk}  {row.external_id}" if deleted else row.external_id
            self.stdout.write(f"  {row.state:<9} {pages:>6} {row.chunks:>6}  {shown}")
            if row.reason:
                self.stdout.write(f"            {row.reason} {row.remedy}".rstrip())


def _document(key: str) -> Document:
    try:
        found = Document.objects.filter(pk=UUID(key)).first()
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"There is no document {key}. Nothing was done.")
    return found


def _collections(slug: str | None) -> list[Collection]:
    if slug is None:
        return list(Collection.objects.order_by("slug"))
    found = list(Collection.objects.filter(slug=slug))
    if not found:
        known = ", ".join(Collection.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(f"There is no collection {slug!r}. Collections: {known or 'none yet'}.")
    return found

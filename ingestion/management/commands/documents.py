"""``bin/manage documents --tenant T [--collection C] [--state failed] [--retry]``: what there is and what failed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingestion import collections, documents
from ingestion.models import Collection, Document, State
from tenants.people import UnknownTenant, tenant_by_slug
from tenants.scope import platform_principal, tenant_scope


class Command(BaseCommand):
    """List documents with their state; with --retry, queue the failed ones again."""

    help = "List documents: state, pages, chunks, external id, and for a failure the reason and what to do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--collection", help="a collection's slug; by default all")
        parser.add_argument("--state", choices=State.values)
        parser.add_argument("--retry", action="store_true", help="queue all failed documents again")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            tenant = tenant_by_slug(options["tenant"])
        except UnknownTenant as error:
            raise CommandError(str(error)) from error
        with tenant_scope(platform_principal(tenant.pk)):
            for collection in _collections(options["collection"]):
                if options["retry"]:
                    count = documents.retry_failed(collection=collection)
                    self.stdout.write(f"{collection.slug}: {count:,} queued again")
                else:
                    self._list(collection, options["state"])

    def _list(self, collection: Collection, state: str | None) -> None:
        found = collections.coverage([collection.pk]).get(collection.pk, collections.Coverage())
        self.stdout.write(f"{collection.slug}: {found}")
        rows = Document.objects.filter(collection=collection, deleted_at=None)
        rows = rows.filter(state=state) if state else rows
        for row in rows.order_by("external_id").iterator():
            pages = f"{row.pages} p" if row.pages else "-"
            self.stdout.write(f"  {row.state:<9} {pages:>6} {row.chunks:>6}  {row.external_id}")
            if row.reason:
                self.stdout.write(f"            {row.reason} {row.remedy}".rstrip())


def _collections(slug: str | None) -> list[Collection]:
    if slug is None:
        return list(Collection.objects.order_by("slug"))
    found = list(Collection.objects.filter(slug=slug))
    if not found:
        known = ", ".join(Collection.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(f"There is no collection {slug!r}. Collections: {known or 'none yet'}.")
    return found

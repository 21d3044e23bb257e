"""``bin/manage tenant create|list``: organisations, by whoever runs this Footnote."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tenants import people
from tenants.management.shell import plain_errors
from tenants.models import Tenant


class Command(BaseCommand):
    """Make tenants and list them."""

    help = "Make a tenant, or list all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a tenant; one that exists is left as it is")
        create.add_argument("--slug", required=True, help="lower-case letters, digits and hyphens")
        create.add_argument("--name", help="for people; by default the slug")
        verbs.add_parser("list", help="slug and name of every tenant")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["verb"] == "list":
            for tenant in Tenant.objects.using("operator").order_by("slug"):
                self.stdout.write(f"{tenant.slug}\t{tenant.name}")
            return
        with plain_errors():
            tenant = people.found_tenant(
                slug=options["slug"], name=options["name"] or options["slug"]
            )
        self.stdout.write(f"{tenant.slug}: {tenant.name} ({tenant.pk})")

"""``bin/manage export --tenant T``: the reverse of ``apply``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from inference.declarations import applying
from tenants.management.shell import scope_of
from tenants.scope import current_principal


class Command(BaseCommand):
    """Declared configuration, written out."""

    help = "Print a tenant's configuration as YAML that `apply` takes; keys stand as ${NAME} only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")

    def handle(self, *_: Any, **options: Any) -> None:
        with scope_of(options["tenant"]):
            principal = current_principal()
        self.stdout.write(applying.export(principal).rstrip())

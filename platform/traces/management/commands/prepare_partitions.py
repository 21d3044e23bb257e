"""``bin/manage prepare_partitions``: make the dated partitions of the coming days and months."""

from typing import Any

from django.core.management.base import BaseCommand

from traces import partitions


class Command(BaseCommand):
    """Operator work; the scheduler does the same daily."""

    help = (
        "Makes the partitions of spans and ledger for the coming days and months; safe to repeat."
    )

    def handle(self, **options: Any) -> None:
        for name in partitions.prepare():
            self.stdout.write(f"called {name}()")

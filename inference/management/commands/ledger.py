"""``bin/manage ledger check``: every budget's spent against the sum of its ledger rows."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference import accounts


class Command(BaseCommand):
    """Holds the budgets against the ledger."""

    help = "Compare what budgets say is spent with the sum of their ledger rows, to the last digit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["check"], help="what to do")

    def handle(self, *_: Any, **__: Any) -> None:
        found = list(accounts.all_discrepancies())
        for tenant, one in found:
            who = f" ({one.subject})" if one.subject else ""
            self.stdout.write(
                f"{tenant}: budget {one.budget!r}{who} from {one.period_start}: spent {one.spent},"
                f" ledger {one.ledger} USD"
            )
        if found:
            raise CommandError(f"{len(found)} budgets do not agree with the ledger.")
        self.stdout.write("Every budget's spent is the sum of its ledger rows.")

"""``bin/manage index_vectors``: HNSW graphs where tenants have outgrown the exact scan."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ingestion import vector_index


class Command(BaseCommand):
    help = "Build the vector indexes that are due; nothing is blocked meanwhile, and running it again is harmless."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--now",
            action="store_true",
            help="also for tenants of up to 10,000 chunks while documents are being worked on",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        built = vector_index.build_due(any_time=0 if options["now"] else vector_index.ANY_TIME)
        self.stdout.write("\n".join(built) or "Nothing is due.")

"""``bin/manage index_vectors``: HNSW graphs where tenants have outgrown the exact scan."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ingestion import vector_index


class Command(BaseCommand):
    help = "Build the vector indexes that are due; nothing is blocked meanwhile, and running it again is harmless."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--least-rows",
            type=int,
            default=vector_index.LEAST_ROWS,
            help="a tenant with more chunks than this gets one (default 10000)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        built = vector_index.build_due(least_rows=options["least_rows"])
        self.stdout.write("\n".join(built) or "Nothing is due.")

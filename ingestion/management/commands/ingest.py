"""``bin/manage ingest PATH... --tenant T --collection C [--wait] [--watch]``: documents from the shell."""

from argparse import ArgumentParser
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from ingestion import collections, deliveries, offers, waiting
from ingestion.deliveries import Delivery
from ingestion.management.progress_bar import ProgressBar
from ingestion.models import Collection
from tenants.people import UnknownTenant, tenant_by_slug
from tenants.scope import Principal, platform_principal, tenant_scope


class Command(BaseCommand):
    """Upload, and with --wait stay until every document has ended."""

    help = (
        "Ingest folders, files, archives (zip, tar) and .jsonl files (a document per row: _id, title, text, metadata)"
        " into a collection, which is made if need be."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--collection", required=True, help="the collection's slug")
        parser.add_argument(
            "--wait",
            action="store_true",
            help="return when all are ready or failed; exit code 1 if any failed",
        )
        parser.add_argument(
            "--watch", action="store_true", help="the same, with a line for each change of state"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        paths: list[Path] = options["paths"]
        _check_paths(paths)
        principal = _principal(options["tenant"])
        collection = _collection(options["collection"], principal)
        delivery = self._upload(paths, collection, principal)
        if options["wait"] or options["watch"]:
            self._wait(delivery, principal, watch=options["watch"])
        else:
            self.stdout.write("The workers do the rest; add --wait to stay until they are done.")
        failed = waiting.failures(delivery.documents, principal)
        self._say_problems(delivery, [(row.external_id, row.reason, row.remedy) for row in failed])
        if failed or delivery.problems:
            raise SystemExit(1)

    def _upload(self, paths: list[Path], collection: Collection, principal: Principal) -> Delivery:
        delivery = Delivery()
        with ProgressBar(self.stdout, "uploading") as bar:
            found = chain.from_iterable(offers.gather(path) for path in paths)
            counted = bar.counting(found, lambda: f"{delivery.offered:,} accepted")
            deliveries.deliver(counted, collection, principal, delivery)
        said = [
            f"{count:,} {name.replace('_', ' ')}"
            for name, count in sorted(delivery.outcomes.items())
        ]
        said += [f"{len(delivery.problems):,} refused"] if delivery.problems else []
        self.stdout.write(f"{collection.slug}: {', '.join(said) or 'nothing found to ingest'}")
        for note in delivery.notes[:20]:
            self.stdout.write(f"  {note}")
        return delivery

    def _wait(self, delivery: Delivery, principal: Principal, *, watch: bool) -> None:
        shown: dict[str, object] = {}
        told = False
        with ProgressBar(self.stdout, "ingesting") as bar:
            for standing in waiting.wait(delivery.documents, principal):
                if standing.working_here and not told:
                    told = True
                    bar.say("No worker has taken the work: it is done here, in this process.")
                if watch:
                    _say_changes(bar, standing, shown)
                bar.show(standing.done, standing.total, _rate(standing, bar.seconds))
        self.stdout.write(
            f"{standing.ready:,} ready, {standing.failed:,} failed, {standing.chunks:,} chunks"
        )

    def _say_problems(self, delivery: Delivery, failed: list[tuple[str, str, str]]) -> None:
        rows = [(problem.where, problem.message, "") for problem in delivery.problems] + failed
        if not rows:
            return
        self.stderr.write(f"\n{len(rows):,} could not be ingested:")
        for where, message, remedy in rows:
            self.stderr.write(f"  {where}\n      {message}{' ' + remedy if remedy else ''}")


def _check_paths(paths: list[Path]) -> None:
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise CommandError(f"No such file or folder: {', '.join(missing)}. Nothing was ingested.")


def _principal(slug: str) -> Principal:
    try:
        return platform_principal(tenant_by_slug(slug).pk)
    except UnknownTenant as error:
        raise CommandError(str(error)) from error


def _collection(slug: str, principal: Principal) -> Collection:
    try:
        with tenant_scope(principal):
            return collections.ensure(slug)
    except ValidationError as error:
        raise CommandError(f"--collection {slug!r}: {' '.join(error.messages)}") from error


def _rate(standing: waiting.Standing, seconds: float) -> str:
    rate = standing.chunks / seconds if seconds > 1 else 0.0
    failed = f", {standing.failed:,} failed" if standing.failed else ""
    return f"{standing.chunks:,} chunks, {rate:,.0f}/s{failed}"


def _say_changes(bar: ProgressBar, standing: waiting.Standing, shown: dict[str, object]) -> None:
    for name, state, pages, done, chunks in standing.under_way:
        if shown.get(name) != (state, done):
            shown[name] = (state, done)
            said = [f"{pages} pages"] if pages else []
            said += [f"{done:,} of {chunks:,} chunks"] if chunks else []
            bar.say(f"{name}: {state} {', '.join(said)}".rstrip())

"""``bin/manage ingest PATH... --tenant T --collection C [--wait] [--watch]``: documents from the shell."""

import shutil
from argparse import ArgumentParser
from getpass import getpass
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from ingestion import collections, deliveries, offers, waiting, watching
from ingestion.deliveries import Delivery
from ingestion.lexical import LANGUAGES
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
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument(
            "--collection",
            help="the collection's slug; needed with a PATH, else it narrows --watch",
        )
        parser.add_argument(
            "--language",
            choices=LANGUAGES,
            metavar="L",
            help="stemming of a collection that is made here, as in german; simple: none (default english)",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="return when all are ready or failed; exit code 1 if any failed",
        )
        parser.add_argument(
            "--password",
            metavar="P",
            help="opens encrypted PDFs and archives; - reads it from the terminal",
        )
        parser.add_argument(
            "--watch",
            action="store_true",
            help="with a PATH like --wait, with a line for each change of state; without one a live table of"
            " everything that is open, until nothing is",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        paths: list[Path] = options["paths"]
        _check_paths(paths)
        principal = _principal(options["tenant"])
        if not paths:
            self._look_on(principal, options)
            return
        if not options["collection"]:
            raise CommandError("Say with --collection where the documents belong.")
        collection = _collection(options["collection"], principal, options["language"])
        password = _password(options["password"])
        delivery = self._upload(paths, collection, principal, password)
        if options["wait"] or options["watch"]:
            self._wait(delivery, principal, watch=options["watch"])
        else:
            self.stdout.write("The workers do the rest; add --wait to stay until they are done.")
        failed = waiting.failures(delivery.documents, principal)
        self._say_problems(delivery, [(row.external_id, row.reason, row.remedy) for row in failed])
        if failed or delivery.problems:
            raise SystemExit(1)

    def _look_on(self, principal: Principal, options: dict[str, Any]) -> None:
        """The table, drawn over itself on a terminal, and printed anew elsewhere when it has changed."""
        if not options["watch"]:
            raise CommandError("Give a PATH to ingest, or --watch to see what is open.")
        place = _known(options["collection"], principal) if options["collection"] else None
        drawn: list[str] = []
        try:
            for sight in watching.watch(principal, place):
                width = shutil.get_terminal_size((100, 24)).columns - 1
                table = watching.lines(sight, width)
                if self.stdout.isatty() and drawn:
                    self.stdout.write(f"\x1b[{len(drawn)}F\x1b[J", ending="")
                if table != drawn:
                    self.stdout.write("\n".join(table))
                elif self.stdout.isatty():
                    self.stdout.write("\n".join(drawn))
                drawn = table
                self.stdout.flush()
        except KeyboardInterrupt:
            self.stdout.write("The work goes on; nobody watches any more.")

    def _upload(
        self,
        paths: list[Path],
        collection: Collection,
        principal: Principal,
        password: str | None,
    ) -> Delivery:
        delivery = Delivery()
        with ProgressBar(self.stdout, "uploading") as bar:
            found = chain.from_iterable(offers.gather(path, password) for path in paths)
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


def _password(given: str | None) -> str | None:
    """``-`` asks for it, so that it stands in no list of processes or history."""
    return getpass("Password of the files: ") if given == "-" else given


def _principal(slug: str) -> Principal:
    try:
        return platform_principal(tenant_by_slug(slug).pk)
    except UnknownTenant as error:
        raise CommandError(str(error)) from error


def _collection(slug: str, principal: Principal, language: str | None) -> Collection:
    fields = {"language": language} if language else {}
    try:
        with tenant_scope(principal):
            found = collections.ensure(slug, **fields)
            # One that was there before and is still empty takes the language; else this says why not.
            is_other = language not in (None, found.language)
            return collections.change(found, **fields) if is_other else found
    except ValidationError as error:
        raise CommandError(f"--collection {slug!r}: {' '.join(error.messages)}") from error


def _known(slug: str, principal: Principal) -> Collection:
    with tenant_scope(principal):
        found = Collection.objects.filter(slug=slug).first()
        if found is None:
            known = ", ".join(Collection.objects.values_list("slug", flat=True)[:20])
            raise CommandError(f"There is no collection {slug!r}. Collections: {known or 'none'}.")
        return found


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

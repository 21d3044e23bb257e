"""``bin/manage source add|list|sync|pause|resume|remove``: sources from the shell."""

import getpass
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingestion import collections, source_overview, sources
from ingestion.models import Source, SourceRun
from ingestion.source_overview import SourceRow
from ingestion.syncing import kinds, shifts
from tenants.management.shell import scope_of
from tenants.scope import Principal, tenant_scope

POLL_SECONDS = 0.5
EVERY = {"hourly": 60, "daily": 24 * 60, "weekly": 7 * 24 * 60, "never": None}


class Command(BaseCommand):
    """Add, list, look at, pause, resume and remove sources."""

    help = "Sources: web pages, sitemaps, sites, feeds, buckets, git repositories and folders that are looked at again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="add a source and look at it")
        add.add_argument("kind", choices=kinds.NAMES)
        add.add_argument("name")
        add.add_argument(
            "values",
            nargs="*",
            metavar="NAME=VALUE",
            help="the kind's settings; lists with commas",
        )
        add.add_argument("--collection", required=True, help="slug; made if need be")
        add.add_argument(
            "--every", default="never", help="hourly, daily, weekly, never, or minutes"
        )
        add.add_argument(
            "--keep-missing", action="store_true", help="keep what the source has no more"
        )
        add.add_argument(
            "--fresh",
            type=int,
            default=0,
            metavar="MINUTES",
            help="what was fetched more recently is not asked for again",
        )
        add.add_argument(
            "--most-deleted",
            type=int,
            default=20,
            metavar="PERCENT",
            help="when more of its documents are missing at once, they wait for --confirm-deletions",
        )
        add.add_argument(
            "--secret", action="append", default=[], metavar="NAME", help="ask for this credential"
        )
        add.add_argument("--wait", action="store_true", help="stay until the first look has ended")
        listing = verbs.add_parser("list", help="list sources with their coverage")
        listing.add_argument(
            "--problems", action="store_true", help="also what failed in the last look"
        )
        sync = verbs.add_parser("sync", help="look at a source now")
        sync.add_argument("--wait", action="store_true", help="stay until the look has ended")
        sync.add_argument(
            "--confirm-deletions", action="store_true", help="delete what was held back"
        )
        remove = verbs.add_parser("remove", help="look at it no more; its documents stay")
        remove.add_argument(
            "--with-documents", action="store_true", help="delete its documents too"
        )
        for one in (sync, remove, verbs.add_parser("pause"), verbs.add_parser("resume")):
            one.add_argument("name")
        for one in verbs.choices.values():
            one.add_argument("--tenant", required=True, help="the tenant's slug")

    def handle(self, *_: Any, **options: Any) -> None:
        asked = Namespace(**options)
        verbs: dict[str, Callable[[Namespace], None]] = {
            "add": self._add,
            "list": self._list,
            "sync": self._sync,
            "pause": self._pause,
            "resume": self._resume,
            "remove": self._remove,
        }
        verbs[asked.verb](asked)

    def _add(self, asked: Namespace) -> None:
        secrets = {name: getpass.getpass(f"{name}: ") for name in asked.secret}
        with scope_of(asked.tenant) as principal:
            source = _added(asked, secrets)
        self.stdout.write(
            f"{source.name}: added to {asked.collection}; its first look has been asked for."
        )
        if asked.wait:
            self._wait(source, principal)

    def _list(self, asked: Namespace) -> None:
        with scope_of(asked.tenant):
            found = source_overview.rows(list(source_overview.syncable().order_by("name")))
        for row in found:
            self._say(row)
            for problem in row.run.problems if asked.problems and row.run else []:
                self.stdout.write(
                    f"    {problem['key']}\n      {problem['reason']} {problem['remedy']}".rstrip()
                )
        if not found:
            self.stdout.write("No sources yet: bin/manage source add --help")

    def _sync(self, asked: Namespace) -> None:
        with scope_of(asked.tenant) as principal:
            source = _named(asked.name)
            try:
                sources.sync(source=source, may_delete_all=asked.confirm_deletions)
            except sources.NotSyncable as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{source.name}: a look has been asked for.")
        if asked.wait:
            self._wait(source, principal)

    def _pause(self, asked: Namespace) -> None:
        with scope_of(asked.tenant):
            sources.pause(source=_named(asked.name))
        self.stdout.write(f"{asked.name}: paused.")

    def _resume(self, asked: Namespace) -> None:
        with scope_of(asked.tenant):
            sources.resume(source=_named(asked.name))
        self.stdout.write(f"{asked.name}: goes on.")

    def _remove(self, asked: Namespace) -> None:
        with scope_of(asked.tenant):
            gone = sources.remove(source=_named(asked.name), with_documents=asked.with_documents)
        self.stdout.write(f"{asked.name}: removed; {gone:,} documents deleted.")

    def _wait(self, source: Source, principal: Principal) -> None:
        """Until the look has ended; what no worker takes is done here. Exit code 1 when it failed."""
        while True:
            shifts.work_off()
            with tenant_scope(principal):
                (row,) = source_overview.rows(
                    [Source.objects.select_related("collection").get(pk=source.pk)]
                )
            if not row.is_open:
                break
            time.sleep(POLL_SECONDS)
        self._say(row)
        if row.run is not None and row.run.state == SourceRun.RunState.FAILED:
            raise SystemExit(1)

    def _say(self, row: SourceRow) -> None:
        source, run = row.source, row.run
        self.stdout.write(
            f"{source.name} ({source.kind}, {source.collection.slug}): {row.state}; {row.coverage}"
        )
        if run is not None:
            said = [
                f"{getattr(run, name):,} {name}"
                for name in source_overview.COUNTERS
                if getattr(run, name)
            ]
            self.stdout.write(f"  last look: {', '.join(said) or 'nothing listed'}")
        if source.reason:
            self.stdout.write(f"  {source.reason} {source.remedy}".rstrip())


def _added(asked: Namespace, secrets: dict[str, str]) -> Source:
    """Raises ValidationError, with the setting that cannot be right."""
    return sources.add(
        collection=collections.ensure(asked.collection),
        kind=asked.kind,
        name=asked.name,
        config=_config(asked.kind, asked.values),
        secrets=secrets,
        every_minutes=_minutes(asked.every),
        fresh_minutes=asked.fresh,
        most_deleted_percent=asked.most_deleted,
        missing=Source.Missing.KEEP if asked.keep_missing else Source.Missing.DELETE,
    )


def _named(name: str) -> Source:
    found = source_overview.syncable().filter(name=name)
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(
            f"There are {len(found)} sources called {name!r}, in different collections. Rename one."
        )
    known = ", ".join(source_overview.syncable().values_list("name", flat=True)[:20])
    raise CommandError(f"There is no source {name!r}. Sources: {known or 'none yet'}.")


def _minutes(text: str) -> int | None:
    if text in EVERY:
        return EVERY[text]
    if not text.isdecimal():
        raise CommandError(
            f"--every {text!r}: expected {', '.join(EVERY)}, or a number of minutes."
        )
    return int(text)


def _config(kind: str, given: list[str]) -> dict[str, Any]:
    """``urls=https://a,https://b`` and the like, as the kind's settings."""
    lists = {field.name for field in kinds.kind_of(kind).fields if field.kind == "lines"}
    config: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise CommandError(f"{one!r}: expected NAME=VALUE.")
        config[name] = value.split(",") if name in lists else value
    return config

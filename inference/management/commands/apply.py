"""``bin/manage apply FILE.yaml``: providers, models, routes, budgets, limits, prompts and guards from a file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.declarations import applying
from inference.declarations.kinds import Change
from inference.declarations.reading import BadDeclaration
from tenants.management.shell import scope_of
from tenants.scope import current_principal

SIGNS = {"added": "+", "changed": "~", "removed": "-"}


class Command(BaseCommand):
    """Declared configuration."""

    help = (
        "Make a tenant's providers, models, routes, budgets, limits, prompts and guards what a"
        " file says."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the YAML file; - reads standard input")
        parser.add_argument("--tenant", help="the tenant's slug; by default the one in the file")
        parser.add_argument(
            "--dry-run", action="store_true", help="show the difference, change nothing"
        )
        parser.add_argument(
            "--prune", action="store_true", help="remove what the file's sections do not name"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        text = _text(options["file"])
        try:
            tenant = options["tenant"] or applying.tenant_of(text)
            if not tenant:
                raise CommandError("Which tenant? Give --tenant, or `tenant:` in the file.")
            with scope_of(tenant):
                principal = current_principal()
            changes = applying.apply(
                text, principal, dry_run=options["dry_run"], prune=options["prune"]
            )
        except BadDeclaration as error:
            lines = "\n".join(f"  {one}" for one in error.problems)
            raise CommandError(f"{options['file']} was not applied:\n{lines}") from error
        self._report(changes, dry_run=options["dry_run"])

    def _report(self, changes: list[Change], *, dry_run: bool) -> None:
        for change in changes:
            self.stdout.write(f"{SIGNS[change.verb]} {change.kind} {change.name}")
            for name, (before, after) in change.fields.items():
                told = after if change.verb == "added" else f"{before} -> {after}"
                self.stdout.write(f"    {name}: {told}")
        if not changes:
            self.stdout.write("Nothing to change.")
        else:
            what = "would change; nothing was written" if dry_run else "changed"
            self.stdout.write(f"{len(changes)} {what}.")


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from error

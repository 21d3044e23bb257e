"""``bin/manage prompt list|export|import``: prompts as files."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.models import PromptLabel
from inference.prompts import files, versions
from inference.prompts.choosing import BUILT_IN
from inference.prompts.errors import UnknownPrompt
from inference.prompts.kinds import KINDS
from tenants.management.shell import scope_of


class Command(BaseCommand):
    """Prompts of a tenant."""

    help = "List a tenant's prompts, write a version to a file, or add a version from one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listed = verbs.add_parser("list", help="each version with its labels")
        export = verbs.add_parser("export", help="a version as a file")
        export.add_argument("name", choices=sorted(KINDS))
        export.add_argument("--number", help="a version's number, or built-in; default: production")
        export.add_argument("--out", type=Path, help="the file to write; default: the terminal")
        taken = verbs.add_parser("import", help="add a version from a file, or from - (stdin)")
        taken.add_argument("file")
        taken.add_argument(
            "--label", choices=PromptLabel.Name.values, help="and let it answer at once"
        )
        taken.add_argument("--percent", type=int, default=10, help="of the canary; default 10")
        for verb in (listed, export, taken):
            verb.add_argument("--tenant", required=True, help="the tenant's slug")

    def handle(self, *_: Any, **options: Any) -> None:
        with scope_of(options["tenant"]):
            try:
                {"list": self._list, "export": self._export, "import": self._import}[
                    options["verb"]
                ](options)
            except (UnknownPrompt, OSError, UnicodeDecodeError) as error:
                raise CommandError(str(error)) from error

    def _list(self, options: dict[str, Any]) -> None:
        labels = list(PromptLabel.objects.select_related("prompt", "version"))
        for name in KINDS:
            for row in versions.listed(name):
                worn = [
                    f"{one.name} {one.percent} %" if one.name == "canary" else one.name
                    for one in labels
                    if one.version_id == row.pk
                ]
                self.stdout.write(f"{name}\t{row.number}\t{', '.join(worn)}\t{row.note}")
            self.stdout.write(f"{name}\t{BUILT_IN}\t\t{files.built_in(name).note}")

    def _export(self, options: dict[str, Any]) -> None:
        name, number = options["name"], options["number"]
        if number is None:
            given = versions.current(name)
        elif number == BUILT_IN:
            given = files.built_in(name)
        elif number.isdecimal():
            given = versions.as_file(versions.numbered(name, int(number)))
        else:
            raise CommandError(f"--number is a version's number or {BUILT_IN}, not {number!r}.")
        if options["out"] is None:
            self.stdout.write(files.write(given), ending="")
        else:
            options["out"].write_text(files.write(given), encoding="utf-8")

    def _import(self, options: dict[str, Any]) -> None:
        source = options["file"]
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        row, new = versions.add(files.read(text))
        told = "is saved" if new else "says that already"
        self.stdout.write(f"Version {row.number} of {row.prompt.name} {told}.")
        if label := options["label"]:
            versions.label(
                prompt=row.prompt.name, name=label, version=row, percent=options["percent"]
            )
            self.stdout.write(f"It has the label {label}.")

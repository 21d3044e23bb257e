"""``bin/manage member add|list``: people and their roles in a tenant."""

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.management.base import BaseCommand
from django.core.validators import validate_email

from tenants import people
from tenants.management.shell import plain_errors, scope_of
from tenants.models import Membership, Role, User


class Command(BaseCommand):
    """Give a person a place in a tenant."""

    help = "Add a member to a tenant, or list its members."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser(
            "add", help="the account is made if need be; an existing one keeps its password"
        )
        add.add_argument("--tenant", required=True, help="the tenant's slug")
        add.add_argument("--email", required=True)
        add.add_argument("--role", default=Role.MEMBER, choices=Role.values)
        add.add_argument("--name", default="")
        add.add_argument(
            "--generate",
            action="store_true",
            help="a random password, printed once, instead of asking for one",
        )
        listed = verbs.add_parser("list", help="e-mail address and role of each member")
        listed.add_argument("--tenant", required=True, help="the tenant's slug")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["verb"] == "list":
            self._list(options["tenant"])
        else:
            self._add(options)

    def _list(self, slug: str) -> None:
        with scope_of(slug):
            for place in Membership.objects.select_related("user").order_by("user__email"):
                suspended = "" if place.is_active and place.user.is_active else "\tsuspended"
                self.stdout.write(f"{place.user.email}\t{place.role}{suspended}")

    def _add(self, options: dict[str, Any]) -> None:
        email = options["email"].strip()
        with plain_errors():
            validate_email(email)
        with scope_of(options["tenant"]):
            known = User.objects.filter(email__iexact=email).exists()
        password = None if known else _password(generate=options["generate"])
        with scope_of(options["tenant"]):
            place = people.add_member(
                email=email, role=options["role"], password=password, name=options["name"]
            )
        self.stdout.write(
            f"{place.user.email} is {place.get_role_display().lower()} of {options['tenant']}."
        )
        if known:
            self.stdout.write("The account existed before and keeps its password.")
        elif options["generate"] or not sys.stdin.isatty():
            self.stdout.write(f"Password (shown once): {password}")


def _password(*, generate: bool) -> str:
    """Asked for twice on a terminal, made at random otherwise. Raises CommandError for a weak one."""
    if generate or not sys.stdin.isatty():
        return secrets.token_urlsafe(15)
    while True:
        first = getpass.getpass("Password: ")
        with plain_errors():
            validate_password(first)
        if first == getpass.getpass("Password (again): "):
            return first
        print("They differ; once more.", file=sys.stderr)

"""``bin/manage apikey create|list|revoke``: keys for machines."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants import people
from tenants.management.shell import scope_of
from tenants.models import ApiKey, Role


class Command(BaseCommand):
    """A tenant's API keys."""

    help = "Make an API key (printed once, alone on the last line), list keys, or revoke one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="prints the key once, alone on the last line")
        create.add_argument("--tenant", required=True, help="the tenant's slug")
        create.add_argument("--name", required=True, help="what the key is for")
        create.add_argument("--role", default=Role.MEMBER, choices=Role.values)
        create.add_argument(
            "--scopes",
            help=f"separated by commas, of: {', '.join(people.SCOPES)}; by default all of them",
        )
        create.add_argument("--expires", type=int, metavar="DAYS", help="by default never")
        listed = verbs.add_parser(
            "list", help="the first characters, name, role and state of each key"
        )
        listed.add_argument("--tenant", required=True, help="the tenant's slug")
        revoke = verbs.add_parser("revoke", help="the key stops working with its next request")
        revoke.add_argument("--tenant", required=True, help="the tenant's slug")
        revoke.add_argument("key", help="its name, or its first characters as listed")

    def handle(self, *_: Any, **options: Any) -> None:
        with scope_of(options["tenant"]):
            getattr(self, f"_{options['verb']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        fresh = people.create_key(
            name=_name(options["name"]),
            role=options["role"],
            scopes=_scopes(options["scopes"]),
            expires_at=_expiry(options["expires"]),
        )
        self.stdout.write(f"{fresh.row.name}: {fresh.row.role}, {', '.join(fresh.row.scopes)}")
        self.stdout.write(fresh.secret)

    def _list(self, _: dict[str, Any]) -> None:
        for key in ApiKey.objects.order_by("created_at"):
            self.stdout.write(
                "\t".join([key.prefix, key.name, key.role, ",".join(key.scopes), _state(key)])
            )

    def _revoke(self, options: dict[str, Any]) -> None:
        wanted = options["key"]
        alive = ApiKey.objects.filter(revoked_at=None)
        found = list(alive.filter(name=wanted)) or list(alive.filter(prefix=wanted[:8]))
        if len(found) != 1:
            raise CommandError(
                f"{len(found)} keys in use are called {wanted!r}; `apikey list` shows all."
            )
        people.revoke_key(key=found[0])
        self.stdout.write(f"{found[0].name} is revoked.")


def _name(given: str) -> str:
    if not given.strip() or len(given) > 100:
        raise CommandError("--name must have 1 to 100 characters.")
    return given.strip()


def _scopes(given: str | None) -> list[str]:
    if given is None:
        return list(people.SCOPES)
    return [scope.strip() for scope in given.split(",") if scope.strip()]


def _expiry(days: int | None) -> Any:
    if days is None:
        return None
    if not 0 < days <= 36_500:
        raise CommandError(f"--expires must be a number of days of at least 1, not {days}.")
    return timezone.now() + timedelta(days=days)


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at and key.expires_at <= timezone.now():
        return "expired"
    return f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "in use"

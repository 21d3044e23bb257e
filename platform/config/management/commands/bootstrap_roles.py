"""``manage.py bootstrap_roles``: the database roles, grants, extension and queue, on a Postgres of one's own."""

import os
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from psycopg.conninfo import conninfo_to_dict

from config.launch import roles
from config.launch.errors import LaunchError


class Command(BaseCommand):
    """Run it once, as the server's superuser, before the first migration; it can be repeated at any time."""

    help = (
        "Makes the database and the roles named in DATABASE_URL, MIGRATION_DATABASE_URL, OPERATOR_DATABASE_URL,"
        " BACKUP_DATABASE_URL and QUEUE_DATABASE_URL, with the passwords in them."
    )
    # There may be no database yet to check anything against.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--superuser-url",
            default=os.environ.get("SUPERUSER_DATABASE_URL"),
            help="a postgresql:// URL of a role that may make roles (SUPERUSER_DATABASE_URL)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["superuser_url"]:
            raise CommandError("Give --superuser-url, or set SUPERUSER_DATABASE_URL.")
        try:
            database = str(conninfo_to_dict(os.environ["DATABASE_URL"])["dbname"])
            roles.bootstrap(options["superuser_url"], database, roles.Passwords.from_environment())
        except (LaunchError, psycopg.Error) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Roles, grants and the queue of {database} are as they should be.")

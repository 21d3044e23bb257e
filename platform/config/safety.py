"""What a process that serves tenants checks about its database before it serves anybody.

Row-level security does not hold for a superuser, for a role with BYPASSRLS, and (unless forced) for an owner; an
embedded database has no place in production. ``refuse_unsafe_database`` is called by the web process, the worker and
the scheduler when they start.
"""

import logging

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

_log = logging.getLogger(__name__)

_ABOVE_THE_POLICIES = """
    SELECT rolname FROM pg_roles
     WHERE rolname = current_user
       AND (rolsuper OR rolbypassrls
            OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relnamespace = 'public'::regnamespace))"""


def refuse_unsafe_database() -> None:
    """Raises ImproperlyConfigured when DATABASE_URL's role is above row-level security, or production is embedded.

    A database that is away is let pass: the process then waits for it, and /readyz asks again.
    """
    database = settings.DATABASES["default"]
    if settings.PRODUCTION and database["HOST"].startswith(str(settings.HOME)):
        raise ImproperlyConfigured(
            "FOOTNOTE_ENV is production, and DATABASE_URL names the embedded database."
        )
    try:
        # Past Django, which refuses to connect where an event loop runs, as it may when a server loads us.
        with psycopg.connect(env.text("DATABASE_URL"), connect_timeout=5) as own:
            found = own.execute(_ABOVE_THE_POLICIES).fetchone()
    except psycopg.OperationalError as error:
        _log.warning("The role of DATABASE_URL could not be checked: %s", error)
        return
    if found:
        raise ImproperlyConfigured(
            f"DATABASE_URL signs in as {found[0]}, for whom row-level security does not hold:"
            " it must be a role that is neither superuser nor owner, such as footnote_app."
        )

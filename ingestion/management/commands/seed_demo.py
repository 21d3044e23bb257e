"""``bin/manage seed_demo``: the demo tenant with Footnote's own handbook, so that the first question can be asked.

Repeatable: what ``demo.json`` says stays valid. The workers do the reading; this only queues it.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingestion import collections, offers
from ingestion.deliveries import Delivery, deliver
from tenants import access, people
from tenants.models import Membership, Role, Tenant
from tenants.scope import platform_principal, tenant_scope

SLUG, NAME, EMAIL = "demo", "Demo", "demo@footnote.local"
COLLECTION = "handbook"
FOLDER = Path("docs") / "handbook"


class Command(BaseCommand):
    """Make the demo tenant, its owner, an API key and its handbook; keep what is there."""

    help = "Make the demo tenant (slug demo) with Footnote's handbook; how to sign in is written to demo.json."

    def handle(self, *_: Any, **__: Any) -> None:
        tenant = people.found_tenant(slug=SLUG, name=NAME)
        file = Path(settings.HOME) / "demo.json"
        before = _read(file)
        with tenant_scope(platform_principal(tenant.pk)):
            password = _owner(before.get("password"))
            key = _key(tenant, before.get("api_key"))
            collections.ensure(COLLECTION)
        url = settings.PUBLIC_URL or before.get("url", "")
        known = {"url": url, "email": EMAIL, "password": password}
        _write(file, {**known, "tenant": SLUG, "api_key": key})
        self._handbook(tenant)

    def _handbook(self, tenant: Tenant) -> None:
        principal = platform_principal(tenant.pk)
        with tenant_scope(principal):
            collection = collections.ensure(COLLECTION)
        delivery = Delivery()
        deliver(offers.gather(Path(settings.ROOT) / FOLDER), collection, principal, delivery)
        for problem in delivery.problems:
            self.stderr.write(f"{problem.where}: {problem.message}")
        self.stdout.write(
            f"demo tenant: {delivery.offered} documents of the handbook, {delivery.outcomes}"
        )


def _owner(password: str | None) -> str:
    """The owner's password: the known one if it still works, else a fresh one."""
    place = Membership.objects.filter(user__email=EMAIL).select_related("user").first()
    if place is not None and password and place.user.check_password(password):
        return password
    fresh = secrets.token_urlsafe(12)
    user = people.add_member(email=EMAIL, role=Role.OWNER, name="Demo Owner", password=fresh).user
    user.set_password(fresh)
    user.save(update_fields=["password"])
    return fresh


def _key(tenant: Tenant, key: str | None) -> str:
    """The known API key if it still works, else a fresh one."""
    principal = access.principal_of_key(key) if key else None
    if key and principal is not None and principal.tenant_id == tenant.pk:
        return key
    return people.create_key(name="demo", role=Role.ADMIN).secret


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(file: Path, known: dict[str, Any]) -> None:
    """For its owner alone, and never half."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(known, out, indent=2)
        out.write("\n")
    part.chmod(0o600)
    part.replace(file)

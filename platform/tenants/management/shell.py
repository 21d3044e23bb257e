"""What the commands of this package share: the tenant that a slug names, and errors as one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tenants.people import UnknownTenant, tenant_by_slug
from tenants.scope import Principal, platform_principal, tenant_scope


@contextmanager
def scope_of(slug: str) -> Iterator[Principal]:
    """The platform's scope in the tenant of this slug. Raises CommandError with the tenants that exist."""
    try:
        tenant = tenant_by_slug(slug)
    except UnknownTenant as error:
        raise CommandError(str(error)) from error
    with plain_errors(), tenant_scope(platform_principal(tenant.pk)) as principal:
        yield principal


@contextmanager
def plain_errors() -> Iterator[None]:
    """A ValidationError as the sentence that it is, without a traceback."""
    try:
        yield
    except ValidationError as error:
        fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        said = [f"{name}: {' '.join(messages)}".lstrip(": ") for name, messages in fields.items()]
        raise CommandError(" ".join(said)) from error

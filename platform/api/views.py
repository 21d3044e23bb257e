"""What every API view is: a key with the right scope, and for most one transaction in the key's tenant."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.http import HttpResponseBase
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from api import limits
from api.errors import Absent
from api.idempotency import once
from api.parsers import BoundedJSONParser
from api.throttles import KeyThrottle
from inference.admission import Rate
from tenants.identifiers import uuid_or_none
from tenants.scope import Principal, tenant_scope

METHODS = ("get", "post", "put", "patch", "delete")
Handler = Callable[..., HttpResponseBase]


class OnlyJSON(BaseContentNegotiation):
    """Answers are JSON whatever a client accepts: one that wants a stream says so in the body."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """By content type; None ends as 415."""
        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """The only one."""
        only = next(iter(renderers))
        return only, only.media_type or ""


class KeyView(APIView):
    """Needs a key. ``scopes`` says per method which scope; opens no tenant scope."""

    http_method_names = [*METHODS]
    parser_classes = [BoundedJSONParser]
    content_negotiation_class = OnlyJSON
    throttle_classes = [KeyThrottle]
    scopes: ClassVar[Mapping[str, str]] = {}
    rate: Rate | None = None
    """Where the key's own rate stands; set by the throttle."""

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Every answer, also a refusal, says where the rate limit stands, unless a tighter one has said so."""
        final = super().finalize_response(request, response, *args, **kwargs)
        for name, value in limits.headers([self.rate]) if self.rate else ():
            final.headers.setdefault(name, value)
        return final

    def checked(self, serializer: type[Serializer[Any]], data: Any = None) -> dict[str, Any]:
        """The request's data (or ``data``) as the serializer reads it. Raises ValidationError."""
        given = serializer(data=self.request.data if data is None else data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


class ScopedView(KeyView):
    """Runs each handler in one transaction of the key's tenant, rolled back when it refuses.

    A POST with an ``Idempotency-Key`` has its effect once.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in METHODS:
            if name in cls.__dict__:
                setattr(cls, name, _scoped(cls.__dict__[name]))


def _scoped(handler: Handler) -> Handler:
    @wraps(handler)
    def inside(view: KeyView, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        principal = principal_of(request)
        with tenant_scope(principal):
            response = once(request, principal, lambda: handler(view, request, *args, **kwargs))
            if response.status_code >= 400:
                transaction.set_rollback(True)
            return response

    return inside


def principal_of(request: Request) -> Principal:
    """The key's principal; views are only reached with one."""
    principal = request.auth
    assert isinstance(principal, Principal)
    return principal


def uuid_or_absent(text: str, what: str) -> UUID:
    """An id from a path; what is no id at all is as absent as one that does not exist."""
    if (found := uuid_or_none(text)) is None:
        raise Absent(what)
    return found

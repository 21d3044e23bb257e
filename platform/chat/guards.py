"""How chat's views are guarded: only members, only their own, and whatever is not theirs is a 404 like any other.

``in_scope`` runs a view in its member's scope, in one transaction; ``as_member`` gives it the principal and leaves the
scope to it, for views that wait for something (a stream, a page being drawn) and must not hold a connection meanwhile.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase

from chat.conversations import Missing
from tenants.scope import Principal
from tenants.web import member_view, refuse_stranger

View = Callable[..., HttpResponseBase]


def in_scope(view: View) -> View:
    """Only for members; in their scope; what is missing is a 404."""
    return member_view(_missing_as_404(view))


def as_member(view: View) -> View:
    """Only for members; without a scope; what is missing is a 404."""
    guarded_view = _missing_as_404(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return refuse_stranger(request) or guarded_view(request, *args, **kwargs)

    guarded.member_only = True  # type: ignore[attr-defined]
    return guarded


def _missing_as_404(view: View) -> View:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Missing as missing:
            raise Http404 from missing

    return answered


def asker(request: HttpRequest) -> Principal:
    """Who asks: the member in their current tenant, with their own reading rights."""
    principal: Principal = request.place.principal  # type: ignore[attr-defined]
    return principal

"""The tenant of a web request: which of the signed-in person's places they are in, checked on every request.

``request.place`` is an ``access.Place`` or None. ``member_view`` guards a view and runs it inside the tenant's scope;
``switch`` changes the place. Views get a principal that reads as its groups allow.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject

from tenants import access
from tenants.scope import tenant_scope

SESSION_KEY = "tenant_id"
# Encoded once more it is three times as long at most, and Django redirects to no address above 16,384 characters.
LONGEST_RETURN = 5000


class TenantMiddleware:
    """Sets ``request.places`` (lazily, one query) and ``request.place``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.places = SimpleLazyObject(lambda: places_of(request))  # type: ignore[attr-defined]
        request.place = SimpleLazyObject(lambda: current_place(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def places_of(request: HttpRequest) -> list[access.Place]:
    """The places of the signed-in person; none for a visitor."""
    return access.places(request.user.pk) if request.user.is_authenticated else []


def current_place(request: HttpRequest) -> access.Place | None:
    """The chosen place if the person still belongs there, else their first one."""
    found: list[access.Place] = list(request.places)  # type: ignore[attr-defined]
    chosen = request.session.get(SESSION_KEY)
    return next(
        (place for place in found if str(place.tenant_id) == chosen),
        found[0] if found else None,
    )


def switch(request: HttpRequest, tenant_id: UUID) -> bool:
    """Make another of the person's tenants the current one; False when they do not belong to it."""
    allowed = any(place.tenant_id == tenant_id for place in request.places)  # type: ignore[attr-defined]
    if allowed:
        request.session[SESSION_KEY] = str(tenant_id)
    return allowed


def tenant_context(request: HttpRequest) -> dict[str, Any]:
    """For templates: the current place and the others, read only when a template asks."""
    return {
        "place": getattr(request, "place", None),
        "places": getattr(request, "places", []),
    }


View = Callable[..., HttpResponseBase]


def member_view(view: View) -> View:
    """Only for members; the view runs in one transaction, in their tenant's scope, as themselves."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        refusal = refuse_stranger(request)
        if refusal is not None:
            return refusal
        with tenant_scope(request.place.principal):  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

    guarded.member_only = True  # type: ignore[attr-defined]
    return guarded


def refuse_stranger(request: HttpRequest) -> HttpResponse | None:
    """A redirect to sign in, or a page for an account that belongs to no tenant; None for a member.

    Whoever signs in comes back to the address; to its page alone, where it is too long for a redirect.
    """
    if not request.user.is_authenticated:
        whole = request.get_full_path()
        return redirect_to_login(whole if len(whole) <= LONGEST_RETURN else request.path)
    if not request.place:  # type: ignore[attr-defined]
        return render(request, "tenants/no_place.html", status=403)
    return None

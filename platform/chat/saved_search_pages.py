"""Searches kept under a name: saved, renamed, deleted, brought back, and what they found since."""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import MAX_URL_REDIRECT_LENGTH
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from chat.guards import as_member, asker, in_scope
from chat.search_pages import Asked
from retrieval import saved_searches
from retrieval.errors import SearchRefused
from retrieval.models import SavedSearch


@require_POST
@in_scope
def save(request: HttpRequest) -> HttpResponse:
    """Keep the search under a name, and go back to it; to the list of them where no redirect can hold its address."""
    given = request.POST
    asked = Asked.of(given)
    try:
        row = saved_searches.save(
            user=request.user,  # type: ignore[arg-type]
            name=given.get("name", ""),
            query=asked.q,
            terms=asked.chosen,
            as_of=asked.date(),
            rerank=bool(asked.rerank),
        )
        messages.success(request, _("Saved as “%(name)s”.") % {"name": row.name})
    except SearchRefused as error:
        messages.error(request, error.message)
    address = asked.address()
    return redirect(address if len(address) <= MAX_URL_REDIRECT_LENGTH else "search")


@require_POST
@in_scope
def rename(request: HttpRequest, saved_id: UUID) -> HttpResponse:
    """Give a saved search another name."""
    change = partial(saved_searches.rename, name=request.POST.get("name", ""))
    return _changed(request, saved_id, change, _("It is now called “%(name)s”."))


@require_POST
@in_scope
def delete(request: HttpRequest, saved_id: UUID) -> HttpResponse:
    """Forget a saved search."""
    if not saved_searches.delete(saved_id, user=request.user):  # type: ignore[arg-type]
        raise Http404
    return redirect(f"{reverse('search')}?{urlencode({'deleted': saved_id})}")


@require_POST
@in_scope
def restore(request: HttpRequest, saved_id: UUID) -> HttpResponse:
    """Bring a saved search back."""
    return _changed(request, saved_id, saved_searches.restore, _("“%(name)s” is back."))


def _changed(
    request: HttpRequest, saved_id: UUID, change: Callable[..., SavedSearch | None], said: str
) -> HttpResponse:
    """The page with what was done, or why not; 404 where there is none of theirs."""
    try:
        row = change(saved_id, user=request.user)
    except SearchRefused as error:
        messages.error(request, error.message)
        return redirect("search")
    if row is None:
        raise Http404
    messages.success(request, said % {"name": row.name})
    return redirect("search")


@require_GET
@as_member
def news(request: HttpRequest) -> HttpResponse:
    """Which saved searches found something new since they were looked at; each count finds its own place."""
    found = saved_searches.news(user=request.user, principal=asker(request))  # type: ignore[arg-type]
    return render(request, "chat/_search_news.html", {"news": found})

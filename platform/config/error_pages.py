"""Error pages and their machine-readable twins: what happened and what to do, never how the inside looks.

The handlers named in ``config.urls`` and ``RequestBoundary`` call these. They use neither the database nor the
session, which may be what is broken. Programs (paths of the APIs) get the documented JSON shape.
"""

import logging
import sys

import psycopg
import psycopg_pool
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from api.errors import Problem

log = logging.getLogger("footnote.request")

RETRY_SECONDS = 5
UNAVAILABLE = (OperationalError, InterfaceError, psycopg_pool.PoolTimeout, psycopg.OperationalError)
# Statement time-outs and deadlocks are OperationalErrors of a database that is there: not a reason to say 503.
OWN_FAULT = (psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected)


def nul_refused(request: HttpRequest, where: str) -> HttpResponse:
    """400: no text in Footnote can hold a NUL character."""
    message = _("The %(where)s of this request holds a NUL character. Remove it and try again.")
    return page(request, 400, _("That cannot be read"), message % {"where": where})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: malformed in a way that Django noticed."""
    return page(
        request,
        400,
        _("That request is malformed"),
        _("Go back, reload the page and try again."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return page(
        request,
        403,
        _("You may not do that"),
        _("If you think that you should, ask an administrator of your organisation."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the page is older than the session, or cookies are off."""
    return page(
        request,
        403,
        _("This page has grown old"),
        _("Nothing was changed. Go back, reload the page and try again; cookies must be allowed."),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: the same for what is absent and for what belongs to somebody else."""
    return page(
        request,
        404,
        _("There is nothing here"),
        _("It may have been deleted, or the address may be wrong."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or the page of an expected error that was raised further out than a view."""
    known = expected(request, sys.exc_info()[1])
    if known is not None:
        return known
    return page(
        request,
        500,
        _("Something went wrong on our side"),
        _("It has been logged. Try again; if it happens again, report the number below."),
    )


def expected(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """The answer to an error that is not a bug: the database is away, or text that it cannot hold."""
    if is_unavailable(error):
        log.warning("database unavailable: %s (request %s)", error, _id(request))
        return unavailable(request)
    if isinstance(error, DataError) and "NUL" in str(error):
        return nul_refused(request, "form")
    return None


def is_unavailable(error: BaseException | None) -> bool:
    """Is the database away, rather than at odds with one statement?"""
    return isinstance(error, UNAVAILABLE) and not isinstance(error.__cause__, OWN_FAULT)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503 with the time to come back."""
    response = page(
        request,
        503,
        _("Footnote is starting or busy"),
        _(
            "The database cannot be reached at the moment. Try again in a few seconds; nothing was lost."
        ),
    )
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def page(request: HttpRequest, status: int, title: str, message: str) -> HttpResponse:
    """One error page: what happened and the next step."""
    if request.path.startswith(("/api/", "/v1/", "/mcp")):
        return _as_json(request, status)
    context = {"status": status, "title": title, "message": message, "request_id": ""}
    if status >= 500:
        context["request_id"] = _id(request)
    return HttpResponse(render_to_string("errors/page.html", context), status=status)


# What a program is told, in the codes of docs/api.md.
MACHINE = {
    400: ("malformed", "The request cannot be read."),
    403: ("forbidden", "You may not do that."),
    404: ("not_found", "There is nothing at this address."),
    503: (
        "unavailable",
        "The service cannot reach its database right now. Please try again in a moment.",
    ),
}
FAULT = ("internal", "Something went wrong on our side. It has been logged.")


def _as_json(request: HttpRequest, status: int) -> JsonResponse:
    # The request's id is in the X-Request-ID header: a body with it would tell a foreign id from an absent one.
    problem = Problem(status, *MACHINE.get(status, FAULT))
    return JsonResponse(problem.body(request.path), status=status)


def _id(request: HttpRequest) -> str:
    return getattr(request, "id", "")

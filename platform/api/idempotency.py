"""``Idempotency-Key``: a POST that is sent twice has its effect once, and gets the same answer twice.

``once(request, run)`` is called inside the transaction in which ``run`` has its effect, so that the effect and the
memory of it are committed together or not at all. A repetition that comes while the first is at work gets a 409; one
with other contents a 422; refusals are not remembered. Keys are forgotten after a day.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.db.models.functions import Now
from django.http import HttpResponse, HttpResponseBase, QueryDict
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Conflict, Refused
from api.models import IdempotentRequest
from tenants.scope import Principal

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST_KEY = 255
KEPT = timedelta(hours=24)
_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"


def once(
    request: Request, principal: Principal, run: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """``run()``, or what it answered the first time. Raises Refused or Conflict. Cost: two queries and an insert."""
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return run()
    _check(key)
    _lock(principal, request.path, key)
    digest = content_hash(request)
    known = IdempotentRequest.objects.filter(
        api_key_id=_asker(principal), route=request.path, key=key, created_at__gt=Now() - KEPT
    ).first()
    if known is not None:
        return _replayed(known, digest)
    response = run()
    if isinstance(response, Response) and response.status_code < 300:
        _remember(principal, request.path, key, digest, response)
    return response


def _asker(principal: Principal) -> UUID:
    assert principal.api_key_id is not None, "the API is asked with keys alone"
    return principal.api_key_id


def _check(key: str) -> None:
    if not key or len(key) > LONGEST_KEY or not key.isascii():
        raise Refused(f"{HEADER} must have 1 to {LONGEST_KEY} ASCII characters.", field=HEADER)


def _lock(principal: Principal, route: str, key: str) -> None:
    """Held until the transaction ends, however it ends."""
    name = f"{principal.tenant_id} {principal.api_key_id} {route} {key}".encode()
    number = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [number])
        if cursor.fetchone() != (True,):
            raise Conflict(
                "A request with this key is being worked on.",
                code="idempotency_in_progress",
                field=HEADER,
            )


def _replayed(known: IdempotentRequest, digest: bytes) -> HttpResponse:
    if bytes(known.request_hash) != digest:
        raise Refused(
            "This key was used for a request with other contents.",
            code="idempotency_mismatch",
            field=HEADER,
            status=422,
        )
    headers = {REPLAYED: "true"}
    return HttpResponse(
        bytes(known.body), status=known.status, content_type="application/json", headers=headers
    )


def _remember(
    principal: Principal, route: str, key: str, digest: bytes, response: Response
) -> None:
    IdempotentRequest.objects.filter(created_at__lte=Now() - KEPT).delete()
    IdempotentRequest.objects.create(
        tenant_id=principal.tenant_id,
        api_key_id=_asker(principal),
        route=route,
        key=key,
        request_hash=digest,
        status=response.status_code,
        body=JSONRenderer().render(response.data),
    )


def content_hash(request: Request) -> bytes:
    """What the request says, whatever the order of its fields and the boundaries of its parts."""
    sent = request.data
    if isinstance(sent, QueryDict):
        sent = {name: [_content(value) for value in sent.getlist(name)] for name in sent}
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).digest()


def _content(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return [value.name, digest.hexdigest()]

"""``Authorization: Bearer fn_...``: from a key to its principal, with one query, on every request.

A missing, unknown, revoked or expired key, and one whose maker was suspended, all get the same 401.
"""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants import access
from tenants.scope import Principal

REALM = 'Bearer realm="footnote"'
# Longer than any key that was ever made; spares the database what is surely none.
LONGEST_KEY = 200


class ApiKeyAuthentication(BaseAuthentication):
    """``request.user`` and ``request.auth`` are the key's ``Principal``."""

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        """None without the header; raises AuthenticationFailed for a key that does not work."""
        header = get_authorization_header(request).decode("latin-1")
        if not header:
            return None
        scheme, _, key = header.partition(" ")
        principal = None
        if scheme.lower() == "bearer" and len(key) <= LONGEST_KEY:
            principal = access.principal_of_key(key.strip())
        if principal is None:
            raise AuthenticationFailed
        return principal, principal

    def authenticate_header(self, request: Request) -> str:
        """Makes a refusal a 401 rather than a 403."""
        return REALM

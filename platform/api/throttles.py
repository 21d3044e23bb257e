"""How often one key may call. Counted in this process: with several web processes the limit is per process."""

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from tenants.scope import Principal


class KeyThrottle(SimpleRateThrottle):
    """``FOOTNOTE_API_RATE`` calls (such as ``600/minute``) per key."""

    scope = "key"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """None: not counted."""
        principal = request.auth
        return f"throttle:{principal.api_key_id}" if isinstance(principal, Principal) else None

"""What a key may do: every view names the scope of each of its methods, and one that names none is closed."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from api.errors import Refused
from tenants.access import STEWARDS
from tenants.models import Role
from tenants.scope import Principal

if TYPE_CHECKING:
    # REST framework imports this module, named in its settings, while it imports its views.
    from rest_framework.views import APIView

WRITE_SCOPES = frozenset({"documents:write"})
# What changes everybody's answers is for those who administer the tenant.
STEWARD_SCOPES = frozenset({"prompts"})


class HasScope(BasePermission):
    """The key holds the scope in ``view.scopes[method]``; a viewer's key writes nothing."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """False without a key (401). Raises ``Refused`` with status 403 that says what is missing."""
        principal = request.auth
        if not isinstance(principal, Principal):
            return False
        if request.method not in view.allowed_methods:
            return True  # The answer is 405, and says which methods there are.
        scope = getattr(view, "scopes", {}).get(request.method)
        if scope is None or scope not in principal.scopes:
            needed = f" It needs the scope {scope!r}." if scope else ""
            raise Refused(
                f"This key may not do that.{needed}", code="insufficient_scope", status=403
            )
        if principal.role == Role.VIEWER and scope in WRITE_SCOPES:
            raise Refused("A viewer's key cannot write.", code="insufficient_role", status=403)
        if scope in STEWARD_SCOPES:
            require_steward(principal, "Only a key with the role owner or admin may do that.")
        return True


def require_steward(principal: Principal, refusal: str) -> None:
    """Raises ``Refused`` with status 403 and this sentence for whoever does not administer the tenant."""
    if principal.role not in STEWARDS:
        raise Refused(refusal, code="insufficient_role", status=403)

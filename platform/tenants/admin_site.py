"""Django admin as the tenant's own administration: its owners and admins come in, and see their tenant alone.

Every admin view runs inside ``tenant_scope`` on the runtime role, so what is not the tenant's does not exist here.
"""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from tenants.scope import tenant_scope


class TenantAdminSite(UnfoldAdminSite):
    """Footnote's admin site."""

    def has_permission(self, request: HttpRequest) -> bool:
        place = getattr(request, "place", None)
        return bool(place) and place.is_steward

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                return guarded(request, *args, **kwargs)
            with tenant_scope(request.place.principal.as_steward()):  # type: ignore[attr-defined]
                response = guarded(request, *args, **kwargs)
                # A lazy template response would read its rows after the scope has closed.
                if hasattr(response, "render") and not response.is_rendered:
                    response.render()
                return response

        return scoped

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """One sign-in page for everything."""
        from django.contrib.auth.views import redirect_to_login

        if request.user.is_authenticated:
            from django.shortcuts import render

            return render(request, "tenants/no_admin.html", status=403)
        return redirect_to_login(
            request.GET.get("next") or reverse("admin:index"),
            login_url=reverse("sign-in"),
        )

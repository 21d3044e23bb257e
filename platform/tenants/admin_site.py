"""Django admin as the tenant's own administration: its owners and admins come in, and see their tenant alone.

Every admin view runs inside ``tenant_scope`` on the runtime role, so what is not the tenant's does not exist here.
"""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, reverse
from unfold.sites import UnfoldAdminSite

from tenants.access import Place
from tenants.scope import tenant_scope
from tenants.tables import TenantTable


class TenantAdminSite(UnfoldAdminSite):
    """Footnote's admin site."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only a tenant's own tables are administered here; what Django registers of its own is left out."""
        found = (
            model_or_iterable
            if isinstance(model_or_iterable, list | tuple)
            else [model_or_iterable]
        )
        for model in found:
            if issubclass(model, TenantTable):
                super().register(model, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Without Django's redirect to any object of any kind."""
        return [
            entry for entry in super().get_urls() if getattr(entry, "name", None) != "view_on_site"
        ]

    def has_permission(self, request: HttpRequest) -> bool:
        place: Place | None = getattr(request, "place", None)
        return bool(place and place.is_steward)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                turned_away: HttpResponseBase = guarded(request, *args, **kwargs)
                return turned_away
            with tenant_scope(request.place.principal.as_steward()):  # type: ignore[attr-defined]
                response: Any = guarded(request, *args, **kwargs)
                # A lazy template response would read its rows after the scope has closed.
                if hasattr(response, "render") and not response.is_rendered:
                    response.render()
                answer: HttpResponseBase = response
                return answer

        return scoped

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """One sign-in page for everything."""
        if request.user.is_authenticated:
            return render(request, "tenants/no_admin.html", status=403)
        return redirect_to_login(
            request.GET.get("next") or reverse("admin:index"),
            login_url=reverse("sign-in"),
        )

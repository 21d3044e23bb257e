"""The whole HTTP map on one screen."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config import health, metrics
from tenants import pages as tenant_pages

urlpatterns: list[URLPattern | URLResolver] = [
    # People: chat and documents at the root, the tenant's administration under /admin/.
    path("", include("chat.urls")),
    path("sign-in/", tenant_pages.sign_in, name="sign-in"),
    path("sign-out/", tenant_pages.sign_out, name="sign-out"),
    path("password/", tenant_pages.change_password, name="change-password"),
    path("switch/<uuid:tenant_id>/", tenant_pages.switch_tenant, name="switch-tenant"),
    path("admin/", admin.site.urls),
    # Machines: REST under /api/v1/, its description under /api/, OpenAI-compatible routes under /v1/.
    path("", include("api.urls")),
    # Operators: open, and silent about tenants.
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]

handler400 = "config.error_pages.bad_request"
handler403 = "config.error_pages.permission_denied"
handler404 = "config.error_pages.not_found"
handler500 = "config.error_pages.server_error"

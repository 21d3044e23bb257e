"""The admin runs on Footnote's own site, which lets a tenant's admins in and shows them their tenant alone."""

from importlib import import_module

from django.contrib.admin import apps


class FootnoteAdminConfig(apps.AdminConfig):
    default_site = "tenants.admin_site.TenantAdminSite"

    def ready(self) -> None:
        """Besides the admin: every process publishes tasks through our Celery application, not a default one."""
        super().ready()
        import_module("config.celery")

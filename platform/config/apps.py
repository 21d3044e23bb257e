"""What the project itself adds to Django: the admin's site, its own commands, and the Celery application."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin import apps


class FootnoteAdminConfig(apps.AdminConfig):
    """The admin on Footnote's own site, which lets a tenant's admins in and shows them their tenant alone."""

    default_site = "tenants.admin_site.TenantAdminSite"


class ProjectConfig(AppConfig):
    """The package ``config``, for its management commands."""

    name = "config"

    def ready(self) -> None:
        """Every process publishes tasks through our Celery application, not through a default one."""
        import_module("config.celery")
        import_module("config.budget_warnings")

"""The app's start: what the OpenAPI document needs is registered."""

from importlib import import_module

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """What machines speak."""

    name = "api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Extensions of drf-spectacular register themselves when they are imported."""
        import_module("api.schema")

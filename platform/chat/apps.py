from django.apps import AppConfig

from ingestion import citing


class ChatConfig(AppConfig):
    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Models can be imported from here on."""
        from chat.citing import Citations

        citing.register(Citations())

import psycopg
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from pgvector import HalfVector
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper, HalfVectorDumper


class IngestionConfig(AppConfig):
    name = "ingestion"
    verbose_name = _("Documents")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Vectors may be parameters: in their binary form where the server binds them, as text where Django does.

        Before the first connection, as Django's connections share what psycopg knew then.
        """
        psycopg.adapters.register_dumper(HalfVector, HalfVectorDumper)
        psycopg.adapters.register_dumper(HalfVector, HalfVectorBinaryDumper)

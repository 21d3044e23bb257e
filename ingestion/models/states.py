"""Where a document is on its way."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a document is on its way into search."""

    QUEUED = "queued", _("Queued")
    PARSING = "parsing", _("Parsing")
    CHUNKING = "chunking", _("Chunking")
    EMBEDDING = "embedding", _("Embedding")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


TERMINAL = (State.READY, State.FAILED)

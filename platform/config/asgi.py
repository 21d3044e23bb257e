"""The web process: ``uvicorn config.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

from api.departure import aware
from config import safety

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_asgi_application()

# These read the settings, and models that are ready only now.
from api.openai.passthrough import lean  # noqa: E402
from config import metrics  # noqa: E402

application = lean(aware(django_application), seen=metrics.REQUESTS.seen)
safety.refuse_unsafe_database()

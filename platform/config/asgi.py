"""The web process: ``uvicorn config.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

from api.departure import aware
from config import safety

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = aware(get_asgi_application())
safety.refuse_unsafe_database()

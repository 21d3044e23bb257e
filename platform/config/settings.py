"""All settings, read from the environment once; docs/settings.md documents each variable (a test holds it to that)."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from config import environment as env

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(env.text("FOOTNOTE_HOME", str(ROOT / ".footnote"))).resolve()
PRODUCTION = env.text("FOOTNOTE_ENV", "development") == "production"
TESTING = env.flag("FOOTNOTE_TESTING", default=False)

SECRET_KEY = env.text("SECRET_KEY", None if PRODUCTION else "development-only-" + "k" * 40)
# Provider keys are encrypted with the first of these; the others still decrypt (rotation).
ENCRYPTION_KEYS = env.words("FOOTNOTE_ENCRYPTION_KEYS")
if PRODUCTION and not ENCRYPTION_KEYS:
    raise ImproperlyConfigured("Set FOOTNOTE_ENCRYPTION_KEYS; it has no default in production.")
DEBUG = env.flag("FOOTNOTE_DEBUG", default=False)
ALLOWED_HOSTS = env.words("FOOTNOTE_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("FOOTNOTE_ORIGINS")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("FOOTNOTE_DEBUG cannot be on when FOOTNOTE_ENV is production.")

INSTALLED_APPS = [
    # Without its own admin site: ours is a tenant's.
    "unfold.apps.BasicAppConfig",
    "config.apps.FootnoteAdminConfig",
    "config.apps.ProjectConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "tenants",
    "traces",
    "inference",
    "ingestion",
    "retrieval",
    "orchestration",
    "chat",
    "api",
    "evals",
]

MIDDLEWARE = [
    "config.metrics.CountRequests",
    "config.middleware.RequestBoundary",
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.web.TenantMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.middleware.ContentSecurity",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.web.tenant_context",
            ],
        },
    },
]


def _database(name: str, *, pooled: bool = False) -> dict[str, Any]:
    """One role's way to the database. The runtime's is pooled: opening a connection costs more than a search."""
    found = env.database(name, "postgresql:///footnote" if not PRODUCTION else None)
    if pooled:
        found["OPTIONS"]["pool"] = {
            "min_size": 1,
            "max_size": env.integer("FOOTNOTE_POOL", 16),
            "timeout": 10,
        }
    # A plan that was made for the average tenant is wrong for most: plan each execution.
    found["OPTIONS"]["prepare_threshold"] = None
    return found


# One database, four roles: what each may do is in docs/adr/0002. `default` is the only one that serves requests.
DATABASES = {
    "default": _database("DATABASE_URL", pooled=True),
    "owner": _database("MIGRATION_DATABASE_URL"),
    # Kept for a while: a worker claims with it before each batch, and signing in costs more than claiming.
    "operator": {
        **_database("OPERATOR_DATABASE_URL"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# E-mail addresses are unique without regard to case, by a constraint that the check does not know.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["tenants.access.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "sign-in"
CSRF_FAILURE_VIEW = "config.error_pages.csrf_failure"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = TESTING

# An upload is streamed to a temporary file above 2 MB and refused above the limit by its name and size.
UPLOAD_LIMIT_BYTES = env.integer("FOOTNOTE_UPLOAD_LIMIT_MB", 100, least=1) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.errors.api_exception_handler",
    "DEFAULT_THROTTLE_RATES": {"key": env.text("FOOTNOTE_API_RATE", "600/minute")},
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Footnote API",
    "DESCRIPTION": "Search and ask your organisation's documents; every answer is traced to a page.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.with_errors",
    ],
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Where people reach this Footnote; bin/up sets it.
PUBLIC_URL = env.text("FOOTNOTE_URL", "")

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "")

OPENAI_API_KEY = env.text("OPENAI_API_KEY", "")
OPENAI_BASE_URL = env.text("OPENAI_BASE_URL", "https://api.openai.com/v1")
CHAT_MODEL = env.text("FOOTNOTE_CHAT_MODEL", "")
EMBEDDING_MODEL = env.text("FOOTNOTE_EMBEDDING_MODEL", "minilm")
# auto: measured at first start, the fastest whose vectors agree. Or onnx-int8, onnx-fp32, torch-bf16.
EMBEDDING_ENGINE = env.text("FOOTNOTE_EMBEDDING_ENGINE", "auto")
# A worker may load torch to try it (it wins on processors with AMX); the web process must not.
EMBEDDING_MAY_LOAD_TORCH = env.flag("FOOTNOTE_EMBEDDING_TORCH", default=False)
EMBEDDING_THREADS = env.integer("FOOTNOTE_EMBEDDING_THREADS", 0)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("FOOTNOTE_LOG_LEVEL", "INFO")},
    # The SDK's HTTP client logs every request's address at INFO: noise here, and the ledger has it.
    "loggers": {"httpx": {"level": "WARNING"}, "httpx2": {"level": "WARNING"}},
}


def _page(title: Any, icon: str, name: str) -> dict[str, Any]:
    """An entry of the admin's sidebar: the list of one model."""
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}_changelist")}


UNFOLD = {
    "SITE_TITLE": "Footnote",
    "SITE_HEADER": "Footnote",
    "SITE_SYMBOL": "format_quote",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("favicon.svg")}
    ],
    # The accent of the chat's stylesheet, from light to dark.
    "COLORS": {
        "primary": {
            "50": "#f0faf7",
            "100": "#d9f2ea",
            "200": "#b3e4d5",
            "300": "#7fd0bb",
            "400": "#48b59c",
            "500": "#1f9a80",
            "600": "#0b6b5a",
            "700": "#095a4c",
            "800": "#0a483e",
            "900": "#0a3b34",
            "950": "#04211d",
        }
    },
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": _("Documents"),
                "items": [
                    _page(_("Collections"), "folder_open", "ingestion_collection"),
                    _page(_("Documents"), "description", "ingestion_document"),
                ],
            },
            {
                "title": _("Answers"),
                "items": [
                    _page(_("Traces"), "timeline", "traces_trace"),
                    _page(_("Model calls and costs"), "payments", "inference_modelcall"),
                    _page(_("Providers"), "cloud", "inference_provider"),
                    _page(_("Models"), "neurology", "inference_model"),
                ],
            },
            {
                "title": _("People and keys"),
                "items": [
                    _page(_("Members"), "person", "tenants_membership"),
                    _page(_("Groups"), "group", "tenants_group"),
                    _page(_("API keys"), "key", "tenants_apikey"),
                    _page(_("Audit trail"), "history", "tenants_auditevent"),
                ],
            },
        ],
    },
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
}

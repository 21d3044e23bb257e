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
                "inference.budget_notices.context",
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
            # Pauses between attempts double, up to minutes: after a long absence the database would be back for as long
            # before anybody looks. An attempt that gives up is begun anew by the next request.
            "reconnect_timeout": 5,
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
# Scans are read where this program is found; "no" switches OCR off.
OCR_COMMAND = env.text("FOOTNOTE_TESSERACT", "tesseract")
OCR_LANGUAGES = env.words("FOOTNOTE_OCR_LANGUAGES", "eng")
# Days that deleted documents and superseded versions are kept, where a tenant has not said otherwise.
RETENTION_DELETED_DAYS = env.integer("FOOTNOTE_RETENTION_DELETED_DAYS", 30)
# Of so many searches the words of one are kept for a week, to measure search on. 0: none are.
SEARCH_SAMPLE = env.integer("FOOTNOTE_SEARCH_SAMPLE", 20)
# Milliseconds; a search that takes longer is kept with its plan. 0: none is.
SLOW_SEARCH_MS = env.integer("FOOTNOTE_SLOW_SEARCH_MS", 1000)
RETENTION_SUPERSEDED_DAYS = env.integer("FOOTNOTE_RETENTION_SUPERSEDED_DAYS", 30)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000

# What Footnote connects to on a tenant's behalf: the public internet on these ports, and these networks besides it.
OUTBOUND_NETWORKS = env.networks("FOOTNOTE_OUTBOUND_NETWORKS")
OUTBOUND_PORTS = env.ports("FOOTNOTE_OUTBOUND_PORTS", "80,443")
# The folders of this machine below which a source may read files and repositories.
SOURCE_FOLDERS = env.folders("FOOTNOTE_SOURCE_FOLDERS")

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
    "ENUM_NAME_OVERRIDES": {
        "State": "ingestion.models.State",
        "DeliveryState": "ingestion.models.WebhookDelivery.DeliveryState",
    },
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Where people reach this Footnote; bin/up sets it.
PUBLIC_URL = env.text("FOOTNOTE_URL", "")

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "")

# Without a server no mail is sent: what it would say stands on the pages, too.
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, least=1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "footnote@localhost")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"

OPENAI_API_KEY = env.key("OPENAI_API_KEY")
OPENAI_BASE_URL = env.text("OPENAI_BASE_URL", "https://api.openai.com/v1")
CHAT_MODEL = env.text("FOOTNOTE_CHAT_MODEL", "")
EMBEDDING_MODEL = env.text("FOOTNOTE_EMBEDDING_MODEL", "minilm")
# Further models that a tenant may move its vectors to.
EMBEDDING_MODELS = env.words("FOOTNOTE_EMBEDDING_MODELS")
# auto: measured at first start, the fastest whose vectors agree. Or onnx-int8, onnx-fp32, torch-bf16.
EMBEDDING_ENGINE = env.text("FOOTNOTE_EMBEDDING_ENGINE", "auto")
# A worker may load torch to try it (it wins on processors with AMX); the web process must not.
EMBEDDING_MAY_LOAD_TORCH = env.flag("FOOTNOTE_EMBEDDING_TORCH", default=False)
RERANK_MODEL = env.text("FOOTNOTE_RERANK_MODEL", "")
# What is searched besides the question itself, where a request for an answer does not say.
SEARCH_EXPAND = env.choice("FOOTNOTE_SEARCH_EXPAND", "none", "variants", "parts")
EMBEDDING_THREADS = env.integer("FOOTNOTE_EMBEDDING_THREADS", 0)
# How long a call waits for money that other calls hold, before it is refused.
BUDGET_WAIT_SECONDS = env.integer("FOOTNOTE_BUDGET_WAIT", 5)

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
    "STYLES": [lambda _: static("css/admin.css")],
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
                    _page(_("Sources"), "sync", "ingestion_source"),
                    _page(_("Embedding spaces"), "scatter_plot", "ingestion_embeddingspace"),
                    _page(_("Webhooks"), "webhook", "ingestion_webhookendpoint"),
                    _page(_("Retention"), "auto_delete", "ingestion_retention"),
                ],
            },
            {
                "title": _("Answers"),
                "items": [
                    _page(_("Traces"), "timeline", "traces_trace"),
                    _page(_("Model calls and costs"), "payments", "inference_modelcall"),
                    _page(_("Budgets"), "savings", "inference_budget"),
                    _page(_("Rate limits"), "speed", "inference_ratelimit"),
                    _page(_("Recall of search"), "query_stats", "retrieval_recallaudit"),
                    _page(_("Slow searches"), "hourglass", "retrieval_slowquery"),
                ],
            },
            {
                "title": _("Models"),
                "items": [
                    _page(_("Providers"), "cloud", "inference_provider"),
                    _page(_("Models"), "neurology", "inference_model"),
                    _page(_("Routes"), "alt_route", "inference_route"),
                    _page(_("Prompts"), "edit_note", "inference_prompt"),
                    _page(_("Guards"), "shield", "inference_guardpolicy"),
                    _page(_("Cache"), "cached", "inference_cachepolicy"),
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

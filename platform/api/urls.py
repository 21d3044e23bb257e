"""The routes of machines: REST under ``/api/v1/``, OpenAI-compatible ones under ``/v1/``, and their description."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from api.openai.completions import CompletionsView
from api.openai.embeddings import EmbeddingsView
from api.openai.models import ModelsView, ModelView
from api.v1.ask import AskView
from api.v1.collections import (
    CollectionsView,
    CollectionView,
    DivideView,
    PauseView,
    ResumeView,
    RetryFailedView,
)
from api.v1.costs import CostsView
from api.v1.documents import DocumentsView, DocumentView, RetryView
from api.v1.feedback import FeedbackView
from api.v1.inspection import DocumentChunksView, DocumentRunsView, DocumentTextView
from api.v1.lifecycle import BulkView, CancelView, RestoreView, VersionRestoreView, VersionsView
from api.v1.prompts import LabelView, PromptsView
from api.v1.routes import ComparisonView, RoutesView
from api.v1.search import SearchView
from api.v1.sources import (
    RunsView,
    SourcePauseView,
    SourceResumeView,
    SourcesView,
    SourceView,
    SyncView,
)
from api.v1.suggestions import SuggestView
from api.v1.webhooks import (
    DeliveriesView,
    SendAgainView,
    WebhooksView,
    WebhookTestView,
    WebhookView,
)

urlpatterns = [
    path("api/v1/search", SearchView.as_view(), name="api-search"),
    path("api/v1/search/suggest", SuggestView.as_view(), name="api-suggest"),
    path("api/v1/ask", AskView.as_view(), name="api-ask"),
    path("api/v1/routes", RoutesView.as_view(), name="api-routes"),
    path(
        "api/v1/routes/<str:feature>/comparison",
        ComparisonView.as_view(),
        name="api-route-comparison",
    ),
    path("api/v1/feedback", FeedbackView.as_view(), name="api-feedback"),
    path("api/v1/documents", DocumentsView.as_view(), name="api-documents"),
    path("api/v1/documents/bulk", BulkView.as_view(), name="api-documents-bulk"),
    path("api/v1/documents/<str:document_id>", DocumentView.as_view(), name="api-document"),
    path(
        "api/v1/documents/<str:document_id>/retry", RetryView.as_view(), name="api-document-retry"
    ),
    path(
        "api/v1/documents/<str:document_id>/runs",
        DocumentRunsView.as_view(),
        name="api-document-runs",
    ),
    path(
        "api/v1/documents/<str:document_id>/chunks",
        DocumentChunksView.as_view(),
        name="api-document-chunks",
    ),
    path(
        "api/v1/documents/<str:document_id>/text",
        DocumentTextView.as_view(),
        name="api-document-text",
    ),
    path(
        "api/v1/documents/<str:document_id>/cancel",
        CancelView.as_view(),
        name="api-document-cancel",
    ),
    path(
        "api/v1/documents/<str:document_id>/restore",
        RestoreView.as_view(),
        name="api-document-restore",
    ),
    path(
        "api/v1/documents/<str:document_id>/versions",
        VersionsView.as_view(),
        name="api-document-versions",
    ),
    path(
        "api/v1/documents/<str:document_id>/versions/<str:number>/restore",
        VersionRestoreView.as_view(),
        name="api-version-restore",
    ),
    path("api/v1/collections", CollectionsView.as_view(), name="api-collections"),
    path("api/v1/collections/<str:slug>", CollectionView.as_view(), name="api-collection"),
    path("api/v1/collections/<str:slug>/pause", PauseView.as_view(), name="api-collection-pause"),
    path(
        "api/v1/collections/<str:slug>/resume", ResumeView.as_view(), name="api-collection-resume"
    ),
    path(
        "api/v1/collections/<str:slug>/retry",
        RetryFailedView.as_view(),
        name="api-collection-retry",
    ),
    path(
        "api/v1/collections/<str:slug>/rechunk",
        DivideView.as_view(),
        name="api-collection-rechunk",
    ),
    path("api/v1/prompts", PromptsView.as_view(), name="api-prompts"),
    path("api/v1/prompts/<str:prompt_name>/labels", LabelView.as_view(), name="api-prompt-labels"),
    path("api/v1/webhooks", WebhooksView.as_view(), name="api-webhooks"),
    path("api/v1/webhooks/<str:webhook_id>", WebhookView.as_view(), name="api-webhook"),
    path(
        "api/v1/webhooks/<str:webhook_id>/test", WebhookTestView.as_view(), name="api-webhook-test"
    ),
    path(
        "api/v1/webhooks/<str:webhook_id>/deliveries",
        DeliveriesView.as_view(),
        name="api-deliveries",
    ),
    path(
        "api/v1/webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/again",
        SendAgainView.as_view(),
        name="api-send-again",
    ),
    path("api/v1/sources", SourcesView.as_view(), name="api-sources"),
    path("api/v1/sources/<str:source_id>", SourceView.as_view(), name="api-source"),
    path("api/v1/sources/<str:source_id>/sync", SyncView.as_view(), name="api-source-sync"),
    path(
        "api/v1/sources/<str:source_id>/pause", SourcePauseView.as_view(), name="api-source-pause"
    ),
    path(
        "api/v1/sources/<str:source_id>/resume",
        SourceResumeView.as_view(),
        name="api-source-resume",
    ),
    path("api/v1/sources/<str:source_id>/runs", RunsView.as_view(), name="api-source-runs"),
    path("api/v1/costs", CostsView.as_view(), name="api-costs"),
    path("v1/models", ModelsView.as_view(), name="openai-models"),
    path("v1/models/<path:model_id>", ModelView.as_view(), name="openai-model"),
    path("v1/chat/completions", CompletionsView.as_view(), name="openai-chat-completions"),
    path("v1/embeddings", EmbeddingsView.as_view(), name="openai-embeddings"),
    # Open to everybody: they describe the API and hold nobody's data.
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]

"""The routes of machines: REST under ``/api/v1/``, OpenAI-compatible ones under ``/v1/``, and their description."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from api.openai.completions import CompletionsView
from api.openai.models import ModelsView, ModelView
from api.v1.ask import AskView
from api.v1.collections import CollectionsView
from api.v1.documents import DocumentsView, DocumentView, RetryView
from api.v1.feedback import FeedbackView
from api.v1.search import SearchView

urlpatterns = [
    path("api/v1/search", SearchView.as_view(), name="api-search"),
    path("api/v1/ask", AskView.as_view(), name="api-ask"),
    path("api/v1/feedback", FeedbackView.as_view(), name="api-feedback"),
    path("api/v1/documents", DocumentsView.as_view(), name="api-documents"),
    path("api/v1/documents/<str:document_id>", DocumentView.as_view(), name="api-document"),
    path(
        "api/v1/documents/<str:document_id>/retry", RetryView.as_view(), name="api-document-retry"
    ),
    path("api/v1/collections", CollectionsView.as_view(), name="api-collections"),
    path("v1/models", ModelsView.as_view(), name="openai-models"),
    path("v1/models/<path:model_id>", ModelView.as_view(), name="openai-model"),
    path("v1/chat/completions", CompletionsView.as_view(), name="openai-chat-completions"),
    # Open to everybody: they describe the API and hold nobody's data.
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]

"""The routes of machines: REST under ``/api/v1/``, OpenAI-compatible ones under ``/v1/``."""

from django.urls import path

from api.v1.collections import CollectionsView
from api.v1.documents import DocumentsView, DocumentView, RetryView
from api.v1.search import SearchView

rest = [
    path("search", SearchView.as_view(), name="api-search"),
    path("documents", DocumentsView.as_view(), name="api-documents"),
    path("documents/<str:document_id>", DocumentView.as_view(), name="api-document"),
    path("documents/<str:document_id>/retry", RetryView.as_view(), name="api-document-retry"),
    path("collections", CollectionsView.as_view(), name="api-collections"),
]

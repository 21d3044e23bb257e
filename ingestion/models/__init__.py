"""The corpus and its index. Only this package writes these tables.

A document's row is the truth about its state; ``DocumentVersion`` holds one immutable reading of its bytes; ``Chunk``
and the two narrow search tables (``Embedding``, ``LexicalEntry``) are published and closed with it in one commit.
``valid_to IS NULL`` means current. Reader groups are copied down to every row that search reads, because the policies
and the search function filter by them before the cut.
"""

from ingestion.models.collections import Collection, SharedCollections
from ingestion.models.dense import Embedding, EmbeddingSpace
from ingestion.models.documents import Chunk, Document, DocumentVersion
from ingestion.models.files import FileBlock, StoredFile
from ingestion.models.generations import CorpusChange
from ingestion.models.lexical import LexicalEntry, Posting, PostingsWindow, TermCount
from ingestion.models.looks import SourceItem, SourceRun
from ingestion.models.readers import reader_groups_field
from ingestion.models.runs import IngestionRun, Retention
from ingestion.models.sources import Source
from ingestion.models.states import TERMINAL, State
from ingestion.models.suggestions import Suggestion, SuggestionDue
from ingestion.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "TERMINAL",
    "Chunk",
    "Collection",
    "CorpusChange",
    "Document",
    "DocumentVersion",
    "Embedding",
    "EmbeddingSpace",
    "FileBlock",
    "IngestionRun",
    "LexicalEntry",
    "Posting",
    "PostingsWindow",
    "Retention",
    "SharedCollections",
    "Source",
    "SourceItem",
    "SourceRun",
    "State",
    "StoredFile",
    "Suggestion",
    "SuggestionDue",
    "TermCount",
    "WebhookDelivery",
    "WebhookEndpoint",
    "reader_groups_field",
]

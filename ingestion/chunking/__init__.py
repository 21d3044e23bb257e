"""Text to chunks along its structure, measured in the embedding model's own tokens.

`chunk()` is the one entry point. Promises, each with a property test: a chunk's text is exactly
`text[start:end]`; every character that is not blank lies in a chunk; what is embedded (title,
heading path, head of a table, text) never exceeds the model's limit.
"""

from ingestion.chunking.chunker import chunk
from ingestion.chunking.drafts import ChunkDraft, embedding_text
from ingestion.chunking.profiles import ChunkProfile
from ingestion.chunking.tokens import TokenCounter

__all__ = ["ChunkDraft", "ChunkProfile", "TokenCounter", "chunk", "embedding_text"]

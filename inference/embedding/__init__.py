"""Turning texts into vectors: the default model on ONNX, any sentence-transformers path, any endpoint.

Entry point: `inference.embedding.loading.load_embedder`. Everyone outside this package goes through
`inference.gateway.embed`, which adds the ledger and the query cache.
"""

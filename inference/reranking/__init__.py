"""Rerankers: models that say how well a document answers a query. `inference.gateway.rerank` is the door."""

"""Answering by quoting: the built-in model's brain, apart from the provider that streams it."""

"""Answers that are kept for the next time: the same request (exact) or one that means the same (semantic).

Entry points: ``entries.find``, ``entries.keep``. What a key must hold is said in ``keys``; nothing is ever found under
another tenant, other reading rights, another state of the documents, another prompt, model, policy or parameter.
"""

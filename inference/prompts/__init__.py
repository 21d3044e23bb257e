"""Prompts outside the code: files with built-in defaults, a tenant's own immutable versions, labels that choose.

Entry points: ``choosing.choose`` (which version answers now), ``Template.render``, and the commands in ``versions``.
"""

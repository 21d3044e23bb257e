"""What can be wrong with a prompt, in words for the person who wrote it."""

from django.core.exceptions import ValidationError


class PromptError(ValidationError):
    """The text of a prompt (or of its file) cannot be used."""


class UnknownPrompt(LookupError):
    """There is no prompt, or no version, of that name."""

"""Tables for a spreadsheet: what it would take for a formula stays a text."""

from typing import Any


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is quoted: names come from outside."""
    is_formula = isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t"}
    return f"'{value}" if is_formula else value

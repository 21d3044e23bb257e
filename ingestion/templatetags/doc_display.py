"""Times as the pages of documents show them."""

from django import template

register = template.Library()


@register.filter
def seconds(value: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min``, ``2.5 h``."""
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


@register.filter
def milliseconds(value: float) -> str:
    """``12 ms`` below a second, then seconds."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"

"""How durations, money and outcomes are written on the pages of traces and the ledger."""

from datetime import datetime, timedelta
from decimal import Decimal

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from traces import queries
from traces.models import Trace

register = template.Library()


@register.filter
def duration(milliseconds: float | None) -> str:
    """``0``, ``0.4 ms``, ``120 ms``, ``1.25 s``, ``2 min 5 s``."""
    if milliseconds is None:
        return "\N{EN DASH}"
    if milliseconds < 0.05:
        return "0"
    if milliseconds < 999.5:
        return _("%s ms") % number_format(milliseconds, 0 if milliseconds >= 9.95 else 1)
    if milliseconds < 59_995:
        return _("%s s") % number_format(milliseconds / 1000, 2)
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}


@register.filter
def mark(milliseconds: float) -> str:
    """A round time on the axis: ``0``, ``50 ms``, ``1.5 s``."""
    if milliseconds == 0:
        return "0"
    if milliseconds < 1000:
        return _("%s ms") % f"{milliseconds:g}"
    return _("%s s") % f"{milliseconds / 1000:g}"


@register.filter
def usd(amount: Decimal | float | None) -> str:
    """Dollars with as many digits as a fraction of a cent needs: ``$0``, ``$0.0031``, ``$0.50``, ``$1.24``."""
    if not amount:
        return "$0"
    if amount >= Decimal("0.0995"):
        return f"${number_format(amount, 2, use_l10n=True, force_grouping=True)}"
    return (
        f"${float(amount):.2g}"
        if amount >= Decimal("0.0001")
        else f"${float(amount):.8f}".rstrip("0")
    )


@register.filter
def grouped(number: int) -> str:
    """A count with its thousands apart."""
    return number_format(number, use_l10n=True, force_grouping=True)


@register.filter
def percent(value: float) -> str:
    """A position for SVG: always with a point, whatever the reader's language."""
    return f"{value:.3f}%"


@register.filter
def share(value: float) -> str:
    """A share of one for reading: 0.048 is ``4.8 %``."""
    return f"{value * 100:.1f} %"


@register.filter
def kind_class(kind: str) -> str:
    """A span's kind as the end of a class name."""
    return slugify(kind) or "other"


@register.simple_tag
def outcome(row: object) -> SafeString:
    """A dot and a word; never colour alone."""
    return format_html(
        '<span class="outcome outcome-{}">{}</span>',
        getattr(row, "outcome", ""),
        getattr(row, "get_outcome_display", str)(),
    )


@register.filter
def ago(moment: datetime) -> SafeString:
    """``3 minutes ago``, with the exact time on hover."""
    exact = timezone.localtime(moment)
    fresh = timezone.now() - moment < timedelta(minutes=1)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        exact.strftime("%Y-%m-%d %H:%M:%S %Z"),
        _("just now") if fresh else _("%s ago") % timesince(moment, depth=1),
    )


@register.filter
def thumb(score: int | None) -> SafeString | str:
    """A reader's thumb with its word for those who do not see the sign; nothing without one."""
    if score is None:
        return ""
    sign, word = (
        ("\N{THUMBS UP SIGN}", _("Helpful"))
        if score > 0
        else ("\N{THUMBS DOWN SIGN}", _("Not helpful"))
    )
    return format_html('<span role="img" aria-label="{}" title="{}">{}</span>', word, word, sign)


@register.simple_tag
def asker(trace: Trace) -> str:
    """Who asked."""
    return queries.asker(trace)


@register.simple_tag
def document_address(document_id: str) -> str:
    """Where the admin shows a document; empty without an id or where documents have no page."""
    try:
        return reverse("admin:ingestion_document_change", args=[document_id]) if document_id else ""
    except NoReverseMatch:
        return ""

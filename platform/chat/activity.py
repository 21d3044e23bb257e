"""What an answer's events say to somebody who waits: one line of words, never a spinner."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def describe(kind: str, payload: dict[str, Any], before: str = "") -> str:
    """The line after this event; ``before`` is the line until now, which ``found`` and ``writing`` go on from."""
    if kind == "searching":
        return _searching(payload.get("collections", []))
    if kind == "found":
        return f"{before} {_found(payload)}".strip()
    if kind == "writing":
        return f"{before} {_('writing…')}".strip()
    return before


def _searching(collections: list[str]) -> str:
    if len(collections) == 1:
        return _("Searching “%(name)s”…") % {"name": collections[0]}
    if not collections:
        return _("Searching…")
    count = len(collections)
    return ngettext(
        "Searching %(count)d collection…", "Searching %(count)d collections…", count
    ) % {"count": count}


def _found(payload: dict[str, Any]) -> str:
    passages, documents = int(payload.get("passages", 0)), int(payload.get("documents", 0))
    if not passages:
        return _("nothing found.")
    said = ngettext("%(count)d passage", "%(count)d passages", passages) % {"count": passages}
    where = ngettext("%(count)d document", "%(count)d documents", documents) % {"count": documents}
    return _("%(passages)s from %(documents)s…") % {"passages": said, "documents": where}

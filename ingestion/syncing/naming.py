"""A file name that says what the bytes are: parsers are chosen by it, and addresses often end in nothing of use."""

import mimetypes
import re
from pathlib import PurePosixPath

_EXTENSIONS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/json": ".json",
    "application/epub+zip": ".epub",
    "message/rfc822": ".eml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.ms-excel": ".xls",
}
_SCRIPTS = frozenset({".php", ".asp", ".aspx", ".jsp", ".cgi", ".do", ".htm", ".shtml"})
_ODD = re.compile(r"[\x00-\x1f/\\]")


def filename(name: str, media_type: str, fallback: str = "index") -> str:
    """The name with the ending that its media type calls for; an ending that already fits stays."""
    name = _ODD.sub("_", name).strip(". ")[:150] or fallback
    wanted = _EXTENSIONS.get(media_type)
    ending = PurePosixPath(name).suffix.lower()
    if wanted is None or ending == wanted or mimetypes.guess_type(name)[0] == media_type:
        return name
    # A server that calls everything text or bytes says nothing; a page that calls itself one does.
    if media_type == "text/plain" and ending and ending not in _SCRIPTS:
        return name
    return f"{name}{wanted}"

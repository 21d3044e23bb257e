"""E-mails: who, when and about what, then the body; attachments are named."""

from __future__ import annotations

import email
import email.policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from ingestion.parsing.assembly import Assembly
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import EML
from ingestion.parsing.markup import add_tree, parse_html
from ingestion.parsing.plain import add_paragraphs
from ingestion.parsing.types import Parsed, Source

VERSION = "mail 1"

_SHOWN = ("From", "To", "Cc", "Date", "Subject")


def parse(source: Source) -> Parsed:
    """The plain body where there is one, else the HTML one."""
    message = email.message_from_bytes(source.read_bytes(), policy=email.policy.default)
    assembly = Assembly(source)
    headers = {name: _header(message, name) for name in _SHOWN}
    assembly.add("paragraph", "\n".join(f"{k}: {v}" for k, v in headers.items() if v))
    _add_body(assembly, message, source)
    names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    if names:
        assembly.add("list", "Attachments:\n" + "\n".join(f"- {name}" for name in names))
    metadata = {
        "author": headers["From"], "recipients": headers["To"], "date": _date(headers["Date"]),
        "attachments": names,
    }  # fmt: skip
    return assembly.finish(
        title=headers["Subject"],
        media_type=EML,
        parser=VERSION,
        metadata={name: value for name, value in metadata.items() if value},
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, TypeError, AttributeError, IndexError, MessageError):
        return ""  # the standard library stumbles over some malformed headers


def _add_body(assembly: Assembly, message: EmailMessage, source: Source) -> None:
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return
    data = body.get_payload(decode=True)
    text, _ = decode(data if isinstance(data, bytes) else b"", body.get_content_charset("") or "")
    if body.get_content_type() == "text/html":
        tree = parse_html(text)
        if tree is not None:
            add_tree(assembly, tree, depth=source.limits.depth)
    else:
        add_paragraphs(assembly, text.replace("\r\n", "\n"))


def _date(text: str) -> str:
    try:
        return parsedate_to_datetime(text).isoformat() if text else ""
    except (ValueError, TypeError, IndexError):
        return ""

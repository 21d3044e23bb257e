"""E-mails: who, when and about what, then the body; attachments become documents of their own."""

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

VERSION = "mail 3"

_SHOWN = ("From", "To", "Cc", "Date", "Subject")


def parse(source: Source) -> Parsed:
    """The plain body where there is one, else the HTML one."""
    message = email.message_from_bytes(source.read_bytes(), policy=email.policy.default)
    assembly = Assembly(source)
    headers = {name: _header(message, name) for name in _SHOWN}
    add_head(assembly, headers)
    _add_body(assembly, message, source)
    names = _enclose(message, source)
    add_attachments(assembly, names)
    return assembly.finish(
        title=headers["Subject"],
        media_type=EML,
        parser=VERSION,
        metadata=facts(headers, _date(headers["Date"]), names),
    )


def add_head(assembly: Assembly, headers: dict[str, str]) -> None:
    """Who, when and about what, as people read it above a mail."""
    shown = [f"{name}: {headers[name]}" for name in _SHOWN if headers[name]]
    assembly.add("paragraph", "\n".join(shown))


def add_html(assembly: Assembly, text: str, source: Source) -> None:
    """A mail's body that is written in HTML."""
    tree = parse_html(text)
    if tree is not None:
        add_tree(assembly, tree, depth=source.limits.depth)


def add_attachments(assembly: Assembly, names: list[str]) -> None:
    """What came with the mail."""
    if names:
        assembly.add("list", "Attachments:\n" + "\n".join(f"- {name}" for name in names))


def mail_name(subject: str) -> str:
    """What a message that was attached without a name of its own is called."""
    return f"{subject.replace('/', '-') or 'message'}.eml"


def facts(headers: dict[str, str], date: str, names: list[str]) -> dict[str, object]:
    """A mail's metadata."""
    found: dict[str, object] = {
        "author": headers["From"],
        "recipients": headers["To"],
        "date": date,
        "attachments": names,
    }
    return {name: value for name, value in found.items() if value}


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
        add_html(assembly, text, source)
    else:
        add_paragraphs(assembly, text.replace("\r\n", "\n"))


def _enclose(message: EmailMessage, source: Source) -> list[str]:
    """Hand over what is attached; pictures that belong to the body are not documents."""
    names = []
    for part in message.iter_attachments():
        if part.get_content_maintype() == "image" and part.get("Content-ID"):
            continue
        name, data = _attached(part)
        names.append(name)
        if data:
            source.enclosures.add(name, data, part.get_content_type())
        else:
            source.enclosures.refuse(name, "It is empty.")
    return names


def _attached(part: EmailMessage) -> tuple[str, bytes]:
    """An attachment's name and bytes; a mail inside a mail is attached as one."""
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        mail = inner[0] if isinstance(inner, list) and inner else None
        if not isinstance(mail, EmailMessage):
            return "message.eml", b""
        return part.get_filename() or mail_name(_header(mail, "Subject")), bytes(mail)
    data = part.get_payload(decode=True)
    name = part.get_filename() or part.get_content_type().replace("/", ".")
    return name, data if isinstance(data, bytes) else b""


def _date(text: str) -> str:
    try:
        return parsedate_to_datetime(text).isoformat() if text else ""
    except (ValueError, TypeError, IndexError):
        return ""

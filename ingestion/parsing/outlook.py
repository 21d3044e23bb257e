"""Outlook's messages (MSG) through python-oxmsg: headers and body as in a mail; attachments as documents.

A message that is attached to a message has no bytes of its own in the file, only a folder of properties. It is handed
over as a mail (EML) that says the same, so that it is read, and its attachments are, like any other mail.
"""

from __future__ import annotations

import hashlib
import re
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from importlib.metadata import version

from olefile import OleFileIO  # type: ignore[import-untyped]  # its stubs are in no lock
from oxmsg import Message
from oxmsg.attachment import Attachment
from oxmsg.storage import Storage, Stream

from ingestion.cleaning import clean
from ingestion.parsing.archives import damaged
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.detection import EML, MSG
from ingestion.parsing.mail import add_attachments, add_head, add_html, facts, mail_name
from ingestion.parsing.plain import add_paragraphs
from ingestion.parsing.types import Parsed, Source

VERSION = f"outlook 2, python-oxmsg {version('python-oxmsg')}"
LEVELS = 10
# PidTagAttachDataObject, whose value is a folder.
_MESSAGE_INSIDE = "__substg1.0_3701000D"
_PROPERTIES = "__properties_version1.0"
_MIME = re.compile(r"(?!message/|multipart/)[a-z]+/[a-z0-9.+-]+")


class TooDeep(Exception):
    """Messages inside messages go on and on."""


def parse(source: Source) -> Parsed:
    """The plain body where there is one, else the HTML one. Raises PermanentParseError."""
    try:
        with OleFileIO(str(source.path)) as file:
            storage = Storage.from_ole(file)
        message = Message(storage)
        headers = _headers(message)
    except MemoryError:
        raise
    except Exception as error:
        raise damaged("Outlook message") from error
    assembly = Assembly(source)
    add_head(assembly, headers)
    _add_body(assembly, message, source)
    names = _enclose(storage, source)
    add_attachments(assembly, names)
    return assembly.finish(
        title=headers["Subject"],
        media_type=MSG,
        parser=VERSION,
        metadata=facts(headers, _sent(message), names),
    )


def _headers(message: Message) -> dict[str, str]:
    sent = message.message_headers
    people = [f"{one.name} <{one.email_address}>".strip() for one in message.recipients]
    return {
        "From": _decoded(message.sender or ""),
        "To": _decoded(sent.get("To", "") or ", ".join(people)),
        "Cc": _decoded(sent.get("Cc", "")),
        "Date": sent.get("Date", "") or _sent(message),
        "Subject": message.subject,
    }


def _sent(message: Message) -> str:
    when = message.sent_date
    return when.isoformat() if when else ""


def _decoded(header: str) -> str:
    """Names that travel encoded (``=?UTF-8?B?...?=``), readable."""
    try:
        return str(make_header(decode_header(header)))
    except (ValueError, LookupError, HeaderParseError):
        return header


def _add_body(assembly: Assembly, message: Message, source: Source) -> None:
    if message.body and message.body.strip():
        add_paragraphs(assembly, message.body.replace("\r\n", "\n"))
        return
    try:
        html = message.html_body
    except (UnicodeDecodeError, LookupError):
        assembly.warn("The body's encoding is not what the message says: it was left out.")
        return
    if html:
        add_html(assembly, html, source)


def _enclose(message: Storage, source: Source) -> list[str]:
    names = []
    for number, folder in enumerate(message.iter_attachment_storages(), start=1):
        try:
            name, data, media_type = _attached(folder, number, level=1)
        except MemoryError:
            raise
        except TooDeep as error:
            source.enclosures.refuse(name := f"attachment-{number}", str(error))
        except Exception:  # noqa: BLE001  whatever a damaged folder provokes concerns this attachment alone
            name = f"attachment-{number}"
            source.enclosures.refuse(
                name, "It is damaged: what the message says of it is not there."
            )
        else:
            if data:
                source.enclosures.add(name, data, media_type)
            else:
                source.enclosures.refuse(name, "It is a link: the message does not hold the file.")
        names.append(name)
    return names


def _attached(folder: Storage, number: int, *, level: int) -> tuple[str, bytes, str]:
    """An attachment's name, bytes (none: it is only linked) and media type."""
    for inner in folder.storages:
        if inner.name == _MESSAGE_INSIDE:
            mail = _as_mail(inner, level)
            return mail_name(str(mail["Subject"] or "")), bytes(mail), EML
    attachment = Attachment(folder)
    name = attachment.file_name or f"attachment-{number}"
    return name, attachment.file_bytes or b"", attachment.mime_type or ""


def _as_mail(folder: Storage, level: int) -> EmailMessage:
    """A message inside a message, as a mail. Raises TooDeep."""
    if level > LEVELS:
        raise TooDeep(f"Messages are nested in it more than {LEVELS} levels deep.")
    message, mail = _message_inside(folder), EmailMessage()
    for name, value in _headers(message).items():
        _set_header(mail, name, value)
    plain = message.body or ""
    html = "" if plain.strip() else message.html_body or ""
    attachments, notes = _attachments_inside(folder, level)
    written = "\n\n".join([html or plain, *(f"<p>{one}</p>" if html else one for one in notes)])
    mail.set_content(clean(written), subtype="html" if html else "plain")
    for name, data, media_type in attachments:
        fits = media_type if _MIME.fullmatch(media_type) else "application/octet-stream"
        main, _, sub = fits.partition("/")
        mail.add_attachment(data, maintype=main, subtype=sub, filename=clean(name))
    if mail.is_multipart():
        # The same message gives the same bytes, so that reading it again makes no new version.
        seen = hashlib.sha256(b"".join(stream.bytes_ for stream in folder.streams))
        mail.set_boundary(f"=_{seen.hexdigest()[:40]}")
    return mail


def _attachments_inside(
    folder: Storage, level: int
) -> tuple[list[tuple[str, bytes, str]], list[str]]:
    """What an inner message's attachments are, and a line for its readers on each that is damaged. Raises TooDeep."""
    found, notes = [], []
    for number, attached in enumerate(folder.iter_attachment_storages(), start=1):
        try:
            found.append(_attached(attached, number, level=level + 1))
        except (MemoryError, TooDeep):
            raise
        except Exception:  # noqa: BLE001  whatever a damaged folder provokes concerns this attachment alone
            notes.append(f"[attachment-{number} is damaged and was left out]")
    return found, notes


def _message_inside(folder: Storage) -> Message:
    """A message's properties begin with 32 bytes, but with 24 when it is inside another one (MS-OXMSG 2.4.1)."""
    head = folder.properties_stream_bytes
    streams = [one for one in folder.streams if one.name != _PROPERTIES]
    widened = Stream(f"{folder.path}/{_PROPERTIES}", head[:24] + bytes(8) + head[24:])
    return Message(Storage(folder.path, (*streams, widened), folder.storages))


def _set_header(mail: EmailMessage, name: str, value: str) -> None:
    line = " ".join(clean(value).split())
    if not line:
        return
    try:
        mail[name] = line
    except (ValueError, TypeError, AttributeError, IndexError, MessageError):
        return  # the standard library stumbles over some malformed addresses

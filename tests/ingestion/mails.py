"""Makes mails, archives and PDFs with something inside."""

import io
import tarfile
import zipfile
import zlib
from email.message import EmailMessage

import pypdf

from tests.ingestion.pdfs import pdf


def mail(subject: str, body: str, attached: dict[str, bytes] | None = None) -> bytes:
    """An e-mail with these attachments."""
    message = EmailMessage()
    message["From"], message["To"] = "Ada <ada@example.com>", "Bob <bob@example.com>"
    message["Subject"], message["Date"] = subject, "Mon, 02 Mar 2026 10:00:00 +0000"
    message.set_content(body)
    for name, data in (attached or {}).items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def pdf_with(page: str, attached: dict[str, bytes]) -> bytes:
    """A PDF of one page with files inside."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(page)))
    for name, data in attached.items():
        writer.add_attachment(name, data)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip, packed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(members: dict[str, bytes], packing: str = "gz") -> bytes:
    """A tar archive, packed with gz, bz2, xz or (empty) not."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def locked_zip(password: str, name: str, data: bytes) -> bytes:
    """A zip whose one member is encrypted in the traditional way, which zipfile reads but does not write."""
    crc = zlib.crc32(data)
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = _crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = _crc(keys[2], keys[1] >> 24)

    for byte in password.encode():
        update(byte)
    sealed = bytearray()
    for byte in bytes(11) + bytes([crc >> 24]) + data:
        mask = keys[2] | 2
        sealed.append(byte ^ ((mask * (mask ^ 1) >> 8) & 0xFF))
        update(byte)
    return _one_member(name.encode(), bytes(sealed), crc, len(data))


def _crc(value: int, byte: int) -> int:
    value ^= byte
    low = value & 0xFF
    for _ in range(8):
        low = (low >> 1) ^ (0xEDB88320 if low & 1 else 0)
    return low ^ (value >> 8)


def _one_member(name: bytes, sealed: bytes, crc: int, size: int) -> bytes:
    sizes = (
        crc.to_bytes(4, "little") + len(sealed).to_bytes(4, "little") + size.to_bytes(4, "little")
    )
    common = b"\x14\0\x01\0\0\0\0\0\x21\x58" + sizes + len(name).to_bytes(2, "little") + b"\0\0"
    local = b"PK\x03\x04" + common + name + sealed
    central = b"PK\x01\x02\x14\0" + common + bytes(14) + name
    end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0" + len(central).to_bytes(4, "little")
    return local + central + end + len(local).to_bytes(4, "little") + b"\0\0"

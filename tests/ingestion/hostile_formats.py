"""Hostile mails, images and archives, and PDFs of absurd sizes. All built here."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

from tests.ingestion.hostile import page, pdf
from tests.ingestion.mails import locked_zip, mail, pdf_with, tarred, zipped

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MSG_MARK = "__properties_version1.0".encode("utf-16-le")


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that declares this size, whatever it holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _part(b"IHDR", header) + _part(b"IDAT", body) + _part(b"IEND", b"")
    )


def _part(kind: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def blank_rows(width: int, height: int) -> bytes:
    """Packed pixels, all alike: 1,000 to 1."""
    press = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    return b"".join(press.compress(row) for _ in range(height)) + press.flush()


def tiff(*directories: tuple[int, int, int]) -> bytes:
    """A TIFF of (width, height, offset of the next directory) without pixels."""
    out = bytearray(b"II*\0\x08\0\0\0")
    for width, height, following in directories:
        tags = [
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, 8),
            (259, 3, 1, 1),
            (262, 3, 1, 1),
            (273, 4, 1, 8),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, 64),
        ]
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        out += struct.pack("<I", following)
    return bytes(out + bytes(64))  # fmt: skip


def ole(sectors: int, fat: bytes = b"") -> bytes:
    """An OLE header that declares these sectors, with the marks of an Outlook message behind it."""
    header = OLE + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, sectors, 0, 0, 4096, 0, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<I", 0) + b"\xff" * (512 - len(header) - 4)
    return header + (fat or b"\xfd\xff\xff\xff" + b"\xff" * 508) + MSG_MARK + bytes(600)


def looping_ole() -> bytes:
    """Sector chains that lead back to themselves."""
    return ole(1, b"\0\0\0\0" * 128)


def zip_in_zip(levels: int, fan: int) -> bytes:
    """Each level holds the one below several times: fan ** levels files in the end."""
    content = zipped({"a.txt": b"words " * 1000})
    for _ in range(levels):
        content = zipped({f"{number}.zip": content for number in range(fan)})
    return content


def lying_sizes() -> bytes:
    """A zip whose directory declares 2 GB for a small member."""
    data = bytearray(zipped({"a.txt": b"words"}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 2**31 - 1)
    return bytes(data)


def overlapping() -> bytes:
    """Many members of the directory that share one local file."""
    data = bytearray(zipped({"a.txt": b"words " * 1000}))
    start = data.rindex(b"PK\x01\x02")
    entry, end = bytes(data[start : data.rindex(b"PK\x05\x06")]), bytes(data[-22:])
    count = 10_000
    tail = end[:8] + struct.pack("<HHII", count, count, len(entry) * count, start) + end[20:]
    return bytes(data[:start]) + entry * count + tail


def tar_declaring(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar whose one member declares this size and has a few bytes."""
    entry = tarfile.TarInfo("a.txt")
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT) + b"words" + bytes(2000)


def special_members() -> bytes:
    """Links, devices and pipes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number, kind in enumerate(
            (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
        ):
            entry = tarfile.TarInfo(f"{number}.txt")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    return out.getvalue()


def many_pages(count: int) -> bytes:
    """A PDF of this many pages that share one text."""
    kids = b" ".join(b"%d 0 R" % number for number in range(5, 5 + count))
    text = b"BT /F1 12 Tf 50 700 Td (some words to read) Tj ET"
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[" + kids + b"]/Count %d>>" % count,
        3: b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        4: b"<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>",
    }
    one = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 3 0 R/Resources 4 0 R>>"
    return pdf(objects | dict.fromkeys(range(5, 5 + count), one))


FORMATS: dict[str, Callable[[], bytes]] = {
    "pages.pdf": lambda: many_pages(10_000),
    "too-many-pages.pdf": lambda: many_pages(25_000),
    "attached-bomb.pdf": lambda: pdf_with("x", {"zeros.txt": bytes(150 * 2**20)}),
    "attached-names.pdf": lambda: pdf_with("x", {f"{n}.txt": b"x" for n in range(2_500)}),
    "declared.pdf": lambda: page(b"BT ET").replace(b"/Length 5", b"/Length 2147483647"),
    "attachments.eml": lambda: mail("x", "x", {f"{n}.txt": b"x" for n in range(3_000)}),
    "deep.eml": lambda: _mails_in_mails(60),
    "boundary.eml": lambda: b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 500_000,
    "long-header.eml": lambda: b"Subject: " + b"=?utf-8?q?" + b"=41" * 2_000_000 + b"?=\n\nhi",
    "name.eml": lambda: mail("x", "x", {"../" * 3_000 + "etc/passwd": b"x", "\x00\n\u202e.txt": b"y"}),
    "cut.msg": lambda: ole(1)[:700],
    "loop.msg": looping_ole,
    "declared.msg": lambda: ole(0x7FFFFFFF),
    "zeros.msg": lambda: OLE + bytes(4096) + MSG_MARK,
    "pickle.msg": lambda: b"\x80\x04\x95" + bytes(range(256)) * 8,
    "flood.png": lambda: png(60_000, 60_000, zlib.compress(bytes(1000))),
    "flood-real.png": lambda: png(13_000, 13_000, blank_rows(13_000, 13_000)),
    "cut.png": lambda: png(100, 100, zlib.compress(bytes(100)))[:60],
    "zero.png": lambda: png(0, 0),
    "text-bomb.png": lambda: _text_bomb(),
    "flood.tiff": lambda: tiff((100_000, 100_000, 0)),
    "loop.tiff": lambda: tiff((10, 10, 8)),
    "many.tiff": lambda: tiff(*[(10, 10, 8 + 114 * (n + 1)) for n in range(5_000)]),
    "cut.jpg": lambda: b"\xff\xd8\xff\xe0" + bytes(100),
    "huge.jpg": lambda: b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xda",
    "bomb.zip": lambda: zipped({"zeros.txt": bytes(400 * 2**20)}),
    "bombs.zip": lambda: zip_in_zip(3, 9),
    "declared.zip": lying_sizes,
    "overlapping.zip": overlapping,
    "members.zip": lambda: zipped({f"{n}.txt": b"x" for n in range(25_000)}),
    "names.zip": lambda: zipped({"../../etc/passwd": b"x", "/etc/passwd": b"x", "C:\\evil.txt": b"x"}),
    "twice.zip": lambda: _twice(),
    "locked.zip": lambda: locked_zip("sesame", "a.txt", b"words"),
    "empty.zip": lambda: zipped({}),
    "pickles.zip": lambda: zipped({"data.pkl": b"\x80\x04\x95" + bytes(200), "archive/data": b"\x80\x02."}),
    "bomb.tar.gz": lambda: tarred({"zeros.txt": bytes(400 * 2**20)}),
    "bomb.tar.xz": lambda: tarred({"zeros.txt": bytes(200 * 2**20)}, "xz"),
    "declared.tar": lambda: tar_declaring(2 * 2**30),
    "negative.tar": lambda: tar_declaring(0)[:124] + b"-0000000001\0" + tar_declaring(0)[136:],
    "sparse.tar": lambda: tar_declaring(2**33, tarfile.GNUTYPE_SPARSE),
    "special.tar": special_members,
    "cut.tar.gz": lambda: tarred({"a.txt": b"words" * 9_000})[:200],
    "only.gz": lambda: zlib.compress(b"words", wbits=31),
}  # fmt: skip


def _mails_in_mails(levels: int) -> bytes:
    content = mail("last", "x", {"a.txt": b"x"})
    for _ in range(levels):
        content = b"Content-Type: message/rfc822\n\n" + content
    return content


def _text_bomb() -> bytes:
    """Compressed text beside the pixels, 100 MB of it."""
    data = b"Comment\0\0" + zlib.compress(bytes(100 * 2**20))
    whole = png(10, 10, zlib.compress(bytes(310)))
    return whole[:33] + _part(b"zTXt", data) * 3 + whole[33:]


def _twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("a.txt", "b.txt", "c.txt"):
            archive.writestr(name, b"words")
    return out.getvalue().replace(b"b.txt", b"a.txt").replace(b"c.txt", b"a.txt")

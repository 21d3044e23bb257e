"""Makes Outlook messages (MSG): a compound file (MS-CFB) of the folders and properties that MS-OXMSG tells."""

import struct
from dataclasses import dataclass, field

SECTOR, SMALL = 512, 64
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
Tree = dict[str, "bytes | Tree"]


def message(
    subject: str,
    body: str,
    attached: "dict[str, bytes | Tree] | None" = None,
    *,
    inside: bool = False,
) -> Tree:
    """A message's folder. An attachment is a file's bytes, or a message (with ``inside``)."""
    tree: Tree = {
        f"__attach_version1.0_#{number:08X}": _attachment(name, content)
        for number, (name, content) in enumerate((attached or {}).items())
    }
    texts = {0x0037: subject, 0x1000: body, 0x0C1A: "Ada", 0x0C1F: "ada@example.com"}
    head = bytes(8) + struct.pack("<4I", 0, len(attached or {}), 0, len(attached or {}))
    return tree | _properties(texts, {}, head if inside else head + bytes(8))


def _attachment(name: str, content: "bytes | Tree") -> Tree:
    if isinstance(content, bytes):
        return _properties({0x3707: name}, {0x3701: content}, bytes(8))
    return _properties({0x3001: name}, {}, bytes(8)) | {"__substg1.0_3701000D": content}


def _properties(texts: dict[int, str], data: dict[int, bytes], head: bytes) -> Tree:
    values = {f"{key:04X}001F": text.encode("utf-16-le") for key, text in texts.items()}
    values |= {f"{key:04X}0102": content for key, content in data.items()}
    rows = b"".join(
        struct.pack("<HHIII", int(name[4:], 16), int(name[:4], 16), 6, len(value), 0)
        for name, value in values.items()
    )
    streams: Tree = {f"__substg1.0_{name}": value for name, value in values.items()}
    return streams | {"__properties_version1.0": head + rows}


@dataclass
class _File:
    """A compound file being written: sectors, small sectors, and where each chain goes on."""

    sectors: list[bytes] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)
    small: bytearray = field(default_factory=bytearray)
    small_chain: list[int] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)

    def keep(self, data: bytes) -> int:
        """Store bytes in sectors; the number of the first one."""
        first, count = len(self.sectors), -(-len(data) // SECTOR)
        self.sectors += [
            data[n * SECTOR : (n + 1) * SECTOR].ljust(SECTOR, b"\0") for n in range(count)
        ]
        self.chain += [*range(first + 1, first + count), END][:count]
        return first if count else END

    def keep_small(self, data: bytes) -> int:
        """The same in small sectors, for streams below 4,096 bytes."""
        first, count = len(self.small_chain), -(-len(data) // SMALL)
        self.small += data.ljust(count * SMALL, b"\0")
        self.small_chain += [*range(first + 1, first + count), END][:count]
        return first if count else END

    def add(self, name: str, content: "bytes | Tree", following: int) -> int:
        """An entry of the directory with all below it; its number."""
        number = len(self.entries)
        self.entries.append(b"")
        if isinstance(content, bytes):
            start = self.keep_small(content) if len(content) < 4096 else self.keep(content)
            row = (2, FREE, start, len(content))
        else:
            row = (1, self.add_all(content), 0, 0)
        self.entries[number] = _entry(name, *row, following)
        return number

    def add_all(self, tree: Tree) -> int:
        """Siblings as one chain to the right, which readers follow like any tree."""
        following = FREE
        for name, content in sorted(tree.items(), reverse=True):
            following = self.add(name, content, following)
        return following


def _entry(name: str, kind: int, child: int, start: int, size: int, following: int = FREE) -> bytes:
    text = name.encode("utf-16-le")
    head = text.ljust(64, b"\0") + struct.pack("<HBB", len(text) + 2, kind, 1)
    return (
        head
        + struct.pack("<III", FREE, following, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )


def msg(tree: Tree) -> bytes:
    """The file."""
    file = _File(entries=[b""])
    child = file.add_all(tree)
    small = file.keep(bytes(file.small))
    file.entries[0] = _entry("Root Entry", 5, child, small, len(file.small))
    small_fat = file.keep(_numbers(file.small_chain))
    directory = file.keep(b"".join(file.entries))
    used = len(file.sectors)
    fats = 1
    while fats * (SECTOR // 4) < used + fats:
        fats += 1
    fat = _numbers(file.chain + [FAT] * fats)
    count = -(-len(file.small_chain) * 4 // SECTOR)
    head = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6)
    )
    head += bytes(6) + struct.pack("<9I", 0, fats, directory, 0, 4096, small_fat, count, END, 0)
    places = [used + number for number in range(fats)]
    head += struct.pack("<109I", *places, *[FREE] * (109 - fats))
    return head + b"".join(file.sectors) + fat


def _numbers(chain: list[int]) -> bytes:
    """Padded to whole sectors with what means free."""
    whole = -(-len(chain) * 4 // SECTOR) * (SECTOR // 4)
    return struct.pack(f"<{whole}I", *chain, *[FREE] * (whole - len(chain)))

"""Which IP addresses are the public internet's. Pure: looks at numbers, asks nobody.

``trouble(address)`` is the entry point. IPv4 by IANA's registry of special-purpose addresses (RFC 6890 and what was
added since); IPv6 the other way round: only the global unicast range that is handed out, without its special parts.
Addresses that carry an IPv4 address inside are judged by what they carry.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_V4: dict[str, tuple[str, ...]] = {
    "unspecified": ("0.0.0.0/8",),
    "loopback": ("127.0.0.0/8",),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    "link-local": ("169.254.0.0/16",),
    "shared by a provider's customers (CGNAT)": ("100.64.0.0/10",),
    "multicast": ("224.0.0.0/4",),
    "reserved": (
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
    ),
}
_V6: dict[str, tuple[str, ...]] = {
    "unspecified": ("::/128",),
    "loopback": ("::1/128",),
    "private": ("fc00::/7",),
    "link-local": ("fe80::/10", "fec0::/10"),
    "multicast": ("ff00::/8",),
    "a tunnel's": ("2001::/32",),
    "reserved": ("2001::/23", "2001:db8::/32", "3fff::/20", "2620:4f:8000::/48"),
}
_KINDS = [
    (kind, ip_network(network))
    for table in (_V4, _V6)
    for kind, networks in table.items()
    for network in networks
]
_GLOBAL_V6 = IPv6Network("2000::/3")
# Addresses that stand for an IPv4 address, and the bit at which it begins.
_CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 96),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), 96),  # IPv4-translated (SIIT)
    (IPv6Network("64:ff9b::/96"), 96),  # NAT64: what a DNS64 answers for public names
    (IPv6Network("2002::/16"), 16),  # 6to4
)
# A cloud's own service for its machines, keys included: never, whatever the operator allows.
_METADATA: tuple[Network, ...] = (
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::254/128"),
    IPv6Network("fd20:ce::254/128"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.192/32"),
)


def trouble(address: Address, allowed: Iterable[Network] = ()) -> str:
    """What is wrong with connecting to an address, in a word or two; empty when nothing is.

    ``allowed`` are networks that the operator has opened; they do not open a cloud's metadata services.
    """
    address = carried(address)
    inner = _isatap(address) if isinstance(address, IPv6Address) else None
    # Any prefix may lead such an address, so both must be in order.
    if inner is not None and (wrong := trouble(inner, allowed)):
        return wrong
    if any(_within(address, network) for network in _METADATA):
        return "link-local, or a cloud's metadata service"
    if any(_within(address, network) for network in allowed):
        return ""
    for kind, network in _KINDS:
        if _within(address, network):
            return kind
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return "reserved"
    return ""


def carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    for network, place in _CARRIERS:
        if address in network:
            return IPv4Address((int(address) >> (128 - place - 32)) & 0xFFFFFFFF)
    return address


def _isatap(address: IPv6Address) -> IPv4Address | None:
    """RFC 5214: any prefix, then 0:5efe or 200:5efe, then an IPv4 address."""
    if (int(address) >> 32) & 0xFDFFFFFF != 0x00005EFE:
        return None
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network

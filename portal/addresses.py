"""From which address a request comes: the connection's, or the one a proxy of ours passes on.

Belongs here: choosing it, and which addresses count as one. Does not belong here: counting (`rate_limits`).
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
# What one subscriber has of IPv6 at least (RFC 6177), and can change at will.
_LINE = 64


def address_of(peer: str, forwarded: Iterable[str], proxies: Sequence[Network]) -> str:
    """Return the address that counts for a connection from `peer`; empty if it has none, as over a local socket.

    `forwarded` are the request's headers X-Forwarded-For in order. They are read from the right, as long as who wrote
    the next entry is one of `proxies`: what stands further left was written by anybody.
    """
    known = _address(peer)
    entries = [entry for header in forwarded for entry in header.split(",")]
    while known is not None and entries and any(known in network for network in proxies):
        passed_on = _address(entries.pop())
        if passed_on is None:
            break
        known = passed_on
    return "" if known is None else str(known)


def bucket_of(address: str) -> str:
    """Return what is counted for an address: itself, or its line's network for IPv6."""
    return str(IPv6Network((address, _LINE), strict=False)) if ":" in address else address


def _address(text: str) -> Address | None:
    """Return an address as proxies write it, with or without a port; IPv4 within IPv6 is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found

"""Which addresses `miyar fetch` may connect to: public ones, and the hosts that `miyar.yml` lists.

A contract or a redirect may name a host whose address is inside: this machine, the office, the metadata service of a cloud,
which answers whoever runs there. Each request resolves its host once, every address is looked at, and the connection goes to the
one that was looked at, so that no second answer of the name server counts.

Belongs here: resolving and judging addresses. Does not belong here: requests and pages (`fetch`), tokens (`tokens`).
"""

import ipaddress
import socket
import urllib.request
from collections.abc import Collection

import httpx

from miyar.errors import MiyarError, Problem


class _Checked(httpx.BaseTransport):
    """Connects to an address that was judged; the host's name stays in the request and in the check of its certificate.

    Each host has connections of its own: one whose certificate was checked for a host is never used for another at the same
    address. A request that goes through a proxy is resolved there; here only the addresses of its name are looked at.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._inner: dict[str, httpx.HTTPTransport] = {}
        self._allowed = allowed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        found = judged_addresses(request.url, self._allowed)
        if proxy := _proxy_of(request.url):
            return self._of(proxy, httpx.Proxy(proxy)).handle_request(request)
        extensions = {**request.extensions, "sni_hostname": host}
        for left, address in enumerate(found, start=1 - len(found)):
            url = request.url.copy_with(host=address)
            one = httpx.Request(
                request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
            )
            try:
                return self._of(host).handle_request(one)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if not left:
                    raise
        raise httpx.ConnectError("the host has no address")

    def _of(self, name: str, proxy: httpx.Proxy | None = None) -> httpx.HTTPTransport:
        if name not in self._inner:
            self._inner[name] = httpx.HTTPTransport(proxy=proxy)
        return self._inner[name]

    def close(self) -> None:
        for one in self._inner.values():
            one.close()


def client(allowed: Collection[str], *, timeout: float) -> httpx.Client:
    """A client that follows redirects to public addresses and to hosts in `allowed` only."""
    return httpx.Client(timeout=timeout, follow_redirects=True, transport=_Checked(allowed), trust_env=False)


def _proxy_of(url: httpx.URL) -> str | None:
    """The proxy that the environment names for a URL (`HTTPS_PROXY`, `NO_PROXY` and their like)."""
    if urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def judged_addresses(url: httpx.URL, allowed: Collection[str]) -> list[str]:
    """The addresses of a URL's host, in the order of the name server.

    Raises MiyarError if the host is not in `allowed` and one of its addresses is not public; httpx.ConnectError if it has none.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError("the host has no address") from error
    inside = [one for one in found if not is_public(one)]
    if inside and url.host not in allowed:
        raise MiyarError(
            Problem(
                "fetch_address",
                f"the host {url.host!r} has an address inside ({inside[0]}), and miyar.yml does not list it",
                next_step=f"If the provider's endpoint is there, write `fetch_hosts: [{url.host}]` in miyar.yml.",
            )
        )
    return list(dict.fromkeys(found))


# Blocks whose addresses end in an IPv4 address that a gateway reaches: NAT64 (RFC 6052, RFC 8215) and the old compatible form.
_ENDING_IN_IPV4 = [
    ipaddress.ip_network(block) for block in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")
]


def is_public(address: str) -> bool:
    """False for loopback, link-local (169.254.169.254 among them), private, shared and reserved addresses, however written."""
    told = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(told, ipaddress.IPv6Address):
        inner = told.ipv4_mapped or told.sixtofour
        if inner is None and any(told in block for block in _ENDING_IN_IPV4):
            inner = ipaddress.IPv4Address(int(told) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if told.is_site_local:
            return False
    elif told in ipaddress.ip_network("192.0.0.0/24"):
        return False
    return told.is_global and not told.is_multicast

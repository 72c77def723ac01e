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
    """Connects to the address that was judged; the host's name stays in the request and in the check of its certificate."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._inner = httpx.HTTPTransport()
        self._allowed = allowed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        url = request.url.copy_with(host=judged_address(request.url, self._allowed))
        extensions = {**request.extensions, "sni_hostname": host}
        return self._inner.handle_request(
            httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)
        )

    def close(self) -> None:
        self._inner.close()


def client(allowed: Collection[str], *, timeout: float) -> httpx.Client:
    """A client that follows redirects to public addresses and to hosts in `allowed` only.

    Behind a proxy (`HTTPS_PROXY` and its like) the proxy resolves names; there only the names' own addresses are looked at.
    """
    if urllib.request.getproxies():
        hooks = {"request": [lambda request: judged_address(request.url, allowed) and None]}
        return httpx.Client(timeout=timeout, follow_redirects=True, event_hooks=hooks)
    return httpx.Client(timeout=timeout, follow_redirects=True, transport=_Checked(allowed))


def judged_address(url: httpx.URL, allowed: Collection[str]) -> str:
    """The first address of a URL's host.

    Raises MiyarError if the host is not in `allowed` and one of its addresses is not public; httpx.ConnectError if it has none.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError("the host has no address") from error
    inside = [one for one in found if not _is_public(one)]
    if inside and url.host not in allowed:
        raise MiyarError(
            Problem(
                "fetch_address",
                f"the host {url.host!r} has an address inside ({inside[0]}), and miyar.yml does not list it",
                next_step=f"If the provider's endpoint is there, write `fetch_hosts: [{url.host}]` in miyar.yml.",
            )
        )
    return found[0]


def _is_public(address: str) -> bool:
    """False for loopback, link-local (169.254.169.254 among them), private, shared and reserved addresses."""
    told = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(told, "ipv4_mapped", None)
    told = mapped if mapped is not None else told
    return told.is_global and not told.is_multicast

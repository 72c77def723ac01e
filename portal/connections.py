"""Connections that ask for nothing, or never come to an end, and so would take room from others.

Belongs here: what the server itself refuses, before there is a request. Does not belong here: requests (`middleware`).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from portal.settings import PortalSettings

# Line and headers of one request. Browsers send some two thousand bytes; a signed-in one's cookie is 43 letters.
HEAD_BYTES = 16 * 1024
# From the opening of a connection, or from the first byte of a further request on it.
HEAD_SECONDS = 10.0
# A connection on which nothing is asked; longer than a proxy's own pause would only hold sockets.
IDLE_SECONDS = 20


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, and the head of a request must be whole in time: uvicorn itself waits for ever."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end = self.loop.call_later(self.head_seconds, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_asked = self.cycle is not None and not self.cycle.response_complete
        if is_asked and self._end is not None:
            self._end.cancel()
            self._end = None
        elif not is_asked and self._end is None:
            # Bytes of the next head, or of a body that was not wanted: each byte would put off uvicorn's own limit.
            self._end = self.loop.call_later(self.head_seconds, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)


def server_settings(settings: PortalSettings, port: int) -> dict[str, Any]:
    """Return how uvicorn serves the portal: on this machine only, for a proxy to stand before it."""
    return {
        "host": "127.0.0.1",
        "port": port,
        "http": Connection,
        # Not httptools: it takes headers of any size.
        "h11_max_incomplete_event_size": HEAD_BYTES,
        "ws": "none",
        # Forwarded addresses are read by the middleware, from proxies named in the settings; uvicorn would believe
        # whoever connects from this machine.
        "proxy_headers": False,
        "server_header": False,
        "limit_concurrency": settings.limits.connections,
        "timeout_keep_alive": IDLE_SECONDS,
        # The portal keeps its own record of who saw what; an access log would hold sign-in links.
        "access_log": False,
        "log_level": "warning",
    }

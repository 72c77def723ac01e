"""Fetch a paged HTTP endpoint into one NDJSON file in the landing zone, retrying and resuming where an earlier run stopped.

Belongs here: pages, retries, resume. Does not belong here: where a token comes from (`tokens`), which addresses are reached
(`addresses`), what the items mean (the contract maps the file afterwards).
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from ingestion import addresses
from ingestion.contract import Contract, Server
from ingestion.landing import UNFINISHED
from ingestion.tokens import bearer
from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace

TIMEOUT_SECONDS = 30.0
ATTEMPTS = 5  # with waits of 1, 2, 4 and 8 seconds, for outages of a quarter of a minute
LONGEST_WAIT_SECONDS = 60.0  # of a Retry-After header; longer pauses are left to the next run
_FIRST = {"number": "1", "offset": "0", "link": None}
MOST_PAGES = 100_000  # an endpoint that never ends is broken


class _BusyError(Exception):
    """A response worth retrying: too many requests, or a server error."""

    def __init__(self, status: int, wait_seconds: float | None) -> None:
        super().__init__(f"HTTP {status}")
        self.wait_seconds = wait_seconds


@dataclass
class _State:
    """The progress of a fetch, written after every page and before the next is requested."""

    url: str
    next_url: str | None
    next_value: str | None
    pages: int = 0
    items: int = 0
    size: int = 0  # bytes of the finished pages; anything after them in the file is an incomplete page
    is_last: bool = False  # no page follows


def fetch(
    contract: Contract,
    workspace: Workspace,
    delivered_on: str,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> Path:
    """Write all items of the contract's endpoint to `landing/<provider>/<feed>/<delivered_on>.ndjson`.

    A finished file is returned as it is. `wait` replaces sleeping (for tests). Raises MiyarError when the endpoint
    cannot be read; the pages read so far are kept, and a rerun continues after them.
    """
    server = contract.server
    if server is None:
        raise _problem(
            contract, "", "server_missing", "the contract names no server", "Add `server`, or deliver a file."
        )
    target = workspace.landing / contract.provider / contract.feed / f"{delivered_on}.ndjson"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + UNFINISHED)
    state_file = target.with_name(f".{target.name}.state.json")
    state = _resume(server, part, state_file)
    client = addresses.client(workspace.settings.fetch_hosts, timeout=TIMEOUT_SECONDS)
    client.headers["accept"] = "application/json"
    with client, part.open("ab") as out:
        _carry_token(client, contract, server)
        while not state.is_last:
            page, link = _get(client, contract, server, state, wait)
            items = _at(page, server.items_path)
            if not isinstance(items, list):
                raise _problem(
                    contract,
                    state.next_url or server.url,
                    "json_items",
                    f"itemsPath {server.items_path!r} leads to no list of records",
                    "Correct server.itemsPath in the contract.",
                )
            for item in items:
                line = json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
                out.write(line.encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
            state.is_last = not _advance(contract, server, state, _following(server, page, link), len(items))
            state.size = out.tell()
            atomic_files.write_text(state_file, json.dumps(asdict(state)))
    part.replace(target)
    state_file.unlink()
    return target


def _resume(server: Server, part: Path, state_file: Path) -> _State:
    """The state of an earlier run of the same endpoint, after cutting off an incomplete page; else a new state."""
    if part.is_file() and state_file.is_file():
        state = _State(**json.loads(state_file.read_text("utf-8")))
        if state.url == server.url and state.size <= part.stat().st_size:
            os.truncate(part, state.size)
            return state
    part.unlink(missing_ok=True)
    state_file.unlink(missing_ok=True)
    return _State(server.url, None, None if server.next_path is not None else _FIRST[server.pages])


def _carry_token(client: httpx.Client, contract: Contract, server: Server) -> None:
    client.headers.pop("authorization", None)
    try:
        token = bearer(client, contract, server)
    except MiyarError as error:
        raise _placed(error, contract, server.url) from None
    if token is not None:
        client.headers["authorization"] = f"Bearer {token}"


def _get(
    client: httpx.Client, contract: Contract, server: Server, state: _State, wait: Callable[[float], None]
) -> tuple[Any, str | None]:
    """The body of a page, and the next page its Link header names."""
    url = state.next_url or server.url
    query = {} if state.next_value is None else {server.page_parameter: state.next_value}

    def ask() -> tuple[Any, str | None]:
        address = httpx.URL(url).copy_merge_params(query)
        answer = client.get(address)
        if answer.status_code == 401 and server.oauth is not None:
            # The token ran out on the way; a new one is refused only if the client is.
            _carry_token(client, contract, server)
            answer = client.get(address)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _BusyError(answer.status_code, _retry_after(answer))
        answer.raise_for_status()
        return answer.json(), answer.links.get("next", {}).get("url")

    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, _BusyError | httpx.TransportError | ValueError)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_pause,
        reraise=True,
        sleep=wait,
    )
    try:
        return retrying(ask)
    except httpx.HTTPStatusError as error:
        reason = f"the server answered HTTP {error.response.status_code}"
        step = "Check server.url and the token in the contract with the provider."
    except ValueError:  # not JSON, or not text
        reason, step = "the answer is no JSON", "Check server.url with the provider."
    except MiyarError as error:
        raise _placed(error, contract, url) from None
    except httpx.InvalidURL:
        reason, step = "the address is no URL", "Check server.url with the provider."
    except (_BusyError, httpx.RequestError) as error:
        reason = (
            f"no answer after {ATTEMPTS} attempts ({error if isinstance(error, _BusyError) else type(error).__name__})"
        )
        step = f"Run the fetch again later; it goes on after page {state.pages}."
    raise _problem(contract, url, "fetch_failed", reason, step)


def _retry_after(answer: httpx.Response) -> float | None:
    seconds = answer.headers.get("retry-after", "")
    return min(float(seconds), LONGEST_WAIT_SECONDS) if seconds.isdigit() else None


def _pause(call: RetryCallState) -> float:
    error = call.outcome.exception() if call.outcome is not None else None
    if isinstance(error, _BusyError) and error.wait_seconds is not None:
        return error.wait_seconds
    return float(wait_exponential(multiplier=1, max=8)(call))


def _at(page: Any, path: str) -> Any:
    for part in path.split(".") if path else []:
        page = page.get(part) if isinstance(page, dict) else None
    return page


def _following(server: Server, page: Any, link: str | None) -> Any:
    """The next page as the answer names it; None where pages are counted, or there is no next."""
    if server.next_path is not None:
        return _at(page, server.next_path)
    return link if server.pages == "link" else None


def _advance(contract: Contract, server: Server, state: _State, following: Any, items: int) -> bool:
    """Move the state to the next page; return False when there is none."""
    state.pages += 1
    state.items += items
    if state.pages >= MOST_PAGES:
        raise _problem(
            contract,
            server.url,
            "fetch_endless",
            f"more than {MOST_PAGES:,} pages",
            "Check server.nextPath in the contract with the provider.",
        )
    if server.next_path is None and server.pages != "link":
        state.next_value = str(state.items if server.pages == "offset" else state.pages + 1)
        return items > 0
    if not following:
        return False
    text = str(following)
    here = state.next_url or server.url
    if text.startswith(("http://", "https://", "/", "?")):
        there = httpx.URL(here).join(text)
        # A page may name any address: the token must not go to another host, nor from HTTPS to HTTP.
        if _origin(there) != _origin(httpx.URL(server.url)):
            raise _problem(
                contract, str(there), "fetch_host", "the next page is on another host", "Ask the provider about it."
            )
        if str(there) == here:
            raise _problem(
                contract, here, "fetch_endless", "a page names itself as the next", "Ask the provider about it."
            )
        state.next_url, state.next_value = str(there), None
    elif text == state.next_value:
        raise _problem(contract, here, "fetch_endless", "a page names itself as the next", "Ask the provider about it.")
    else:
        state.next_value = text
    return True


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _problem(contract: Contract, url: str, rule: str, message: str, next_step: str) -> MiyarError:
    where = _shown(url) if url else f"{contract.provider}/{contract.feed}"
    return MiyarError(Problem(rule, message, contract.provider, where, next_step=next_step))


def _placed(error: MiyarError, contract: Contract, url: str) -> MiyarError:
    """The problems of an address with whose it is."""
    return MiyarError(replace(one, who=contract.provider, file=one.file or _shown(url)) for one in error.problems)


def _shown(url: str) -> str:
    return str(httpx.URL(url).copy_with(query=None))

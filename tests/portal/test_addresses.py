"""From which address a request comes: what counts in limits and stands in the audit.

Belongs here: forwarded addresses and their buckets. Does not belong here: counting (`test_sessions`).
"""

import json
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from portal.addresses import address_of, bucket_of
from portal.app import create_app
from portal.rate_limits import MOST_BUCKETS, RateLimits
from portal.serve import require_tls
from portal.settings import Limits, PortalSettings, load_settings
from portal.state import make_portal
from tests.portal.conftest import BASE, Clock, served

PROXY = PortalSettings(base_url=BASE, proxies=["127.0.0.1", "10.0.0.0/8", "fd00::/8"]).networks


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody but a proxy named in the settings is believed.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("203.0.113.9", [], "203.0.113.9"),
        # Of what a proxy passes on, the right-most that is no proxy of ours: what stands to the left was written by anybody.
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6", "198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        # Where the chain breaks, the last address that is known counts.
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["6.6.6.6, nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["6.6.6.6, nonsense, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["for=6.6.6.6"], "127.0.0.1"),
        # As some proxies write it.
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("127.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("fd00::1", ["2001:DB8:0::1"], "2001:db8::1"),
        # IPv4 in a dress of IPv6 is IPv4, for the proxy as for the reader.
        ("::ffff:127.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("testclient", ["198.51.100.1"], ""),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_address_that_counts(peer: str, forwarded: list[str], expected: str) -> None:
    assert address_of(peer, forwarded, PROXY) == expected


def test_addresses_of_one_subscriber_are_one_bucket() -> None:
    """A line of IPv6 has 2^64 addresses of its own (RFC 6177), so single ones limit nobody."""
    assert bucket_of("2001:db8:1:2::1") == bucket_of("2001:db8:1:2:ffff:ffff:ffff:ffff") == "2001:db8:1:2::/64"
    assert bucket_of("2001:db8:1:3::1") == "2001:db8:1:3::/64"
    assert bucket_of("198.51.100.1") == "198.51.100.1" and bucket_of("") == ""


@pytest.mark.parametrize("proxies", ["[anybody]", "['10.0.0.1/8']", "['0.0.0.0/0']", "['::/0']"])
def test_a_proxy_that_is_no_network_or_everybody_is_refused(tmp_path: Any, proxies: str) -> None:
    (tmp_path / "portal.yml").write_text(f"proxies: {proxies}\n", "utf-8")
    with pytest.raises(MiyarError) as caught:
        load_settings(tmp_path)
    assert [problem.column for problem in caught.value.problems] == ["proxies"]


@pytest.mark.parametrize("proxies", [[], ["127.0.0.1"]])
def test_an_address_anybody_writes_passes_no_limit_and_is_not_in_the_audit(
    centre: Workspace, clock: Clock, proxies: list[str]
) -> None:
    """300 requests of one machine, each with another address in its headers, passed a limit of 20."""
    limits = Limits(sign_ins_per_minute=20)
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=limits, proxies=proxies))
    real = "198.51.100.77"
    path = centre.root / "portal" / "audit.jsonl"
    before = len(path.read_text("utf-8").splitlines()) if path.exists() else 0
    with served(create_app(portal), portal) as address, httpx.Client() as client:
        passed = 0
        for number in range(60):
            forged = {
                "x-forwarded-for": f"6.6.{number}.6, {real}",
                "x-real-ip": f"6.6.{number}.6",
                "host": "portal.test",
            }
            forged["forwarded"] = f"for=6.6.{number}.6"
            passed += client.get(f"{address}/signin", headers=forged).status_code == 200
    assert passed == 20
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()][before:]
    assert {line["address"] for line in lines} == {real if proxies else "127.0.0.1"}


def test_one_line_of_ipv6_has_one_limit(centre: Workspace, clock: Clock) -> None:
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=Limits(sign_ins_per_minute=5)))
    app = create_app(portal)
    answers = []
    for number in range(20):
        with TestClient(app, base_url=BASE, client=(f"2001:db8:7:7::{number:x}", 4711)) as client:
            answers.append(client.get("/signin").status_code)
    assert answers.count(200) == 5
    with TestClient(app, base_url=BASE, client=("2001:db8:7:8::1", 4711)) as client:
        assert client.get("/signin").status_code == 200


def test_many_addresses_cost_nobody_time(clock: Clock) -> None:
    """Above the most buckets that are kept every further request looked through all of them."""
    looked = 0

    class Counting(dict[str, tuple[float, float]]):
        def items(self) -> Any:
            nonlocal looked
            looked += 1
            return super().items()

    rates = RateLimits(clock)
    for number in range(MOST_BUCKETS + 2000):
        rates._buckets = Counting(rates._buckets) if type(rates._buckets) is dict else rates._buckets
        assert rates.seconds_to_wait(f"address {number}", 900) == 0
    assert looked <= 2
    assert rates.seconds_to_wait("address 0", 900) == 0
    clock.pass_by(minutes=2)
    assert rates.seconds_to_wait("address x", 900) == 0
    assert len(rates._buckets) < 10, "and full ones are forgotten"


@pytest.mark.parametrize(
    ("base_url", "is_taken"),
    [
        ("https://portal.example", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://portal.example", False),
        ("http://127.0.0.1.portal.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_readers_on_other_machines_come_by_tls(base_url: str, is_taken: bool) -> None:
    """Else cookies and figures cross the network for all to read."""
    settings = PortalSettings(base_url=base_url)
    if is_taken:
        require_tls(settings)
    else:
        with pytest.raises(MiyarError, match="portal_in_clear"):
            require_tls(settings)

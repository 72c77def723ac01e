"""What a centre may set for its portal in `portal.yml` of the workspace; every field has a default.

Belongs here: the settings' model and reading it. Does not belong here: who the users are (`users`).
"""

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from miyar.errors import MiyarError, Problem
from portal.addresses import Network

FILE = "portal.yml"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Oidc(_Model):
    """The centre's OpenID Connect provider. The secret is read from an environment variable, never from the file."""

    issuer: str
    client_id: str
    client_secret_variable: str = "MIYAR_OIDC_SECRET"  # noqa: S105 - the name of a variable
    scope: str = "openid email"


class Limits(_Model):
    """What one reader or one address may ask of the portal."""

    body_bytes: int = Field(64 * 1024, gt=0, description="Largest body of a form")
    body_seconds: int = Field(20, gt=0, description="Until the body of a form is there")
    upload_bytes: int = Field(50 * 1024 * 1024, gt=0, description="Largest file for the check of a file")
    upload_seconds: int = Field(600, gt=0, description="Until a file for the check is there")
    taking_seconds: int = Field(60, gt=0, description="Until a reader has taken 64 kB of an answer")
    connections: int = Field(
        800, gt=0, description="Open at once; more are answered 503. Below the system's limit of files"
    )
    check_seconds: int = Field(120, gt=0, description="Judging a file in the check of a file")
    score_seconds: int = Field(180, ge=0, description="Working out its scores afterwards; 0: no scores")
    check_memory_bytes: int = Field(4 * 1024**3, gt=0)
    checks_per_minute: int = Field(6, gt=0, description="Checks per user")
    reader_per_minute: int = Field(300, gt=0)
    address_per_minute: int = Field(900, gt=0, description="A whole agency may stand behind one address")
    sign_ins_per_minute: int = Field(20, gt=0, description="Steps of signing in per address")


class Sessions(_Model):
    """How long a session lives, and how long a sign-in link."""

    idle_minutes: int = Field(30, gt=0)
    absolute_hours: int = Field(10, gt=0)
    link_minutes: int = Field(15, gt=0)
    most: int = Field(10_000, gt=0, description="Sessions held at once; above, the oldest goes")


class PortalSettings(_Model):
    """All of `portal.yml`. `base_url` is where readers reach the portal: it decides cookies, redirects and the host.

    `proxies` are addresses or networks whose X-Forwarded-For is believed; none by default.
    """

    base_url: str = "http://127.0.0.1:8080"
    proxies: tuple[str, ...] = ()
    oidc: Oidc | None = None
    limits: Limits = Limits()
    sessions: Sessions = Sessions()

    @field_validator("base_url")
    @classmethod
    def _whole(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"}:
            raise ValueError("write it as https://host or https://host:port")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("proxies")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if ip_network(text).prefixlen == 0:
                raise ValueError("a network of everybody is no proxy of yours; name its address")
        return value

    @property
    def networks(self) -> tuple[Network, ...]:
        """Return the proxies as networks."""
        return tuple(map(ip_network, self.proxies))

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc


def load_settings(workspace: Path) -> PortalSettings:
    """Read `portal.yml`, or take the defaults; raises MiyarError listing everything wrong with it."""
    path = workspace / FILE
    if not path.is_file():
        return PortalSettings()
    try:
        return PortalSettings.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except yaml.YAMLError as error:
        raise MiyarError(Problem("settings_invalid", str(error).splitlines()[0], file=FILE)) from None
    except ValidationError as error:
        raise MiyarError(
            Problem(
                "settings_invalid",
                detail["msg"].removeprefix("Value error, "),
                file=FILE,
                column=".".join(str(part) for part in detail["loc"]),
                next_step="Correct the field.",
            )
            for detail in error.errors(include_url=False, include_input=False)
        ) from None

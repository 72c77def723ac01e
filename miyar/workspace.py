"""The directory of one centre: its file locations, the settings in `miyar.yml`, and the lock that keeps runs apart.

Belongs here: paths, settings, the run lock, who may read what is written. Does not belong here: reading of registry tables
(`miyar.registry`) or data.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from miyar.errors import MiyarError, Problem, WorkspaceBusyError
from miyar.periods import is_period, period_range
from miyar.timezones import is_zone


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Names(_Model):
    """A text in both languages, Arabic first."""

    ar: str
    en: str


class OpenPeriods(_Model):
    """First and last period that rows are accepted for; rows outside are quarantined because their period is closed."""

    first: str
    last: str

    @model_validator(mode="after")
    def _ordered(self) -> "OpenPeriods":
        for text in (self.first, self.last):
            if not is_period(text):
                raise ValueError(f"{text!r} is no period; write it as 2026Q3")
        if not period_range(self.first, self.last):
            raise ValueError(f"first {self.first} is after last {self.last}")
        return self

    @property
    def all(self) -> list[str]:
        return period_range(self.first, self.last)


class Settings(_Model):
    """`miyar.yml`. Thresholds are not here: the methodology sets them, not a centre."""

    name: Names
    contact: str = ""  # of the controller, for the record of processing
    methodology: str
    periods: OpenPeriods
    # Zone whose quarters and days count, and of times that name none. UTC is the one default that moves no time nobody placed.
    timezone: str = "UTC"
    pseudonym_key_variable: str = "MIYAR_PSEUDONYM_KEY"
    memory_limit: str = "2GB"
    threads: int = 2
    # Hosts inside (this machine, the office's network) that `miyar fetch` may connect to; others must have public addresses.
    fetch_hosts: tuple[str, ...] = ()
    # File of the key that signs checkpoints; it stands outside the workspace. MIYAR_CHECKPOINT_KEY goes before it.
    checkpoint_key: str = ""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if not is_zone(name):
            raise ValueError(f"there is no time zone {name!r}; name a region and a place, as in Asia/Riyadh, or UTC")
        return name


def keep_private() -> None:
    """Let what this process and its children create be its own user's alone, whatever the umask was.

    By the umask and not by each file's mode: dbt, DuckDB and Dagster write files of their own.
    """
    os.umask(0o077)


# What only a run writes. Others deliver below `landing`, keep the registry, read editions or run the portal: that stays.
OWN_FOLDERS = ("dagster", "lake", "scratch", "vintages", "warehouse")


def _close(root: Path) -> None:
    """Let nobody else enter what an earlier version, or a copy, left open; a folder of another account stays as it is."""
    for name in OWN_FOLDERS:
        path = root / name
        with suppress(OSError):
            state = path.lstat()
            if stat.S_ISDIR(state.st_mode) and state.st_mode & 0o077:
                os.chmod(path, stat.S_IMODE(state.st_mode) & 0o700)  # noqa: PTH101 - named by its tests


@dataclass(frozen=True)
class Workspace:
    """One centre's registry, landing zone, lake, warehouse and editions."""

    root: Path
    settings: Settings

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Read `miyar.yml`; raises MiyarError listing everything wrong with it.

        From then on this process writes files that only its own user may read (`keep_private`).
        """
        keep_private()
        path = root / "miyar.yml"
        if not path.is_file():
            raise MiyarError(
                Problem(
                    "no_workspace", "there is no miyar.yml here", file=str(root), next_step="Run `miyar init` first."
                )
            )
        try:
            settings = Settings.model_validate(yaml.safe_load(path.read_text("utf-8")))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise MiyarError(Problem("settings_invalid", str(error).splitlines()[0], file=str(path))) from None
        except ValidationError as error:
            raise MiyarError(
                Problem(
                    "settings_invalid",
                    detail["msg"].removeprefix("Value error, "),
                    file=str(path),
                    column=".".join(str(part) for part in detail["loc"]),
                    next_step="Correct the field.",
                )
                for detail in error.errors(include_url=False, include_input=False)
            ) from None
        return cls(root.resolve(), settings)

    @property
    def registry(self) -> Path:
        return self.root / "registry"

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def submissions(self) -> Path:
        return self.lake / "submissions"

    @property
    def quarantine(self) -> Path:
        return self.lake / "quarantine"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse" / "warehouse.duckdb"

    @property
    def editions(self) -> Path:
        return self.root / "editions"

    @property
    def scratch(self) -> Path:
        """Working files of the run that holds the lock; emptied when a run starts."""
        return self.root / "scratch"

    @contextmanager
    def lock(self, wait_seconds: float = 0) -> Iterator[None]:
        """Hold the workspace for one run; raises WorkspaceBusyError when another run holds it.

        A step of a run that already holds the lock passes through. Folders that only Miyar writes are closed to others.
        """
        if self.root in _HELD:
            yield
            return
        holder = self.root / ".lock.pid"
        lock = FileLock(self.root / ".lock")
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout:
            pid = holder.read_text("utf-8", "replace").strip() if holder.is_file() else "unknown"
            raise WorkspaceBusyError(
                Problem(
                    "workspace_busy",
                    f"another run (process {pid}) is working on this workspace",
                    file=str(self.root),
                    next_step="Wait for it, or pass --wait SECONDS.",
                )
            ) from None
        try:
            holder.write_text(str(os.getpid()), "utf-8")
            _HELD.add(self.root)
            _close(self.root)
            yield
        finally:
            _HELD.discard(self.root)
            lock.release()


# Workspaces this process has locked: a run takes the lock once, and its steps ask for it again.
_HELD: set[Path] = set()

"""Fixtures of the publication's tests.

Belongs here: a centre made by hand, and a way around the protection of a published file. Does not belong here: any expectation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.publication.centre import Centre
from tests.publication.server import Server, private_server


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path / "centre")


@contextmanager
def unsealed(path: Path) -> Iterator[Path]:
    """Edit a published file as somebody with enough rights could: remove the protection, edit, restore it."""
    folder = path.parent
    modes = {place: place.stat().st_mode for place in (folder, path) if place.exists()}
    for place in modes:
        place.chmod(0o755)
    yield path
    for place, mode in modes.items():
        if place.exists():
            place.chmod(mode)


@pytest.fixture
def unseal() -> Any:
    return unsealed


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with private_server() as running:
        yield running

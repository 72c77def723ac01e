"""Every format a contract may name can be read, and the simulation delivers those of its worlds.

Belongs here: whether the hand-kept lists of formats are complete. Does not belong here: what is read (`tests/ingestion`).
"""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic import TypeAdapter

from ingestion.formats import FileFormat
from ingestion.readers import READERS
from simulation.files import WRITERS, opened

MODELS = get_args(get_args(FileFormat)[0])
TYPES = [kind for model in MODELS for kind in get_args(model.model_fields["type"].annotation)]


def test_each_format_has_one_reader() -> None:
    assert len(TYPES) == len(set(TYPES)) > 5
    assert set(READERS) == set(TYPES) > set(WRITERS)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_writer_takes_the_bare_format(kind: str, tmp_path: Path) -> None:
    form = TypeAdapter(FileFormat).validate_python({"type": kind})
    with opened(tmp_path / f"file.{kind}", form) as writer:
        writer.write({"a": np.array(["1", "2"], object)})
    assert (tmp_path / f"file.{kind}").stat().st_size > 0

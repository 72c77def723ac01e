"""Reference cases: folders of `input*.csv` and `expected.csv` made by independent software, and the adapters that answer them.

Belongs here: finding and reading cases, the register of adapters, the comparison at each line's own tolerance. Does not
belong here: any method (`methodology`) and any adapter (`adapters_*`).
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

OWN = Path(__file__).parent / "cases"
SHARED = Path(__file__).parents[3] / "shared" / "reference" / "cases"
Key = tuple[str, str]
Adapter = Callable[["Case"], Mapping[Key, float | None]]
ADAPTERS: dict[str, Adapter] = {}


@dataclass(frozen=True)
class Case:
    """One folder. An adapter sees its inputs and what is asked (group, metric), never the expected values."""

    folder: Path

    @property
    def method(self) -> str:
        """The folder's name without its number: `07_wilson` is `wilson`."""
        return re.sub(r"^\d+_", "", self.folder.name)

    @cached_property
    def inputs(self) -> dict[str, pd.DataFrame]:
        """Every CSV next to expected.csv by its stem; empty cells are missing, numbers are numbers."""
        paths = sorted(path for path in self.folder.glob("*.csv") if path.name != "expected.csv")
        return {path.stem: pd.read_csv(path) for path in paths}

    @cached_property
    def asked(self) -> list[Key]:
        """The (group, metric) pairs in the order of expected.csv."""
        return list(zip(self._expected["group"], self._expected["metric"], strict=True))

    @cached_property
    def _expected(self) -> pd.DataFrame:
        texts = pd.read_csv(self.folder / "expected.csv", dtype={"group": str, "metric": str})
        return texts.fillna({"group": "", "metric": ""})

    def differences(self, answers: Mapping[Key, float | None]) -> Iterator[tuple[Key, str]]:
        """Every asked pair whose answer is absent or outside |ours - theirs| <= atol + rtol |theirs|; empty means NULL."""
        for line in self._expected.itertuples():
            key = (line.group, line.metric)
            if key not in answers:
                yield key, "no answer"
                continue
            ours = answers[key]
            undefined = ours is None or np.isnan(ours)
            if pd.isna(line.value) or undefined:
                if pd.isna(line.value) != undefined:
                    yield key, f"{ours} instead of {line.value}"
            elif not np.isclose(ours, line.value, rtol=line.rtol, atol=line.atol):
                yield key, f"{ours!r} instead of {line.value!r}"


def adapter(*methods: str) -> Callable[[Adapter], Adapter]:
    """Register a function of the case that answers every asked pair of these methods (folder names without number)."""

    def register(function: Adapter) -> Adapter:
        for method in methods:
            ADAPTERS[method] = function
        return function

    return register


def case_folders() -> list[Path]:
    """Folders of MIYAR_CASES when set; else the copies kept here and, where it is present, the shared set."""
    named = os.environ.get("MIYAR_CASES")
    roots = [Path(named)] if named else [OWN, SHARED]
    found = {path.parent.name: path.parent for root in reversed(roots) for path in sorted(root.glob("*/expected.csv"))}
    return [found[name] for name in sorted(found)]

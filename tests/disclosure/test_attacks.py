"""The attacks of `docs/evidence/attacks.md` in short: none succeeds, and each does once a rule is off or a leak is planted.

Belongs here: what the report claims. Does not belong here: the attacks themselves, the rules one by one.
"""

import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from miyar.workspace import Workspace
from publication.access import Centre, Public
from tests.conftest import CopyOfBuilt
from tests.disclosure.algebra import System, Tried, attack, attack_pairs
from tests.disclosure.artefacts import attack_files, attack_proofs
from tests.disclosure.doors import attack_errors, attack_explanations
from tests.disclosure.drawn import THRESHOLDS, attack_worlds, published
from tests.disclosure.equations import attack_edition
from tests.disclosure.intervals import attack_counts, attack_largest
from tests.disclosure.published import Published
from tests.disclosure.report import on_worlds

OFF = {
    "minimum_contributors": "counts and sums of one table",
    "owner_n": "two editions of a region",
}


def test_drawn_worlds_tell_nothing() -> None:
    tried = on_worlds(6)
    assert sum(tried.attempts.values()) > 10_000
    assert {kind for kind, _ in tried.attempts} >= {
        *OFF.values(),
        "two editions of a total",
        "two editions of totals and places",
        "n of two totals of agencies",
    }
    assert tried.told == []


@pytest.mark.parametrize(("rule", "kind"), OFF.items())
def test_with_a_rule_off_they_tell(rule: str, kind: str) -> None:
    tried = Tried()
    attack_worlds(6, 1, lambda *given: published(*given, thresholds={**THRESHOLDS, rule: 0.0}), tried)
    assert tried.of(kind)[1] > 0


def test_a_built_edition_tells_nothing(built_workspace: Workspace) -> None:
    tried = Tried()
    edition = Published(built_workspace, Public())
    attack_edition(built_workspace, tried)
    attack_counts(edition, tried, 20)
    attack_largest(edition, tried)
    assert len(tried.attempts) > 15
    assert tried.told == []


def test_what_only_the_centre_reads_tells(built_workspace: Workspace) -> None:
    """Or the attacks would prove nothing."""
    tried = Tried()
    attack_edition(built_workspace, tried, Centre())
    attack_largest(Published(built_workspace, Centre()), tried)
    for kind in ("counts and sums of one table", "n of two figures of a region"):
        assert tried.of(kind)[1] > 0, kind
    assert sum(tried.narrow.values()) > 0


def test_intervals_are_narrow_where_small_counts_alone_are_hidden(built_workspace: Workspace) -> None:
    class Careless(Published):
        """As if what protects others were shown."""

        def truth_rows(self, query: str) -> list[dict[str, object]]:
            return super().truth_rows(
                query.replace(
                    "benchmarks.bench_scores\n            where n is not null and (agency_id is not null or is_shared)",
                    "intermediate.int_scores__judged where n >= 30",
                )
            )

    tried = Tried()
    attack_counts(Careless(built_workspace, Public()), tried, 20)
    assert sum(tried.narrow.values()) > 0


def test_files_proofs_and_answers_tell_nothing(built_workspace: Workspace, tmp_path: Path) -> None:
    tried = Tried()
    agencies = sorted(path.name for path in (built_workspace.editions / "current" / "packs").iterdir())[:2]
    attack_files(built_workspace, tried, agencies[:1])
    attack_proofs(built_workspace, tried, agencies)
    attack_explanations(built_workspace, tried, agencies[:1])
    attack_errors(built_workspace, tried, agencies, tmp_path, most=10)
    assert sum(tried.attempts.values()) > 100_000
    assert tried.told == []


def test_planted_leaks_in_files_are_found(copy_of_built: CopyOfBuilt) -> None:
    workspace = copy_of_built("planted")
    edition = (workspace.editions / "current").resolve()
    one, other = sorted(path.name for path in (edition / "packs").iterdir())[:2]
    folder = edition / "packs" / one
    foreign = pq.read_table(edition / "packs" / other / "tables" / "owner_scores.parquet")
    secret = next(f"{value:.4f}" for value in foreign["score"].to_pylist() if value is not None and value % 1)
    for file in (edition / "reports").rglob("*.pdf"):
        file.unlink()  # they take the time and are not what is planted in
    with (folder / "index.en.html").open("a", encoding="utf-8") as page:
        page.write(f"<!-- {secret} -->")
    book = openpyxl.load_workbook(folder / "pack.xlsx")
    book.create_sheet("more").sheet_state = "veryHidden"
    book.save(folder / "pack.xlsx")
    # A table cut after it was coded: the dictionary still has the words of rows that are gone.
    coded = pa.table({"name": pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["own", "foreign"]))})
    pq.write_table(coded, folder / "tables" / "planted.parquet")
    shutil.copy(folder / "tables" / "planted.parquet", folder / "tables" / "bench_drivers.parquet")
    tried = Tried()
    attack_files(workspace, tried, [one])
    assert tried.of("html: values withheld, in texts and hidden parts")[1] == 1
    assert tried.of("xlsx: hidden sheets, names, links and comments")[1] == 1
    assert tried.of("Parquet statistics, dictionaries and metadata")[1] > 0


def test_the_algebra_by_hand() -> None:
    """Three agencies in a total, two of them in a region: the total less the region is the third's."""
    tried = Tried()
    attack(System("sums", "m", np.array([[1, 1, 1], [1, 1, 0]], float), np.array(["a", "b", "c"])), tried)
    # A stranger has c; with a it has b too, and with a and b, a and c, b and c whoever is left.
    assert tried.exact == {("sums", "stranger"): 1, ("sums", "agency"): 2 + 1 + 1, ("sums", "two agencies"): 3}
    assert tried.attempts == {("sums", "stranger"): 3, ("sums", "agency"): 6, ("sums", "two agencies"): 3}
    pairs = Tried()
    attack_pairs("n", "u", {"one": {"a": 5.0, "b": 7.0}, "other": {"a": 5.0, "b": 8.0}}, pairs)
    assert pairs.exact == {("n", "stranger"): 1, ("n", "agency"): 0, ("n", "two agencies"): 0}

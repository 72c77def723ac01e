"""Nobody works out another's figure from a proof of their own.

The attacker is an agency that asked for the proof of its own score, knows the form of every row, and guesses.

Belongs here: attacks on what `prove` prints. Does not belong here: that a proof proves (`test_release_ledger`).
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from publication.proofs import prove
from publication.release_ledger import read_entries
from tests.publication.centre import Centre


@pytest.fixture
def asked(centre: Centre) -> tuple[dict[str, Any], Path]:
    """A proof of one agency's score, in the edition that corrected one figure of another agency."""
    centre.publish()
    centre.change("update benchmarks.bench_scores set score = 63.5 where score_id = 's4'")
    edition = centre.publish(reason="a corrected file").path
    return json.loads(json.dumps(prove(edition, "s3"))), edition


def _values(value: Any) -> Iterator[str]:
    """Every text in what was printed."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _values(one)
    elif isinstance(value, list):
        for one in value:
            yield from _values(one)
    else:
        yield str(value)


def _guesses(proof: dict[str, Any]) -> Iterator[list[str | None]]:
    """Rows of the other agency, all but score, interval and count known: a domain of 3,000."""
    own = dict(zip(proof["columns"], json.loads(proof["row"]), strict=True))
    for half, n in itertools.product(range(100, 150), range(50, 70)):
        for low in (59, 60, 61):
            known = {"score_id": "s4", "unit_id": "a02", "agency_id": "a02", "score": f"{half / 2:.4f}"}
            guess = own | known | {"ci_low": f"{low}.0000", "ci_high": "68.0000", "n": str(n)}
            yield list(guess.values())


def _text(row: list[str | None]) -> bytes:
    """The text of a row, as `publication.hashing` says."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def test_the_domain_holds_the_truth(asked: tuple[dict[str, Any], Path]) -> None:
    """Or the attacks below would prove nothing: one of the guesses is the row that is in the table."""
    proof, edition = asked
    other = json.loads(json.dumps(prove(edition, "s4")))
    assert other["row"].encode() in {_text(row) for row in _guesses(proof)}


def test_no_hash_in_a_proof_is_that_of_a_guessed_row(asked: tuple[dict[str, Any], Path]) -> None:
    """Nor of a guessed row beside one that the attacker knows: its own other score, and a row that hides everything."""
    proof, edition = asked
    shown = set(_values(proof))
    known = [
        hashlib.sha256(b"\0" + hashlib.sha256(row.encode()).digest()).digest() for row in _rows(edition, "s1", "s2")
    ]
    cracked = []
    for row in _guesses(proof):
        digest = hashlib.sha256(_text(row)).digest()
        leaf = hashlib.sha256(b"\0" + digest).digest()
        forms = [digest, leaf, hashlib.sha256(b"\0" + _text(row)).digest()]
        forms += [hashlib.sha256(b"\1" + one + two).digest() for one, two in itertools.permutations([leaf, *known], 2)]
        if shown & {form.hex() for form in forms}:
            cracked.append(row)
    assert not cracked, f"{len(cracked)} rows of another agency are cracked"


def _rows(edition: Path, *score_ids: str) -> list[str]:
    return [str(prove(edition, one)["row"]) for one in score_ids]


def test_own_salt_cracks_no_sibling(asked: tuple[dict[str, Any], Path]) -> None:
    """A salt that two rows share would be one that each of their owners knows."""
    proof, edition = asked
    other = json.loads(json.dumps(prove(edition, "s4")))
    assert proof["salt"] != other["salt"]
    shown = set(_values(proof))
    salt = bytes.fromhex(proof["salt"])
    for row in _guesses(proof):
        digest = hashlib.sha256(_text(row)).digest()
        assert hashlib.sha256(b"\0" + salt + digest).hexdigest() not in shown


def test_who_knows_all_rows_but_one_finds_that_one_in_no_hash(asked: tuple[dict[str, Any], Path]) -> None:
    """The hash of a whole table is a hash of its last unknown row, for who has the others."""
    proof, edition = asked
    manifest = json.loads((edition / "manifest.json").read_text("utf-8"))
    unsalted = {entry["hash"] for entry in manifest["tables"].values()} | {
        manifest["content_hash"],
        *manifest["packs"].values(),
    }
    assert not unsalted & set(_values(proof))
    roots = "".join(f"{name}={entry['hash']}\n" for name, entry in sorted(manifest["tables"].items()))
    assert hashlib.sha256(roots.encode()).hexdigest() not in set(_values(proof))


def test_a_correction_of_another_is_not_cracked_from_its_hash(asked: tuple[dict[str, Any], Path]) -> None:
    """The entry's hash of its corrections is over two figures: before and after."""
    proof, edition = asked
    [correction] = read_entries(edition.parent)[1].corrections["figures"]
    known = {key: correction[key] for key in ("score_id", "unit_id", "metric_id", "period_id", "change")}
    told = proof["entry"]["corrections_hash"]
    for before, after in itertools.product(range(120, 132), repeat=2):
        guess = known | {"before": {"score": before / 2}, "after": {"score": after / 2}}
        value = {"base": "2026Q1-r1", "methodology_before": "2026.2", "figures": [guess]}
        assert hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest() != told
    assert (correction["before"]["score"], correction["after"]["score"]) == (64.0, 63.5)


def test_the_secret_stands_in_no_edition_and_is_nobody_elses(asked: tuple[dict[str, Any], Path]) -> None:
    _, edition = asked
    folder = edition.parent.parent / "vintages" / "proofs"
    secrets = {path.read_text("utf-8").strip() for path in folder.iterdir()}
    assert len(secrets) == 2 and all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    for path in edition.parent.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(one.encode() in content or bytes.fromhex(one) in content for one in secrets), path.name

"""Personal data: found in free text, pseudonymised before anything is written, never in a byte of the lake."""

import hashlib
import hmac
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import patterns, personal, values
from miyar import sql

KEY = "a key for tests"
# 1000000008 and 2000000006 satisfy the Luhn formula (computed by hand: digits doubled from the right sum to 10).
CITIZEN, RESIDENT = "1000000008", "2000000006"
# The example of ISO 13616's registry for the United Kingdom, and one for this pattern's own country code.
IBAN = "GB29 NWBK 6016 1331 9268 19"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"my id is {CITIZEN}", ["national_id"]),
        ("هويتي ١٠٠٠٠٠٠٠٠٨ شكرا", ["national_id"]),
        ("اقامة ۲۰۰۰۰۰۰۰۰۶", ["national_id"]),
        ("رقمي0501234567", ["phone"]),
        ("call 0501234567", ["phone"]),
        ("call ٠٥٠١٢٣٤٥٦٧ now", ["phone"]),
        ("+966 50 123 4567", ["phone"]),
        ("00966501234567", ["phone"]),
        (f"pay to {IBAN} please", ["iban"]),
        ("write to some.one@example.org", ["email"]),
        ("1000000009", []),  # fails the Luhn formula
        ("3000000004", []),  # Luhn-valid, but identifiers begin with 1 or 2
        ("10000000080", []),  # eleven digits are not an identifier
        ("GB29 NWBK 6016 1331 9268 18", []),
        ("waited 45 minutes on 2025-02-03", []),
        ("", []),
    ],
)
def test_patterns(text: str, found: list[str]) -> None:
    assert patterns.found_in(text) == found


def test_search_in_sql_misses_nothing_that_the_checks_would_find() -> None:
    texts = [f"my id is {CITIZEN}", "هويتي ١٠٠٠٠٠٠٠٠٨", "رقمي0501234567", IBAN, "a@b.org", "plain", "٠٥٠١٢٣٤٥٦٧"]
    with duckdb.connect() as connection:
        values.install(connection)
        candidates = [
            connection.execute(f"select {patterns.candidates_sql(sql.text(text))}").fetchone() for text in texts
        ]
    assert [row == (True,) for row in candidates] == [bool(patterns.found_in(text)) for text in texts]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("happy", "happy"),
        (f"id {CITIZEN}!", "id •••!"),
        ("٠٥٠١٢٣٤٥٦٧", "•••"),
        ("case 1234567", "case •••"),
        ("case 123456", "case 123456"),
        ("me@example.org wrote", "••• wrote"),
        ("x" * 41, "x" * 39 + "…"),
        ("x" * 40, "x" * 40),
    ],
)
def test_mask_in_python_and_in_sql(value: str, shown: str) -> None:
    assert patterns.mask(value) == shown
    with duckdb.connect() as connection:
        values.install(connection)
        assert connection.execute(f"select {patterns.mask_sql(sql.text(value))}").fetchone() == (shown,)


@pytest.mark.parametrize("key", [b"short", b"k" * 64, b"a key longer than one block of SHA-256 " * 3])
def test_pseudonym_in_sql_is_the_hmac_of_the_standard_library(key: bytes) -> None:
    with duckdb.connect() as connection:
        personal.Pseudonyms(key).install(connection)
        for value in ("77", "محمد", CITIZEN):
            expected = hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]
            assert connection.execute(f"select {personal.pseudonym_sql(sql.text(value))}").fetchone() == (expected,)
            assert personal.pseudonym(key, f" {value} ") == expected


def personal_survey(survey: dict[str, Any]) -> dict[str, Any]:
    return survey | {
        "properties": [
            *survey["properties"],
            {"name": "beneficiary", "physicalName": "person", "treatment": "pseudonymise"},
            {"name": "touchpoint", "physicalName": "comment"},
        ],
        "dropped": [{"physicalName": "phone", "reason": "personal", "scan": True}],
    }


FILE = (
    "agency,id,answered,q1,person,comment,phone\n"
    f"a01,r1,2025-02-03,4,{CITIZEN},counter 3,0509876543\n"
    f"a01,r2,2025-02-03,4,١٠٠٠٠٠٠٠٠٨,my number is ٠٥٠١٢٣٤٥٦٧,\n"
    f"a01,r3,2025-02-03,5,55,id {RESIDENT},\n"
    "a01,r4,2025-02-03,9,,write me@example.org,\n"
)
SECRETS = [CITIZEN, RESIDENT, "0501234567", "٠٥٠١٢٣٤٥٦٧", "١٠٠٠٠٠٠٠٠٨", "0509876543", "me@example.org", KEY]


def test_no_personal_value_reaches_the_lake(
    centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", KEY)
    centre.contract(personal_survey(survey))
    centre.land(FILE)
    [delivery] = centre.deliveries()
    account = centre.receive(delivery)
    assert (account.accepted, account.quarantined) == (1, 3)
    written = [path for path in centre.workspace.lake.rglob("*") if path.is_file()]
    assert len(written) == 3  # one period, the quarantine, the account
    for path in written:
        # Parquet pages are compressed, so the values themselves are searched as well as the bytes.
        shown = path.read_bytes()
        if path.suffix == ".parquet":
            shown += "\n".join(map(str, duckdb.sql(f"from read_parquet('{path}')").fetchall())).encode()
        for secret in SECRETS:
            assert secret.encode() not in shown, (path.name, secret)


def test_what_happens_to_each_personal_value(
    centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", KEY)
    centre.contract(personal_survey(survey))
    centre.land(FILE)
    assert centre.problems() == [
        (3, "personal_data", "comment", ""),
        (4, "personal_data", "comment", ""),
        (5, "personal_data", "comment", ""),
    ]
    expected = hmac.new(KEY.encode(), CITIZEN.encode(), hashlib.sha256).hexdigest()[:32]
    # The same person in ASCII and in Arabic-Indic digits gets one pseudonym.
    assert [p for (p,) in centre.rows("beneficiary")][:2] == [expected, expected]
    [note] = centre.stage().notes
    assert note.rule == "personal_data_dropped" and "1 cells" in note.message


def test_contract_that_pseudonymises_needs_a_key(
    centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MIYAR_PSEUDONYM_KEY", raising=False)
    centre.contract(personal_survey(survey))
    centre.land(FILE)
    [problem] = centre.refusal()
    assert (problem.rule, problem.who, problem.column) == ("pseudonym_key_missing", "p1", "beneficiary")
    assert "MIYAR_PSEUDONYM_KEY" in problem.next_step


def test_key_file_must_be_private(centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIYAR_PSEUDONYM_KEY", raising=False)
    centre.contract(personal_survey(survey))
    centre.land(FILE)
    key: Path = centre.root / "pseudonym.key"
    key.write_text(KEY)
    key.chmod(0o644)
    [problem] = centre.refusal()
    assert problem.rule == "pseudonym_key_open" and "0644" in str(problem) and "chmod 600" in problem.next_step
    assert KEY not in str(problem)
    key.chmod(0o600)
    expected = hmac.new(KEY.encode(), CITIZEN.encode(), hashlib.sha256).hexdigest()[:32]
    assert centre.rows("beneficiary")[0] == (expected,)
    key.write_text("\n")
    assert [p.rule for p in centre.refusal()] == ["pseudonym_key_missing"]


def test_key_is_not_shown() -> None:
    assert KEY not in repr(personal.Pseudonyms(KEY.encode()))

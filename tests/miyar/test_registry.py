"""Registry tables are checked as a whole, and each fault is reported with the line an editor shows.

Belongs here: `miyar.registry`. Does not belong here: how a contract or a file uses the names (`tests/ingestion`).
"""

from pathlib import Path

import pytest

from miyar.errors import MiyarError
from miyar.registry import Registry, load_registry
from miyar.registry_tables import TABLES

AGENCIES = ",".join(TABLES["agencies"][0])
OWED = ",".join(TABLES["owed"][0])
NOOR = "a01,هيئة النور,Noor Authority,,,,,,NA|النور"
NADA = "a02,مؤسسة الندى,Nada Foundation,,,,2025Q1,,"


def registry(folder: Path, **tables: str | bytes) -> Registry:
    """Return the registry of a folder with these tables, and default `agencies` and `owed` unless given."""
    for name, content in {"agencies": f"{AGENCIES}\n{NOOR}\n{NADA}\n", "owed": f"{OWED}\n", **tables}.items():
        (folder / f"{name}.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return load_registry(folder)


def told(folder: Path, **tables: str | bytes) -> list[tuple[str, str, int | None, str]]:
    """Return (rule, file, line, column) of every problem."""
    with pytest.raises(MiyarError) as caught:
        registry(folder, **tables)
    return [(problem.rule, problem.file, problem.row, problem.column) for problem in caught.value.problems]


def test_names_aliases_and_ids_are_labels(tmp_path: Path) -> None:
    services = ",".join(TABLES["services"][0])
    made = registry(tmp_path, services=f"{services}\nx1,a01,رخصة,Licence,,\nx2,a02,رخصة,Licence,,Permit\n")
    assert made.labels("agencies")[""]["na"] == "a01"
    # Alef with hamza and ta marbuta have several spellings, which share one label.
    assert made.labels("agencies")[""]["هيئه النور"] == "a01"
    # Two agencies may use the same name for a service.
    assert made.labels("services")["a01"]["licence"] == "x1"
    assert made.labels("services")["a02"] == {"x2": "x2", "رخصه": "x2", "licence": "x2", "permit": "x2"}


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """Blank lines, a refused row and a line end within a cell come before the row with the fault."""
    agencies = f'{AGENCIES}\n\n{NOOR}\na03,too,few\na04,"اسم\nطويل",Long name,,,,,,\n\na05,ا,A,,,,2025-Q1,,\n'
    assert told(tmp_path, agencies=agencies) == [
        ("registry_row", "agencies.csv", 4, ""),
        ("registry_period", "agencies.csv", 8, "valid_from"),
    ]


def test_every_fault_of_every_table_is_told(tmp_path: Path) -> None:
    branches, regions = ",".join(TABLES["branches"][0]), ",".join(TABLES["regions"][0])
    studies, context = ",".join(TABLES["overlap_studies"][0]), ",".join(TABLES["context"][0])
    found = told(
        tmp_path,
        agencies=f"{AGENCIES}\n{NOOR}\n{NADA.replace('a02', 'a01', 1)}\n,بلا,None,,,,,,\n",
        owed=f"{OWED}\na01,complaints,soon,\na09,complaints,2025Q1,\n",
        regions=f"{regions}\nr1,الشمال,North,\nr2,شمال,Upper,North\n",
        branches=f"{branches}\nb1,a01,r9,فرع,Branch,\n",
        overlap_studies=f"{studies}\nm,web,much,0.1,0.1,s\n",
        context=f"{context}\na01,size,3,s\na01,size,4,s\na01,rural,many,s\n",
        services="service,agency\n",
    )
    assert found == [
        ("registry_header", "services.csv", 1, ""),
        ("registry_id", "agencies.csv", 3, "agency_id"),
        ("registry_id", "agencies.csv", 4, "agency_id"),
        ("registry_alias", "regions.csv", 3, "aliases"),
        ("registry_reference", "branches.csv", 2, "region_id"),
        ("registry_period", "owed.csv", 2, "from_period"),
        ("registry_reference", "owed.csv", 3, "agency_id"),
        ("registry_id", "context.csv", 3, "variable"),
        ("registry_number", "context.csv", 4, "value"),
        ("registry_number", "overlap_studies.csv", 2, "effect"),
    ]


def test_what_no_study_can_have_found_is_told(tmp_path: Path) -> None:
    overlaps, scales = ",".join(TABLES["overlap_studies"][0]), ",".join(TABLES["scale_studies"][0])
    found = told(
        tmp_path,
        overlap_studies=f"{overlaps}\nm,web,0,0,0.5,s\nm,phone,4,0.8,0.5,s\nm,sms,4,0.4,0.5,s\n",
        scale_studies=f"{scales}\nm,x,4,y,50,10,s\nm,x,4,y,150,10,s\nm,x,0,y,0,-5,s\nm,x,0,y,10,1.5,s\nm,x,0,x,0,9,s\n",
    )
    assert found == [
        ("registry_study", "overlap_studies.csv", 4, "reference_error"),
        ("registry_study", "scale_studies.csv", 3, "linked_level"),
        ("registry_study", "scale_studies.csv", 4, "people"),
        ("registry_study", "scale_studies.csv", 5, "people"),
        ("registry_study", "scale_studies.csv", 6, "linked_instrument_id"),
    ]


def test_a_table_saved_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    """Spreadsheets save Arabic CSV in windows-1256 unless told otherwise."""
    content = f"{AGENCIES}\na07,Seven,Seven,,,,,,\n{NOOR}\n".encode("windows-1256")
    assert told(tmp_path, agencies=content) == [("registry_encoding", "agencies.csv", 3, "")]


def test_a_required_table_is_missed(tmp_path: Path) -> None:
    with pytest.raises(MiyarError) as caught:
        load_registry(tmp_path)
    assert [(problem.rule, problem.file) for problem in caught.value.problems] == [
        ("registry_missing", "agencies.csv"),
        ("registry_missing", "owed.csv"),
    ]


def test_a_quote_never_closed_is_told(tmp_path: Path) -> None:
    long = "x" * 140_000
    found = told(tmp_path, agencies=f'{AGENCIES}\n{NOOR}\na02,"{long}\n')
    assert [(rule, file) for rule, file, _, _ in found] == [("registry_row", "agencies.csv")]


def test_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    first = registry(tmp_path).hash
    assert registry(tmp_path).hash == first
    assert registry(tmp_path, owed=f"{OWED}\n\n").hash != first

"""The landing zone: every file is a delivery or a problem, in whatever order the disk lists them."""

import hashlib
import os
import random
from pathlib import Path
from typing import Any

import pytest

from ingestion.contract import load_contracts
from ingestion.landing import discover
from ingestion.slices import write_slices
from ingestion.submission_ledger import read_accounts

FILE = "agency,id,answered,q1\na01,r1,2025-02-03,4\n"


def found(centre: Any) -> tuple[list[Any], list[Any]]:
    return discover(centre.workspace, load_contracts(centre.root / "registry"))


def test_submission_id_is_made_of_provider_feed_bytes_and_path(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(FILE)
    [delivery] = centre.deliveries()
    content = hashlib.sha256(b"p1\0survey_responses\0" + FILE.encode()).hexdigest()
    assert delivery.content == content[:16]
    assert delivery.submission_id == hashlib.sha256(f"{content}\0f.csv".encode()).hexdigest()[:16]
    assert (delivery.relative, delivery.delivered_key) == ("f.csv", "")


def test_files_that_nobody_expects_are_told(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, files=["*.csv", "2025/*.csv"])
    centre.land(FILE, "2025/a.csv")
    centre.land(FILE, "notes.txt")
    centre.land(FILE, "x.csv", feed="complaints")
    centre.land(FILE, "x.csv", provider="stranger", feed="survey_responses")
    (centre.root / "landing" / "lost.csv").write_text(FILE)
    deliveries, problems = found(centre)
    assert [d.relative for d in deliveries] == ["2025/a.csv"]
    assert {p.rule for p in problems} == {"file_unmatched"}
    assert [(p.who, p.file) for p in problems] == [
        ("", "lost.csv"),
        ("p1", "p1/complaints/x.csv"),
        ("p1", "p1/survey_responses/notes.txt"),
        ("stranger", "stranger/survey_responses/x.csv"),
    ]
    assert all(p.next_step for p in problems)
    assert "it delivers survey_responses" in problems[1].message


def test_copies_in_progress_and_hidden_files_are_left_alone(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(FILE, "a.csv.part")
    centre.land(FILE, ".b.csv")
    centre.land(FILE, ".cache/c.csv")
    assert found(centre) == ([], [])


def test_same_bytes_at_two_paths_are_two_deliveries(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(FILE, "a.csv")
    centre.land(FILE, "b.csv")
    assert [d.relative for d in centre.deliveries()] == ["a.csv", "b.csv"]


def test_date_of_delivery_from_the_path(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, delivered={"fileName": r"answers-(\d{8})", "dateFormat": "%Y%m%d"})
    centre.land(FILE, "answers-20250401.csv")
    centre.land(FILE + "\n", "answers-20251301.csv")
    deliveries, problems = found(centre)
    assert [d.delivered_key for d in deliveries] == ["2025-04-01"]
    assert [(p.rule, p.file) for p in problems] == [("delivery_date", "p1/survey_responses/answers-20251301.csv")]


def test_order_of_the_directory_does_not_matter(
    make_centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = os.walk
    slices = []
    for seed in range(2):
        centre = make_centre(f"centre-{seed}")
        centre.contract(survey)
        for number in range(4):
            centre.land(f"agency,id,answered,q1\na0{number % 2 + 1},r{number},2025-02-03,4\n", f"{number}.csv")
        shuffle = random.Random(seed).shuffle

        def shuffled(top: Path, shuffle: Any = shuffle) -> Any:
            for folder, folders, files in walked(top):
                shuffle(folders)
                shuffle(files)
                yield folder, folders, files

        monkeypatch.setattr(os, "walk", shuffled)
        for delivery in centre.deliveries():
            centre.receive(delivery)
        write_slices(centre.workspace, read_accounts(centre.workspace), load_contracts(centre.workspace.registry))
        slices.append((centre.workspace.lake / "slices.parquet").read_bytes())
    assert slices[0] == slices[1]


def test_a_name_in_another_encoding_is_told_and_stops_nobody(centre: Any, survey: dict[str, Any]) -> None:
    """Archives packed on Windows unpack to names in windows-1256, which a ledger in UTF-8 cannot hold."""
    centre.contract(survey)
    centre.land(FILE, "good.csv")
    folder = centre.root / "landing" / "p1" / "survey_responses"
    name = "ملف.csv".encode("windows-1256")
    (folder / os.fsdecode(name)).write_text(FILE + "a01,r2,2025-02-03,4\n", "utf-8")
    deliveries, (problem,) = found(centre)
    assert [one.relative for one in deliveries] == ["good.csv"]
    assert (problem.rule, problem.who) == ("file_unmatched", "p1") and "not UTF-8" in problem.message
    assert problem.file == "p1/survey_responses/\ufffd\ufffd\ufffd.csv"
    str(problem).encode()

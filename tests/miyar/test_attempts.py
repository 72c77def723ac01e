"""The page on attacks says how many cases there are today, by area.

Belongs here: the page against the collection. Does not belong here: any attack.
"""

import json

from tests.attempts import AREAS, EVIDENCE, collected, page
from tests.repository import REPOSITORY


def test_the_page_is_what_is_collected() -> None:
    cases = collected()
    assert json.loads((EVIDENCE / "attempts.json").read_text("utf-8")) == cases, (
        "write it anew: python -m tests.attempts"
    )
    assert (EVIDENCE / "attempts.md").read_text("utf-8") == page(cases)
    assert set(cases) == set(AREAS) and min(cases.values()) > 0


def test_every_file_is_there_and_counted_once() -> None:
    files = [file for area in AREAS.values() for file in area]
    assert [file for file in files if not (REPOSITORY / file).exists()] == []
    assert len(set(files)) == len(files)

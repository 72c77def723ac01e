"""Links in the written pages work: README and docs are read first, and a dead link costs their reader's trust.

Belongs here: links between files of the repository. Does not belong here: generated pages (`miyar docs` and its test).
"""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("tests/real/*/*.md")]
)
LINK = re.compile(r"\]\(([^)\s#]*)(#[^)\s]*)?\)")


def _anchors(page: Path) -> set[str]:
    """Return headings as the usual renderers name them: lower case, words joined by hyphens, no other signs."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = REPOSITORY / name
    dead = []
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        place = (page.parent / target).resolve() if target else page
        if not place.exists() or (anchor and place.suffix == ".md" and anchor not in _anchors(place)):
            dead.append(target + anchor)
    assert dead == []

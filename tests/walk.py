"""The README's walk, read from the README: its lines of the registry and its contracts, put into a workspace.

Belongs here: doing what the README says. Does not belong here: what must come of it (the tests).
"""

import re
import shutil
from pathlib import Path

from miyar.workspace import Workspace
from tests.repository import REPOSITORY

EXAMPLES = REPOSITORY / "docs" / "examples" / "harbours"
FILES = {"survey_responses": "answers.csv", "service_usage": "usage.csv"}


def _section() -> str:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    return text[text.index("## Adding an agency") : text.index("## Reading it")]


def register(workspace: Workspace) -> None:
    """Steps 1 and 2: append the lines that the README gives after a table's name."""
    for table, line in re.findall(r"`demo/registry/(\w+\.csv)`: (.+)", _section()):
        lines = re.findall(r"`(harbours,[^`]*)`", line)
        path = workspace.registry / table
        path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + "\n".join(lines) + "\n", "utf-8")


def contracts(workspace: Workspace) -> dict[str, Path]:
    """Steps 3 and 5: write each contract that stands in the README; feed -> its file."""
    found = {}
    for block in re.findall(r"```yaml\n(.*?)```", _section(), re.S):
        content = "\n".join(line.removeprefix("   ") for line in block.splitlines()) + "\n"
        feed = re.search(r"^feed: (\w+)", content, re.M)
        assert feed is not None
        path = workspace.registry / "contracts" / "harbours" / f"{feed[1]}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        found[feed[1]] = path
    return found


def deliver(workspace: Workspace, feed: str) -> None:
    """Step 6: put a file of the example under the landing zone."""
    folder = workspace.landing / "harbours" / feed
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLES / FILES[feed], folder)

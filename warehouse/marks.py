"""What the warehouse and the last edition were made from, so that no work is repeated and nothing stale is published.

Belongs here: the two marks. Does not belong here: the hash of all inputs (`inputs`), and the work.
"""

from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from warehouse.inputs import Inputs


class Marks:
    """Marks `built` and `published`: the hash of the inputs at the last success of each. Losing them only costs a rebuild."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = workspace.root / "warehouse"

    def read(self, step: str) -> str:
        path = self._folder / f"{step}.hash"
        return path.read_text("utf-8", "replace") if path.is_file() else ""

    def write(self, step: str, value: str) -> None:
        self._folder.mkdir(exist_ok=True)
        part = self._folder / f"{step}.hash.part"
        part.write_text(value, "utf-8")
        part.replace(self._folder / f"{step}.hash")


def require_built(inputs: Inputs) -> None:
    """Raise MiyarError unless the warehouse was built, with all tests passed, from exactly these inputs."""
    if Marks(inputs.workspace).read("built") != inputs.hash:
        raise MiyarError(
            Problem(
                "warehouse_stale",
                "the warehouse is not what today's files, registry and code give: its last build failed or is due",
                file="warehouse",
                next_step="Run `miyar run --no-publish` and mend what it names; nothing stale is published.",
            )
        )

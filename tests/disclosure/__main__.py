"""`python -m tests.disclosure WORKSPACE`: attack drawn worlds and a built workspace, and write `docs/evidence/attacks.*`.

Belongs here: the command. Does not belong here: the attacks and the page (`report`).
"""

import shutil
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from miyar.workspace import Workspace
from tests.disclosure.report import Result, contrasts, on_artefacts, on_edition, on_worlds, withheld, write
from tests.publication.server import private_server


def main(root: str) -> int:
    """The exit code is 1 if an attack succeeded."""
    workspace = Workspace.open(Path(root))
    agencies = sorted(path.name for path in (workspace.editions / "current" / "packs").iterdir())
    has_server = bool(shutil.which("initdb"))
    results = [Result("Forty drawn worlds of two kinds, published twice", on_worlds())]
    results.append(Result("A built workspace: equations and intervals", on_edition(workspace, 40)))
    with private_server() if has_server else nullcontext() as server, tempfile.TemporaryDirectory() as folder:
        # Files take minutes: of the agencies every ninth.
        found = on_artefacts(workspace, agencies[::9], Path(folder), server.dsn() if server else None)
    results.append(Result(f"A built workspace: files and answers to {len(agencies[::9])} agencies", found))
    write(results, list(contrasts(workspace)), withheld(workspace))
    told = [one for result in results for one in result.tried.told]
    print("\n".join(told[:50]), f"{len(told)} successes", sep="\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

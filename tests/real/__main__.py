"""`python -m tests.real [SET ...]`: take real sets through the product and write `docs/evidence/real_sets.*`.

Belongs here: the command. Does not belong here: what is counted (`verdicts`).
"""

import sys
import tempfile
from pathlib import Path

from tests.real.conftest import DATA, RealSet
from tests.real.verdicts import PAGE, counted, published, write

# Batches of `landing.csv` in the order they arrive, where there is more than one.
BATCHES = {"baltimore_311": ["csv"], "ca_service_inventory": ["earlier", "later"]}


def main(names: list[str]) -> None:
    every = sorted(path.parent.name for path in Path(__file__).parent.glob("*/landing.csv"))
    found = published() if PAGE.with_suffix(".json").is_file() else {}
    for name in names or every:
        if not (DATA / name).is_dir():
            raise SystemExit(f"the shared data set {name} is not beside the repository")
        with tempfile.TemporaryDirectory() as folder:
            real = RealSet(name, "workspace", Path(folder) / "centre")
            for batch in BATCHES.get(name, ["all"]):
                real.land(batch)
                real.receive()
            real.build()
            found[name] = counted(real.workspace)
        print(name, found[name]["verdicts"], "of", found[name]["owed"], flush=True)
        write(found)


if __name__ == "__main__":
    main(sys.argv[1:])

"""A run reads every settings file, registry table, contract and account once, however many steps it has.

Belongs here: how often inputs are read. Does not belong here: what is made from them.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

_counted: list[Counter[str]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook cannot be removed, so outside a test it does nothing."""
    if event == "open" and _counted and isinstance(arguments[0], str | Path):
        mode = arguments[1]
        if mode is None or "r" in str(mode):
            _counted[-1][str(arguments[0])] += 1


sys.addaudithook(_note)


def test_a_run_reads_each_of_its_inputs_once(built: Any) -> None:
    known = {path.name for path in built.workspace.submissions.glob("*.json")}
    first = next(iter(built.deliveries))
    content = (built.root / "landing" / first).read_text("utf-8").splitlines(keepends=True)
    later = Path(first).with_name("2026-01-31.csv").as_posix()
    built.write(later, "".join(content[:-1]))
    counted: Counter[str] = Counter()
    _counted.append(counted)
    try:
        # Publishing copies the bytes of all inputs into the vintage, which is not counted as reading.
        result = built.run(publish=False)
    finally:
        _counted.pop()
    assert [account.path for account in result.new] == [later] and result.is_built
    opened = Counter(
        {
            Path(path).relative_to(built.root).as_posix(): times
            for path, times in counted.items()
            if Path(path).is_relative_to(built.root)
        }
    )
    once = ["miyar.yml", "registry/agencies.csv", "registry/owed.csv"]
    once += [path.relative_to(built.root).as_posix() for path in built.root.glob("registry/contracts/*/*.yml")]
    once += [f"lake/submissions/{name}" for name in known]
    assert len(known) > 5
    assert {path: opened[path] for path in once if opened[path] != 1} == {}

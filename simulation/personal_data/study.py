"""What the scan finds in texts whose personal data is known: recall and precision by kind, and what it refuses for nothing.

Belongs here: the counts and the page. Does not belong here: the texts (`drawn`, `written.yml`), the scan (`ingestion.patterns`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path

import yaml

from ingestion.patterns import found_in
from simulation.personal_data.drawn import KINDS, Text, texts

SEED, EACH = 20260, 400
PREFACE = """# Personal data in free text: what the scan finds

Texts whose personal data is known are given to the product's own scan (`ingestion/patterns.py`). Drawn ones come from
`simulation/personal_data/drawn.py` (seed {seed}, {each} of each kind, a quarter in Arabic digits, and as many that hold nothing);
written ones from `written.yml`, whose forms are those of public documents and standards; held-out ones, on names, from
`held_out.yml`, written and measured before the patterns of names last changed. Values are invented or specimens.
This page and `personal_data.json` are written by `python -m simulation.personal_data` and by nothing else.

- **recall**: of the texts that hold the kind, the share in which it is found. **precision**: of the texts in which it is
  found, the share that hold it. **any**: personal data of any kind, which is what refuses a row. Ranges: 95 %, Wilson.
- What is not found: numbers in pairs, nine digits without a word beside them, plates typed as one word, short address codes
  and passport numbers without the word beside them, names that no list has where nothing introduces them, most names in lower
  case. The scan is the last net, not the first: the contract drops or pseudonymises personal columns.
- Names: a title, a relative, a kunya («أبو»، «أم»), a line of descent («بن»، «بنت»، «آل», bin, Al-) or a family in use now make
  a name. Patterns were worked on with drawn texts of seed 77 and the written ones, and then measured here. On the held-out
  texts the patterns of before found 6 of 20 names. Some families of drawn names are on the list of families, and one person
  wrote held-out texts and patterns within an hour, so neither share is that of real comments.
- The forms were thought of by the same people as the patterns, and look-alikes are as hard as they could think of: on real
  comments both shares may be lower. The written texts are few; their ranges say so.
"""


@dataclass(frozen=True)
class Found:
    """Counts of one kind in one set of texts: those that hold it, those in which it was found, and both."""

    set: str
    kind: str
    holding: int
    found: int
    both: int

    @property
    def recall(self) -> float:
        return self.both / self.holding if self.holding else 1.0

    @property
    def precision(self) -> float:
        return self.both / self.found if self.found else 1.0


def written(file: str = "written.yml") -> list[Text]:
    """The texts written by hand; `held_out.yml` has those that no pattern was worked on with."""
    source = yaml.safe_load((Path(__file__).parent / file).read_text("utf-8"))
    return [Text(one["text"], frozenset(one["kinds"]), one["source"]) for one in source]


def count(name: str, given: Sequence[Text]) -> list[Found]:
    """The counts of every kind, and of any."""
    found = [frozenset(found_in(text.text)) for text in given]
    rows = []
    for kind in KINDS:
        pairs = [(kind in text.kinds, kind in one) for text, one in zip(given, found, strict=True)]
        rows.append(_row(name, kind, pairs))
    return [*rows, _row(name, "any", [(bool(text.kinds), bool(one)) for text, one in zip(given, found, strict=True)])]


def _row(name: str, kind: str, pairs: Sequence[tuple[bool, bool]]) -> Found:
    return Found(name, kind, sum(a for a, _ in pairs), sum(b for _, b in pairs), sum(a and b for a, b in pairs))


def study() -> list[Found]:
    """All counts."""
    held_out = [row for row in count("held out", written("held_out.yml")) if row.kind in ("name", "any")]
    return [*count("drawn", texts(SEED, EACH)), *count("written", written()), *held_out]


def _share(part: int, whole: int) -> str:
    if not whole:
        return "-"
    p, z = part / whole, 1.96
    middle, spread = p + z * z / (2 * whole), z * sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    low, high = ((middle + sign * spread) / (1 + z * z / whole) for sign in (-1, 1))
    return f"{p:.1%} ({max(low, 0):.0%}-{min(high, 1):.0%})"


def page(rows: Sequence[Found]) -> str:
    """The page in Markdown."""
    lines = [PREFACE.format(seed=SEED, each=EACH)]
    for name in dict.fromkeys(row.set for row in rows):
        lines += [
            f"\n## {name.capitalize()}\n",
            "| kind | texts that hold it | recall | precision |",
            "|---|---|---|---|",
        ]
        for row in rows:
            if row.set == name:
                recall, precision = _share(row.both, row.holding), _share(row.both, row.found)
                lines.append(f"| {row.kind} | {row.holding} | {recall} | {precision} |")
    return "\n".join(lines) + "\n"


def write(rows: Sequence[Found], folder: Path) -> None:
    """Write the page and the counts."""
    (folder / "personal_data.md").write_text(page(rows), "utf-8")
    records = [asdict(row) | {"recall": round(row.recall, 4), "precision": round(row.precision, 4)} for row in rows]
    (folder / "personal_data.json").write_text(json.dumps(records, indent=1) + "\n", "utf-8")

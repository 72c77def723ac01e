"""What an operator has to know of each registry table, as comments of empty tables and for the page that describes them.

Belongs here: reading `registry_texts.yml`. Does not belong here: reading and checking tables (`registry`).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml


@dataclass(frozen=True)
class TableText:
    """One table: what it is for, its columns with their meanings, and a row to copy ("" if there is none)."""

    name: str
    about: str
    columns: dict[str, str]
    example: str

    def empty(self) -> str:
        """The table as `miyar init` writes it: the header, and below it comments on every column."""
        lines = [",".join(self.columns), f"# {self.about}"]
        lines += [f"# {column}: {meaning}" for column, meaning in self.columns.items()]
        lines += [f"# for example: {self.example}"] if self.example else []
        return "\n".join(lines) + "\n"


@cache
def registry_texts() -> tuple[TableText, ...]:
    """All tables that `miyar init` makes, users apart."""
    source = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    return tuple(TableText(name, **content) for name, content in source.items())

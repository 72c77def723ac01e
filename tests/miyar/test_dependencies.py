"""Every package the product depends on has a line that says what for."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_dependency_has_a_reason() -> None:
    text = PROJECT.read_text("utf-8")
    blocks = re.findall(r"^(?:dependencies|[a-z]+) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    lines = [
        line.strip()
        for block in blocks
        for line in block.split("\n")
        if re.match(r'\s*"[A-Za-z0-9-]+(\[[a-z,]+\])?[=><~!]', line)
    ]
    assert len(lines) > 55
    assert [line for line in lines if not re.search(r",\s*# .{8,}$", line)] == []

"""Reference pages generated from their sources: contracts from the schema, tables from dbt, rules from their catalogues.

Belongs here: writing docs/contracts.md, docs/values.md, docs/tables.md and docs/rules.md. Does not belong here: facts of its own.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cli.values_page import values_page
from expectations.suites import catalogue
from ingestion.contract import contract_schema
from ingestion.feeds import load_feeds
from ingestion.recipes import load_recipes
from ingestion.rules import rule_texts
from miyar.registry_tables import KEYS, TABLES
from miyar.registry_texts import registry_texts
from warehouse.dbt_runner import prepare_manifest
from warehouse.source_code import REPOSITORY

MADE = "<!-- Made by `make docs`; do not edit. -->\n"


def write_reference(folder: Path = REPOSITORY / "docs") -> list[Path]:
    """Write all generated pages; returns their paths."""
    pages = {
        "contracts.md": contracts_page(),
        "values.md": values_page(),
        "registry.md": registry_page(),
        "tables.md": tables_page(),
        "rules.md": rules_page(),
    }
    paths = []
    for name, text in pages.items():
        path = folder / name
        path.write_text(text, "utf-8")
        paths.append(path)
    return paths


def contracts_page() -> str:
    """Every field of a contract, then every canonical column."""
    schema = contract_schema()
    parts = [MADE, "# Contracts\n", _paragraph(CONTRACTS_INTRO)]
    parts += _fields("A contract", schema)
    for name, definition in sorted(schema["$defs"].items()):
        if "properties" in definition:
            parts += _fields(name, definition)
    parts += [
        "# Recipes\n",
        _paragraph(RECIPES_INTRO),
        "| `extends` | what it is | the contract still says |\n|---|---|---|",
    ]
    parts += [f"| `{recipe.id}` | {recipe.about} | {recipe.needs} |" for recipe in load_recipes().values()]
    parts += ["", "# Canonical feeds\n"]
    for feed in load_feeds().values():
        parts.append(
            f"## {feed.name}\n\n{feed.about} A row's period comes from `{feed.event}` unless `period_id` is mapped.\n"
        )
        parts.append("| column | type | required | meaning |\n|---|---|---|---|")
        for column in feed.columns:
            codes = f" One of {', '.join(f'`{code}`' for code in column.codes)}." if column.codes else ""
            needed = "yes" if column.required else ""
            kind = f"{column.type} ({column.unit})" if column.unit else column.type
            parts.append(f"| `{column.name}` | {kind} | {needed} | {column.about}.{codes} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


RECIPES_INTRO = """
`extends: qualtrics` lays a contract over a recipe of `ingestion/recipes/`: properties of the same name are the contract's,
`format` and `rows` are joined field by field, `dropped`, `ignored` and `nullValues` are added up. What follows is all such
a contract needs: `{id: harbours-survey, provider: harbours, extends: kobotoolbox, covers: [harbours], properties: [...],
scales: {...}}`.
"""
CONTRACTS_INTRO = """
A contract says how one provider delivers one feed. It stands in `registry/contracts/<provider>/<feed>.yml` of a workspace
(`<feed>.<variant>.yml` where one provider has several) and is checked as a whole when it is read. Editors complete it with
`ingestion/contract.schema.json`. Names follow the Open Data Contract Standard where it has one.
"""


def _fields(title: str, definition: dict[str, Any]) -> list[str]:
    lines = [f"## {title}\n"]
    if definition.get("description"):
        lines.append(_paragraph(definition["description"]))
    lines.append("| field | type | default | meaning |\n|---|---|---|---|")
    required = set(definition.get("required", []))
    for name, spec in definition["properties"].items():
        default = "**required**" if name in required else f"`{json.dumps(spec.get('default'))}`"
        lines.append(f"| `{name}` | {_type(spec)} | {default} | {spec.get('description', '')} |")
    return [*lines, ""]


def _type(spec: dict[str, Any]) -> str:
    if "$ref" in spec:
        return str(spec["$ref"]).rsplit("/", 1)[-1]
    if "const" in spec:
        return f"`{spec['const']}`"
    if "enum" in spec:
        return ", ".join(f"`{value}`" for value in spec["enum"])
    for union in ("anyOf", "oneOf"):
        if union in spec:
            return " or ".join(_type(part) for part in spec[union])
    if spec.get("type") == "array":
        return f"list of {_type(spec.get('items', {}))}"
    if spec.get("type") == "object":
        return "map"
    return str(spec.get("type", ""))


def tables_page() -> str:
    """Every published table, from dbt's manifest."""
    manifest = json.loads(prepare_manifest().read_text("utf-8"))
    parts = [MADE, "# Published tables\n", _paragraph(TABLES_INTRO)]
    for node in sorted(manifest["nodes"].values(), key=lambda node: (node["schema"] != "benchmarks", node["name"])):
        if node["resource_type"] != "model" or node["schema"] not in {"benchmarks", "core"}:
            continue
        parts += [f"## {node['name']}\n", _paragraph(node["description"])]
        parts.append("| column | type | meaning |\n|---|---|---|")
        for column in node["columns"].values():
            parts.append(f"| `{column['name']}` | {column['data_type']} | {column['description']} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


TABLES_INTRO = """
The tables of an edition, in `editions/current/benchmarks.duckdb` and as Parquet under `editions/current/tables/`. Columns
keep name, type and meaning within a major version; numbers are never NaN; what is not reported is empty and says why.
"""


def registry_page() -> str:
    """Every registry table: what it is for, its columns, its key and a row to copy."""
    parts = [MADE, "# Registry\n", _paragraph(REGISTRY_INTRO)]
    for table in registry_texts():
        _, own_id, references = TABLES.get(table.name, ((), "metric_id", {}))
        keys = KEYS.get(table.name, (own_id,) if own_id else tuple(table.columns))
        parts.append(f"## {table.name}.csv\n\n{table.about} Key: {', '.join(f'`{key}`' for key in keys)}.\n")
        parts.append("| column | meaning |\n|---|---|")
        for column, meaning in table.columns.items():
            other = f" Refers to `{references[column]}.csv`." if column in references else ""
            parts.append(f"| `{column}` | {meaning.replace('|', chr(92) + '|')}.{other} |")
        parts.append(f"\n```\n{table.example}\n```\n" if table.example else "")
    return "\n".join(parts).rstrip() + "\n"


REGISTRY_INTRO = """
The tables of `registry/` in a workspace: CSV in UTF-8, with the header as written here. Lines that begin with # are comments.
`agencies.csv` and `owed.csv` are required. `users.csv` is described in [portal.md](portal.md), contracts in
[contracts.md](contracts.md). `miyar init` writes all tables with what stands here as comments.
"""


def rules_page() -> str:
    """Every rule a row or file can break, in both languages."""
    parts = [
        MADE,
        "# Rules\n",
        "## Reading and mapping\n",
        *_rules([{"id": rule, **asdict(text)} for rule, text in rule_texts().items()]),
    ]
    for feed in load_feeds():
        parts += [f"## {feed}\n", *_rules(catalogue(feed))]
    return "\n".join(parts).rstrip() + "\n"


def _rules(rows: list[dict[str, str]]) -> list[str]:
    lines = [
        "| rule | القاعدة | rule, in English | ما العمل | next step | in the contract |\n|---|---|---|---|---|---|"
    ]
    for row in rows:
        line = f"`{row['contract']}`" if row.get("contract") else ""
        lines.append(f"| `{row['id']}` | {row['ar']} | {row['en']} | {row['next_ar']} | {row['next_en']} | {line} |")
    return [*lines, ""]


def _paragraph(text: str) -> str:
    return " ".join(text.split()) + "\n"

"""The record of processing activities, made from the contracts and the asset graph.

Its headings are those of GDPR article 30(1) and of article 31 of the Saudi Personal Data Protection Law: controller,
purposes, categories of people and data, recipients, transfers, time limits, safeguards. What nobody says is listed as
missing, never guessed.

Belongs here: gathering and the page. Does not belong here: what contracts may say (`ingestion.stewardship`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingestion.contract import Contract, Generalise, Property
from ingestion.feeds import load_feeds
from ingestion.headers import names_of, properties_of
from miyar.workspace import Workspace

SAFEGUARDS = (
    "Pseudonyms are keyed (HMAC-SHA-256) before a row is written; the key lies outside lake, warehouse and editions.",
    "Free text and columns that turn out to hold personal data are scanned, and such rows are refused.",
    "Refused rows are kept without their content; values in messages are masked.",
    "Files are readable by the pipeline's own user only; published editions hold sums, and no count below the minimum.",
    "Published tables are read by one rule file (publication/access.yml): an agency's detail by that agency and the centre.",
    "Destruction and erasure leave receipts (lake/receipts.jsonl).",
)


@dataclass(frozen=True)
class Reached:
    """Where a feed's rows go: tables that hold its pseudonyms, and those that are published."""

    with_pseudonyms: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Graph:
    """The asset graph: asset -> the assets it is made from, its group and its code ("" where it has none)."""

    parents: Mapping[str, Iterable[str]]
    groups: Mapping[str, str]
    code: Mapping[str, str]

    def below(self, start: str) -> set[str]:
        """All assets that are made from one, however far."""
        found, waiting = set[str](), [start]
        while waiting:
            here = waiting.pop()
            new = {name for name, parents in self.parents.items() if here in set(parents)} - found
            found |= new
            waiting += new
        return found


def reached(graph: Graph, start: str, pseudonyms: Iterable[str]) -> Reached:
    """Where the rows of a feed's asset go."""
    below, named = sorted(graph.below(start)), [re.compile(rf"\b{re.escape(name)}\b") for name in pseudonyms]
    return Reached(
        [one for one in below if any(name.search(graph.code.get(one, "")) for name in named)],
        [one for one in below if graph.groups.get(one) in ("benchmarks", "core")],
    )


def _treatment(prop: Property) -> str:
    if prop.treatment == "pseudonymise":
        return "pseudonym"
    return "bands" if isinstance(prop.treatment, Generalise) else "as delivered"


def gaps(contract: Contract) -> list[str]:
    """What the record needs and the contract does not say."""
    stated = contract.processing
    missing = {
        "purpose": not (stated and stated.purpose),
        "legal basis": not (stated and stated.legal_basis),
        "whose data": not (stated and stated.subjects),
        "retention": contract.retention is None,
    }
    return [name for name, is_missing in missing.items() if is_missing]


def record(workspace: Workspace, contracts: Iterable[Contract], graph: Graph) -> str:
    """The record of processing as Markdown, activities in order of provider and feed."""
    lines = [
        f"# Record of processing: {workspace.settings.name.ar} / {workspace.settings.name.en}",
        "",
        "Made by `miyar processing` from the contracts and the asset graph.",
        "",
        f"Controller: {workspace.settings.name.ar} / {workspace.settings.name.en}. "
        f"Contact: {workspace.settings.contact or '**missing** (`contact` in miyar.yml)'}",
        "",
        "## Safeguards of all activities",
        "",
        *(f"- {one}" for one in SAFEGUARDS),
    ]
    for contract in sorted(contracts, key=lambda one: (one.provider, one.feed, one.id)):
        lines += _activity(contract, graph)
    return "\n".join(lines) + "\n"


def _activity(contract: Contract, graph: Graph) -> list[str]:
    feed, stated = load_feeds()[contract.feed], contract.processing
    properties = {prop.name: prop for prop in properties_of(contract)}
    pseudonyms = [name for name, prop in properties.items() if prop.treatment == "pseudonymise"]
    goes = reached(graph, f"lake/{contract.feed}", pseudonyms)
    kept, linked, missing = contract.retention, contract.link_pseudonyms, gaps(contract)
    lines = [
        "",
        f"## {contract.provider} / {contract.feed} ({contract.id})",
        "",
        f"- Content: {feed.about}",
        f"- Purpose: {stated.purpose if stated else '-'}",
        f"- Legal basis: {(stated.legal_basis if stated else '') or '-'}",
        f"- Whose data: {(stated.subjects if stated else '') or '-'}",
        f"- Recipients: {', '.join(['the centre', *(stated.recipients if stated else [])])}",
        f"- Transfers: {(stated.transfers if stated else '') or 'none stated'}",
        f"- Kept: {f'{kept.period} after the quarter ({kept.reason})' if kept else '-'}",
        f"- Linked across keys: {f'from version {linked.key_version} ({linked.reason})' if linked else 'no'}",
        f"- Tables with its pseudonyms: {', '.join(goes.with_pseudonyms) or 'none'}",
        f"- Published tables made from it: {len(goes.published)}",
        f"- **Missing**: {', '.join(missing)}" if missing else "- Missing: nothing",
        "",
        "| data | from | kept as | column kept |",
        "|---|---|---|---|",
    ]
    for name, prop in properties.items():
        if prop.constant is not None or name not in feed.by_name:
            continue
        clock = f"{prop.retention.period} ({prop.retention.reason})" if prop.retention else ""
        lines.append(
            f"| {feed.by_name[name].about} | {_cell(', '.join(names_of(prop)))} | {_treatment(prop)} | {_cell(clock)} |"
        )
    for one in contract.dropped:
        lines.append(f"| not stored: {_cell(one.reason)} | {_cell(one.physical_name)} | dropped | |")
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def asset_graph(workspace: Workspace) -> Graph:
    """The graph that Dagster runs for this workspace, with the code of its models."""
    import json

    from dagster_project.definitions import define
    from dagster_project.instance import open_instance
    from dagster_project.resources import RunInputs
    from warehouse.dbt_runner import prepare_manifest

    # Within an instance: Dagster remembers the last one of the process, also when it is closed, and asks it.
    with open_instance(workspace.root):
        nodes = list(define(RunInputs(workspace.root)).resolve_asset_graph().asset_nodes)
    models = json.loads(prepare_manifest().read_text("utf-8"))["nodes"].values()
    return Graph(
        {node.key.to_user_string(): [key.to_user_string() for key in node.parent_keys] for node in nodes},
        {node.key.to_user_string(): node.group_name or "" for node in nodes},
        {f"{model['schema']}/{model['name']}": model.get("raw_code", "") for model in models},
    )

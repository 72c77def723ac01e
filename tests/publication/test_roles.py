"""Which metric has which role: the defaults, a version's own roles, and what follows from them.

Belongs here: roles as the product reads them. Does not belong here: how the metric of a role is used.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from methodology.parameters import VERSIONS, load_methodology
from miyar.workspace import Workspace
from publication.manifest import read_manifest
from publication.method import items_of_roles, methodology_of, usual_roles
from publication.reading import first_metric, open_edition, satisfaction_metric
from warehouse.dbt_runner import cells_key
from warehouse.inputs import Inputs
from warehouse.snapshots import write_snapshots


def test_usual_roles_are_metrics_of_every_version() -> None:
    for folder in VERSIONS.iterdir():
        assert set(usual_roles().values()) <= set(load_methodology(folder.name).metric_ids)


def test_the_questions_are_those_of_the_metrics(built_workspace: Workspace) -> None:
    methodology = methodology_of(built_workspace)
    assert items_of_roles(methodology) == {
        "satisfaction": "overall_satisfaction",
        "speed": "speed",
        "outcome": "outcome_as_needed",
        "expectation": "expectation_met",
    }
    # A role without a metric, and one whose metric is no mean of one question, have no question.
    other = replace(methodology, roles={"satisfaction": "overall_satisfaction_top_box"})
    assert items_of_roles(other) == {}


def test_a_version_says_its_own_roles_and_cells_follow(workspace_copy: Workspace) -> None:
    before = cells_key(workspace_copy)
    own = workspace_copy.registry / "methodology" / workspace_copy.settings.methodology
    shutil.copytree(VERSIONS / own.name, own)
    roles = own / "roles.csv"
    roles.write_text(
        roles.read_text("utf-8").replace("satisfaction,overall_satisfaction", "satisfaction,trust"), "utf-8"
    )
    methodology = methodology_of(workspace_copy)
    assert (methodology.roles["satisfaction"], methodology.roles["speed"]) == ("trust", "speed")
    write_snapshots(Inputs.read(workspace_copy))
    assert cells_key(workspace_copy) != before


def test_an_edition_says_which_metric_readers_come_for(built_workspace: Workspace) -> None:
    edition: Path = built_workspace.editions / "current"
    manifest = read_manifest(edition)
    assert manifest.roles == methodology_of(built_workspace).roles
    assert satisfaction_metric(manifest) == "overall_satisfaction"
    assert satisfaction_metric(replace(manifest, roles={})) == "overall_satisfaction"
    assert satisfaction_metric(replace(manifest, roles={"satisfaction": "trust"})) == "trust"
    with open_edition(edition) as connection:
        assert first_metric(edition, connection) == "overall_satisfaction"

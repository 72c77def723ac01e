"""Canadian service inventory and standards: two snapshots, of which the later replaces the earlier slice by slice.

Expected figures are computed here with pandas from the raw files, by the indicator definitions quoted in the data set's
README.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.real.verdicts import counted, published

PERIODS = {"2022-2023": "2023Q1", "2023-2024": "2024Q1", "2024-2025": "2025Q1"}
CHANNELS = {
    "phone": "num_applications_by_phone",
    "website": "num_applications_online",
    "branch": "num_applications_in_person",
    "post": "num_applications_by_mail",
    "email": "num_applications_by_email",
    "fax": "num_applications_by_fax",
    "other": "num_applications_by_other",
}
POINTS = ["account_registration", "authentication", "application", "decision", "issuance", "issue_resolution_feedback"]


@pytest.fixture(scope="module")
def earlier(open_set: Callable[..., Any]) -> dict[str, Any]:
    """Return the figures of the first snapshot alone, and its workspace."""
    real = open_set("ca_service_inventory")
    real.land("earlier")
    intake = real.receive()
    lake = real.lake("service_usage")
    usage = real.sql(f"select * from {lake}")
    return {"real": real, "intake": intake, "usage": usage}


@pytest.fixture(scope="module")
def inventory(earlier: dict[str, Any]) -> Any:
    """Return the same workspace after the second delivery."""
    real = earlier["real"]
    real.land("later")
    intake = real.receive()
    assert (len(intake.accounts), intake.known) == (3, 3)
    return real


def _read(real: Any, name: str) -> pd.DataFrame:
    table = pd.read_csv(real.data / name, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return table.assign(period_id=table["fiscal_yr"].map(PERIODS))


def _live(real: Any, name: str, has_record: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    """Return the rows that count: per organisation and year, those of the later file if it has any, else the earlier."""
    early, late = (_read(real, f"{folder}{name}") for folder in ("snapshot_2025-03-01/", ""))
    early, late = early[has_record(early)], late[has_record(late)]
    replaced = set(zip(late["owner_org"], late["period_id"], strict=True))
    kept = [pair not in replaced for pair in zip(early["owner_org"], early["period_id"], strict=True)]
    return pd.concat([early[kept], late])


def _has_volume(table: pd.DataFrame) -> pd.Series:
    return table[list(CHANNELS.values())].apply(lambda column: column.str.isdigit()).any(axis=1)


def _all(table: pd.DataFrame) -> pd.Series:
    return pd.Series(True, index=table.index)


def _volumes(table: pd.DataFrame) -> pd.DataFrame:
    long = table.melt(["owner_org", "period_id"], list(CHANNELS.values()), "column", "volume")
    long = long[long["volume"].str.isdigit()].astype({"volume": "int64"})
    long["channel"] = long["column"].map({column: channel for channel, column in CHANNELS.items()})
    return long.groupby(["owner_org", "period_id", "channel"])["volume"].agg(["size", "sum"])


def _found_volumes(rows: pd.DataFrame) -> pd.DataFrame:
    found = rows.groupby(["agency_id", "period_id", "channel"])["completed"].agg(["size", "sum"])
    return found.rename_axis(["owner_org", "period_id", "channel"])


def test_first_snapshot(earlier: dict[str, Any]) -> None:
    expected = _volumes(_read(earlier["real"], "snapshot_2025-03-01/si_2024.csv"))
    pd.testing.assert_frame_equal(_found_volumes(earlier["usage"]), expected, check_dtype=False)


def test_later_snapshot_replaces_the_earlier(earlier: dict[str, Any], inventory: Any) -> None:
    found = _found_volumes(inventory.sql(f"select * from {inventory.lake('service_usage')}"))
    expected = _volumes(_live(inventory, "si_2024.csv", _has_volume))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    # The restatement is real: the same slices had other figures before.
    before = _found_volumes(earlier["usage"])["sum"]
    assert (before != found["sum"].reindex(before.index)).any()


def test_both_deliveries_stay_in_the_ledger(inventory: Any) -> None:
    accounts = inventory.sql(
        f"select * from read_json_auto('{inventory.workspace.submissions}/*.json', union_by_name = true)"
    )
    assert sorted(accounts["feed"]) == sorted(["service_usage", "reported_measures", "service_standards"] * 2)
    assert set(accounts["status"]) == {"accepted"}


def test_organisations_under_any_of_their_names(inventory: Any) -> None:
    """org_var.csv is the publisher's table of names: each leads to the organisation that has this id in the registry."""
    from miyar.registry import fold, load_registry

    variants = pd.read_csv(inventory.data / "org_var.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    number_of = dict(zip(variants["org_name_variant"], variants["org_id"], strict=True))
    services = _read(inventory, "si_2024.csv")
    number = {org: number_of[org] for org in services["owner_org"].unique()}
    labels = load_registry(inventory.workspace.registry).labels("agencies")[""]
    org_of = {identity: org for org, identity in number.items()}
    checked = 0
    for name, identity in number_of.items():
        # A bar separates aliases in the registry, so names that join two languages with a bar are left out.
        if identity in org_of and "|" not in name and name.strip():
            assert labels[fold(name)] == org_of[identity]
            checked += 1
    assert len(org_of) == 79
    assert checked > 400


def test_services_with_standards(inventory: Any) -> None:
    """Publisher's indicator: services with at least one standard over all services."""
    services, standards = _live(inventory, "si_2024.csv", _all), _live(inventory, "ss_2024.csv", _all)
    listed = services[services["period_id"] == "2024Q1"]
    kept = standards[~_held_back(standards)]
    found = inventory.sql(
        f"""select count(distinct listed.service_id) as services,
            count(distinct listed.service_id) filter (standards.service_id is not null) as with_standards
        from {inventory.lake("reported_measures")} listed
        left join (select distinct service_id, period_id from {inventory.lake("service_standards")}) standards
            using (service_id, period_id)
        where listed.measure = 'services_listed' and listed.period_id = '2024Q1'"""
    ).iloc[0]
    assert found["services"] == listed["service_id"].nunique() == 1751
    assert found["with_standards"] == listed["service_id"].isin(kept["service_id"]).sum() > 990


def _more_met_than_measured(standards: pd.DataFrame) -> pd.Series:
    return pd.to_numeric(standards["volume_meeting_target"]) > pd.to_numeric(standards["total_volume"])


def _held_back(standards: pd.DataFrame) -> pd.Series:
    """Return rows no figure may use: more cases met than measured (nine by the README), or a standard without id (one)."""
    return _more_met_than_measured(standards) | (standards["service_standard_id"] == "NA")


def test_standards_met_as_declared(inventory: Any) -> None:
    """Publisher's indicator: Y over Y or N, among the standards that are not held back."""
    standards = _live(inventory, "ss_2024.csv", _all)
    kept = standards[~_held_back(standards) & (standards["period_id"] == "2024Q1")]
    found = inventory.sql(
        f"""select count(*) as standards, count(*) filter (is_target_met) as met, count(is_target_met) as judged,
            sum(met) as cases_met, sum(total) as cases
        from {inventory.lake("service_standards")} where period_id = '2024Q1'"""
    ).iloc[0]
    assert found["standards"] == len(kept) == 2343 - 10
    assert found["met"] == (kept["target_met"] == "Y").sum()
    assert found["judged"] == kept["target_met"].isin(["Y", "N"]).sum()
    assert found["cases_met"] == pd.to_numeric(kept["volume_meeting_target"]).sum()
    assert found["cases"] == pd.to_numeric(kept["total_volume"]).sum()


def test_impossible_standards_are_held_back_by_name_of_rule(inventory: Any) -> None:
    late = _read(inventory, "ss_2024.csv")
    accounts = inventory.sql(
        f"select * from read_json_auto('{inventory.workspace.submissions}/*.json', union_by_name = true)"
    )
    account = accounts[(accounts["feed"] == "service_standards") & accounts["path"].str.contains("current")].iloc[0]
    assert account["quarantined"] == _held_back(late).sum() == 10
    assert account["rule_counts"]["met_not_above_total"] == _more_met_than_measured(late).sum() == 9
    assert account["rule_counts"]["required_value"] == 1


def test_online_points_and_end_to_end(inventory: Any) -> None:
    """Publisher's indicators: points Y over points Y or N; services whose applicable points, at least one, are all Y."""
    services = _live(inventory, "si_2024.csv", _all)
    services = services[services["period_id"] == "2024Q1"]
    flags = services[[f"os_{point}" for point in POINTS]]
    yes, asked = (flags == "Y").sum(axis=1), flags.isin(["Y", "N"]).sum(axis=1)
    found = inventory.sql(
        f"""with points as (
            select service_id, sum(n) as asked, sum(numerator)::bigint as yes from {inventory.lake("reported_measures")}
            where measure like 'online\\_%' escape '\\' and period_id = '2024Q1' group by all
        )
        select sum(asked) as asked, sum(yes) as yes, count(*) filter (asked = yes) as end_to_end from points"""
    ).iloc[0]
    assert (found["yes"], found["asked"]) == (yes.sum(), asked.sum())
    assert found["end_to_end"] == ((asked == yes) & (yes > 0)).sum()
    assert 0.2 < found["end_to_end"] / len(services) < 0.3


def test_enquiries_and_visits(inventory: Any) -> None:
    services = _live(inventory, "si_2024.csv", _all)
    for measure, column in {"phone_enquiries": "num_phone_enquiries", "website_visits": "num_website_visits"}.items():
        found = inventory.sql(
            f"select count(n) as size, sum(n) as total from {inventory.lake('reported_measures')} where measure = '{measure}'"
        ).iloc[0]
        numbers = pd.to_numeric(services[column], errors="coerce").dropna()
        assert (found["size"], found["total"]) == (len(numbers), numbers.sum())


@pytest.fixture(scope="module")
def benchmarks(inventory: Any) -> Any:
    inventory.build()
    return inventory


def _in_2024(table: pd.DataFrame) -> pd.DataFrame:
    return table.xs("2024Q1", level="period_id")


def test_published_digital_take_up(benchmarks: Any) -> None:
    """Online applications over those of all channels, by organisation."""
    volumes = _volumes(_live(benchmarks, "si_2024.csv", _has_volume))["sum"].unstack("channel").fillna(0)
    total = volumes.sum(axis=1)
    expected = (100 * volumes["website"] / total)[total >= 30].xs("2024Q1", level="period_id")
    found = _in_2024(benchmarks.scores("agency", "digital_take_up"))
    reported = found[found["status"] == "reported"]
    assert set(reported.index) == set(expected.index)
    assert len(expected) > 50
    pd.testing.assert_series_equal(
        reported["score"], expected.reindex(reported.index), check_names=False, rtol=0, atol=5.1e-5
    )


def test_published_standards(benchmarks: Any) -> None:
    """Cases that met their standard over cases measured; and standards on target, by the counts or else as declared."""
    rows = _live(benchmarks, "ss_2024.csv", _all)
    rows = rows[~_held_back(rows) & (rows["period_id"] == "2024Q1")]
    met, total, target = (pd.to_numeric(rows[name]) for name in ("volume_meeting_target", "total_volume", "target"))
    both = met.notna() & total.notna()
    cases = pd.DataFrame({"org": rows["owner_org"], "met": met.where(both), "total": total.where(both)})
    cases = cases.groupby("org")[["met", "total"]].sum()
    expected = (100 * cases["met"] / cases["total"])[cases["total"] >= 30]
    found = _in_2024(benchmarks.scores("agency", "standard_attainment"))
    reported = found[found["status"] == "reported"]
    pd.testing.assert_series_equal(reported["score"], expected, check_names=False, rtol=0, atol=5.1e-5)

    counted = met.notna() & (total > 0) & target.notna()
    declared = rows["target_met"].map({"Y": True, "N": False})
    verdict = declared.where(~((total > 0) & target.notna()), (met / total >= target).where(counted))
    judged = pd.DataFrame({"org": rows["owner_org"], "on_target": verdict}).dropna()
    shares = (
        judged.assign(on_target=judged["on_target"].astype(float)).groupby("org")["on_target"].agg(["size", "mean"])
    )
    # Standards are no persons: few of them are shown too.
    expected = 100 * shares["mean"]
    found = _in_2024(benchmarks.scores("agency", "standard_targets_met"))
    reported = found[found["status"] == "reported"]
    pd.testing.assert_series_equal(reported["score"], expected, check_names=False, rtol=0, atol=5.1e-5)


def test_published_online_points(benchmarks: Any) -> None:
    services = _live(benchmarks, "si_2024.csv", _all)
    services = services[services["period_id"] == "2024Q1"]
    for point in POINTS:
        asked = services[services[f"os_{point}"].isin(["Y", "N"])]
        shares = (asked[f"os_{point}"] == "Y").groupby(asked["owner_org"]).agg(["size", "mean"])
        expected = 100 * shares["mean"]
        found = _in_2024(benchmarks.scores("agency", f"online_{point}"))
        reported = found[found["status"] == "reported"]
        pd.testing.assert_series_equal(reported["score"], expected, check_names=False, rtol=0, atol=5.1e-5)


def test_the_page_says_what_comes_of_the_set(benchmarks: Any) -> None:
    """`docs/evidence/real_sets.md`: owed positions with a verdict, and the reasons of the others."""
    assert counted(benchmarks.workspace) == published()["ca_service_inventory"]

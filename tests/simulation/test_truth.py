"""The truth next to the files agrees with the files: figures are recomputed from the raw files with pandas.

Scales and labels are written again by hand here; nothing of the product reads or maps these files.
"""

import re

import pandas as pd
import pytest
from hijridate import Hijri

ARABIC_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")
FIVE_1256 = {"راض جداً": 100, "راضٍ جدا": 100, "راض": 75, "محايد": 50, "غير راض": 25, "غير راض إطلاقاً": 0}
FIVE_SHEET = {"راض جدا": 100, "راض": 75, "محايد": 50, "غير راض": 25, "غير راض جدا": 0}
FACES = {"😡": 0, "🙁": 25, "😐": 50, "🙂": 75, "😀": 100}


def plain(answers: pd.Series, low: int, high: int) -> pd.Series:
    """Codes within the scale to 0-100; other codes are not answers."""
    codes = pd.to_numeric(answers, errors="coerce")
    codes = codes.where(codes.between(low, high))
    return (100 * (codes - low) / (high - low)).dropna()


SURVEYS = [
    ("lighthouse", "speed", "survey_2025Q2_delivered_2025-07-12.csv", "Q4_Speed", lambda s: plain(s, 1, 5)),
    ("lighthouse", "overall_satisfaction", "survey_2025Q2_delivered_2025-07-12.csv", "Q1_Overall", lambda s: plain(s, 1, 5)),
    ("kites", "overall_satisfaction", "استبانة_2025Q2.csv", "ما مدى رضاك عن الخدمة عموماً؟", lambda s: s.map(FIVE_1256).dropna()),
    ("wells", "overall_satisfaction", "2025Q2.xlsx", "الرضا الكلي عن الخدمة", lambda s: s.map(FIVE_SHEET).dropna()),
    ("caravans", "ease", "feedback_2025Q2.ndjson", "answers.easy", lambda s: s.map(FACES).dropna()),
    ("mosaics", "recommendation", "results-2025Q2.json", "q_recommend", lambda s: plain(s, 0, 10)),
]  # fmt: skip


@pytest.mark.parametrize(("agency", "metric", "file", "header", "score"), SURVEYS)
def test_realised_survey_means_are_those_of_the_files(simulated, agency, metric, file, header, score) -> None:
    rows = simulated.clean(f"{agency}/survey_responses/{file}")
    # The spreadsheet's headers change in the middle of the world; 2025Q2 is before the change.
    header = "الرضا العام" if header == "الرضا الكلي عن الخدمة" and header not in rows else header
    scores = score(rows[header])
    truth = simulated.score(agency, metric, "2025Q2")
    assert len(scores) == truth["realised_n"]
    assert scores.mean() == pytest.approx(truth["realised_value"], abs=1e-6)


def test_a_reversed_long_file_holds_the_truth(simulated) -> None:
    rows = simulated.clean("sundials/survey_responses/extract_2025Q3.tsv")
    overall = rows[rows["question"] == "S01"]
    scores = 100 - plain(overall["code"], 1, 5)
    truth = simulated.score("sundials", "overall_satisfaction", "2025Q3")
    assert (len(scores), scores.mean()) == (truth["realised_n"], pytest.approx(truth["realised_value"], abs=1e-6))
    top = simulated.score("sundials", "overall_satisfaction_top_box", "2025Q3")
    assert 100 * (scores >= 75).mean() == pytest.approx(top["realised_value"], abs=1e-6)


def test_complaints_of_the_platform_by_their_last_version(simulated) -> None:
    files = sorted((simulated.landing / "complaints_platform" / "complaints").rglob("*.csv"))
    paths = [file.relative_to(simulated.landing).as_posix() for file in files]
    cases = pd.concat(simulated.clean(path) for path in paths)
    assert cases["رقم الشكوى"].duplicated().any(), "older open cases come again"
    last = cases.drop_duplicates("رقم الشكوى", keep="last")
    mine = last[last["الجهة"] == "المنارات"]
    opened, due, solved, seen = (
        pd.to_datetime(mine[name].replace("", None))
        for name in ("تاريخ الفتح", "تاريخ الاستحقاق", "تاريخ الحل", "وقت الاستخراج")
    )
    counted = due <= seen
    in_time = counted & (solved <= due) & (mine["النتيجة"] != "مسحوبة")
    for period in ("2025Q2", "2025Q3", "2025Q4"):
        of_period = opened.dt.to_period("Q").astype(str) == period
        truth = simulated.score("lighthouse", "complaints_in_time", period)
        assert (counted & of_period).sum() == truth["realised_n"]
        assert 100 * (in_time & of_period).sum() / (counted & of_period).sum() == pytest.approx(
            truth["realised_value"], abs=1e-6
        )


def test_usage_and_standards_of_a_year_in_one_file(simulated) -> None:
    usage = simulated.clean("kites/service_usage/2025.csv")
    months = pd.to_datetime(usage["الشهر"], format="%d/%m/%Y").dt.to_period("Q").astype(str)
    digital = usage[usage["القناة"].isin(["الموقع", "التطبيق"])]
    for period in ("2025Q2", "2025Q3", "2025Q4"):
        mine = digital[months[digital.index] == period][["بدأت", "اكتملت", "غير مستحق"]].astype(int).sum()
        truth = simulated.score("kites", "digital_completion", period)
        assert mine["بدأت"] == truth["realised_n"]
        share = 100 * (mine["اكتملت"] + mine["غير مستحق"]) / mine["بدأت"]
        assert share == pytest.approx(truth["realised_value"], abs=1e-6)
    standards = simulated.clean("lighthouse/service_standards/standards_2025.csv")
    of_q3 = standards[standards["measured_on"].str.startswith("2025-09")][["met", "total"]].astype(int).sum()
    truth = simulated.score("lighthouse", "standard_attainment", "2025Q3")
    assert 100 * of_q3["met"] / of_q3["total"] == pytest.approx(truth["realised_value"], abs=1e-6)


def test_visits_by_the_weights_of_the_rubric(simulated) -> None:
    visits = simulated.clean("mystery_contractor/mystery_visits/visits_2025Q2.xlsx")
    upper = simulated.raw("mystery_contractor/mystery_visits/visits_2025Q2.xlsx").header
    weights = [2, 1, 1, 1, 2, 2, 1, 1, 1, 2]
    first = upper.index("سهولة المعلومة")
    scores = visits.iloc[:, first : first + 10].replace("", None).astype(float)
    by_visit = 10 * (scores * weights).sum(axis=1) / (scores.notna() * weights).sum(axis=1)
    mine = by_visit[visits.iloc[:, 0] == "الهيئة العامة للطائرات الورقية"]
    truth = simulated.score("kites", "mystery_score", "2025Q2")
    assert (len(mine), mine.mean()) == (truth["realised_n"], pytest.approx(truth["realised_value"], abs=1e-6))


def test_maturity_is_the_mean_of_dimension_means(simulated) -> None:
    rows = simulated.clean("kites/maturity_assessments/تقييم_2025Q4.ods")
    adoption = rows["درجة التبني"].map({"غير مطبق": 0, "اجتهادي": 1, "متكرر": 2, "منهجي": 3})
    means = adoption.groupby([rows["النموذج"], rows["البعد"]]).mean().groupby(level=0).mean() / 3 * 100
    for model in ("digital_experience", "cx_management"):
        truth = simulated.score("kites", f"maturity_{model}", "2025Q4")
        assert means[model] == pytest.approx(truth["true_value"], abs=1e-6)


def test_aggregates_add_up_over_regions(simulated) -> None:
    rows = simulated.clean("footpaths/reported_measures/2025Q2.csv")
    numbers = rows[["العدد", "البسط", "المتوسط"]].map(lambda text: float(text.replace(",", ".")) if text else None)
    overall = numbers[rows["المؤشر"] == "الرضا العام"]
    truth = simulated.score("footpaths", "overall_satisfaction", "2025Q2")
    mean = (overall["العدد"] * overall["المتوسط"]).sum() / overall["العدد"].sum()
    assert overall["العدد"].sum() == truth["realised_n"]
    assert mean == pytest.approx(truth["realised_value"], abs=1e-3)  # delivered with four decimals
    share = numbers[rows["المؤشر"] == "إتمام رقمي"].sum()
    expected = simulated.score("footpaths", "digital_completion", "2025Q2")["realised_value"]
    assert 100 * share["البسط"] / share["العدد"] == pytest.approx(expected, abs=1e-6)


def test_hijri_dates_in_arabic_digits_fall_in_their_quarter(simulated) -> None:
    dates = simulated.clean("wells/survey_responses/2025Q2.xlsx")["تاريخ الاستبانة"]
    assert dates.map(lambda text: bool(re.fullmatch("[٠-٩]{4}/[٠-٩]{2}/[٠-٩]{2}", text))).all()
    days = dates.str.translate(ARABIC_DIGITS).map(lambda text: Hijri(*map(int, text.split("/"))).to_gregorian())
    assert all(day.year == 2025 and 4 <= day.month <= 6 for day in days)


def test_a_corrected_delivery_is_longer_and_later(simulated) -> None:
    early = simulated.raw("lighthouse/survey_responses/survey_2025Q3_delivered_2025-10-05.csv")
    late = simulated.clean("lighthouse/survey_responses/survey_2025Q3_delivered_2025-10-12.csv")
    ids = early.frame()["ResponseID"]
    assert 0.5 < len(ids) / len(late) < 0.7
    assert set(ids) < set(late["ResponseID"])

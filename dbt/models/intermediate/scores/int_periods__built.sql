{# Written after every model of `by_period`: until then a rerun starts the same periods again. #}
-- depends_on: {{ ref('bench_closed_loop') }}
-- depends_on: {{ ref('bench_complaints') }}
-- depends_on: {{ ref('bench_digital_services') }}
-- depends_on: {{ ref('bench_disparities') }}
-- depends_on: {{ ref('bench_drivers') }}
-- depends_on: {{ ref('bench_explanations') }}
-- depends_on: {{ ref('bench_lineage') }}
-- depends_on: {{ ref('bench_maturity_practices') }}
-- depends_on: {{ ref('bench_peer_positions') }}
-- depends_on: {{ ref('bench_scores') }}
-- depends_on: {{ ref('bench_small_units') }}
-- depends_on: {{ ref('bench_suppression_proofs') }}
-- depends_on: {{ ref('bench_trends') }}
-- depends_on: {{ ref('int_answers__by_unit') }}
-- depends_on: {{ ref('int_burdens__counted') }}
-- depends_on: {{ ref('int_closed_loop__by_unit') }}
-- depends_on: {{ ref('int_clusters__by_frame') }}
-- depends_on: {{ ref('int_clusters__by_unit') }}
-- depends_on: {{ ref('int_clusters__measured') }}
-- depends_on: {{ ref('int_comparability__gated') }}
-- depends_on: {{ ref('int_complaint_counts__by_unit') }}
-- depends_on: {{ ref('int_complaint_times__by_unit') }}
-- depends_on: {{ ref('int_contributors__counted') }}
-- depends_on: {{ ref('int_contributors__crossed') }}
-- depends_on: {{ ref('int_figures__contributed') }}
-- depends_on: {{ ref('int_members__counted') }}
-- depends_on: {{ ref('int_totals__withheld') }}
-- depends_on: {{ ref('int_contacts__followed') }}
-- depends_on: {{ ref('int_delays__by_agency') }}
-- depends_on: {{ ref('int_late_answers__estimated') }}
-- depends_on: {{ ref('int_disparities__estimated') }}
-- depends_on: {{ ref('int_survey_samples__counted') }}
-- depends_on: {{ ref('int_survey_samples__by_stage') }}
-- depends_on: {{ ref('int_drivers__estimated') }}
-- depends_on: {{ ref('int_expectation__estimated') }}
-- depends_on: {{ ref('int_frames__counted') }}
-- depends_on: {{ ref('int_index__estimated') }}
-- depends_on: {{ ref('int_intervals__claimed') }}
-- depends_on: {{ ref('int_journeys__estimated') }}
-- depends_on: {{ ref('int_journeys__judged') }}
-- depends_on: {{ ref('int_complaint_handling__by_unit') }}
-- depends_on: {{ ref('int_maturity__assessed') }}
-- depends_on: {{ ref('int_maturity__observed') }}
-- depends_on: {{ ref('int_maturity__practices') }}
-- depends_on: {{ ref('int_measures__observed') }}
-- depends_on: {{ ref('int_mix__by_unit') }}
-- depends_on: {{ ref('int_modes__counted') }}
-- depends_on: {{ ref('int_modes__grouped') }}
-- depends_on: {{ ref('int_neighbours__estimated') }}
-- depends_on: {{ ref('int_people__correlated') }}
-- depends_on: {{ ref('int_people__shared') }}
-- depends_on: {{ ref('int_positions__estimated') }}
-- depends_on: {{ ref('int_reliability__estimated') }}
-- depends_on: {{ ref('int_respondents__by_frame') }}
-- depends_on: {{ ref('int_respondents__by_mix') }}
-- depends_on: {{ ref('int_scores__adjusted') }}
-- depends_on: {{ ref('int_scores__chosen') }}
-- depends_on: {{ ref('int_scores__estimated') }}
-- depends_on: {{ ref('int_scores__judged') }}
-- depends_on: {{ ref('int_scores__linked') }}
-- depends_on: {{ ref('int_scores__weighted') }}
-- depends_on: {{ ref('int_screens__estimated') }}
-- depends_on: {{ ref('int_service_figures__estimated') }}
-- depends_on: {{ ref('int_sharing__decided') }}
-- depends_on: {{ ref('int_small_units__estimated') }}
-- depends_on: {{ ref('int_statistics__by_unit') }}
-- depends_on: {{ ref('int_suppression__decided') }}
-- depends_on: {{ ref('int_trends__estimated') }}
-- depends_on: {{ ref('int_usage__completion') }}
-- depends_on: {{ ref('int_visits__estimated') }}
-- depends_on: {{ ref('int_weights__estimated') }}
{{
    config(
        materialized='appended',
        pre_hook='{{ forget_pending_periods() }}'
    )
}}

select
    period_id,
    period_version
from {{ ref('int_periods__pending') }}

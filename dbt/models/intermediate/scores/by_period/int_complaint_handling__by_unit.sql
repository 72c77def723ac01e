{# Do the audit of cases and the mystery visits agree? Each service, region and check judged by both is one pair of
verdicts: whether it was seen in the share of observations that the methodology asks for. #}
with

thresholds as (

    {{ threshold_values('last_observed_share') }}

),

judged as (

    select
        agency_id,
        period_id,
        service_id,
        region_id,
        last_check,
        judge,
        sum(done_count) / nullif(sum(observed_count), 0) as share,
        string_agg(distinct slice_id, ';' order by slice_id) as slice_ids
    from {{ ref('int_complaint_handling__cells') }}
    where {{ period_is_pending() }}
    group by all

),

pairs as (

    select
        cases.agency_id,
        cases.period_id,
        cases.share >= thresholds.last_observed_share as seen_in_cases,
        visits.share >= thresholds.last_observed_share as seen_in_visits,
        cases.slice_ids || ';' || visits.slice_ids as slice_ids
    from judged as cases
    inner join judged as visits
        on cases.agency_id = visits.agency_id
        and cases.period_id = visits.period_id
        and cases.service_id = visits.service_id
        and cases.region_id = visits.region_id
        and cases.last_check = visits.last_check
    cross join thresholds
    where cases.judge = 'case_audit'
        and visits.judge = 'visit'

),

final as (

    select
        agency_id,
        period_id,
        count(*) filter (where seen_in_cases and seen_in_visits) as both_count,
        count(*) filter (where seen_in_cases and not seen_in_visits) as cases_only_count,
        count(*) filter (where not seen_in_cases and seen_in_visits) as visits_only_count,
        count(*) filter (where not seen_in_cases and not seen_in_visits) as neither_count,
        string_agg(distinct slice_ids, ';' order by slice_ids) as slice_ids
    from pairs
    group by all

)

select * from final

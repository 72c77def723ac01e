{# The four checks of a good answer to a complaint - listened, apologised, solved, thanked - as seen by two judges: the
audit of a case and the mystery visit. #}
{%- set checks = ['listened', 'apologised', 'solved', 'thanked'] %}

with

cases as (

    select
        complaints.*,
        {{ age_of_version('complaints') }} as version_rank
    from {{ pending_rows('complaints') }} as complaints

),

-- A visit repeats its checks on every rubric item.
visits as (

    select
        visits.slice_id,
        visits.agency_id,
        visits.period_id,
        visits.service_id,
        visits.region_id,
        {%- for check in checks %}
        max(case when visits.{{ check }} then 1 when not visits.{{ check }} then 0 end) as {{ check }},
        {%- endfor %}
        visits.visit_id
    from {{ pending_rows('mystery_visits') }} as visits
    group by
        visits.slice_id,
        visits.agency_id,
        visits.period_id,
        visits.service_id,
        visits.region_id,
        visits.visit_id

),

observations as (

    {%- for check in checks %}
    select
        slice_id, agency_id, period_id, service_id, region_id, 'case_audit' as judge, '{{ check }}' as last_check,
        case when {{ check }} then 1 when not {{ check }} then 0 end as done
    from cases
    where version_rank = 1
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id, 'visit' as judge, '{{ check }}' as last_check,
        {{ check }} as done
    from visits
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        judge,
        last_check,
        count(*) as observed_count,
        sum(done) as done_count
    from observations
    where done is not null
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        judge,
        last_check

)

select * from final

{# A service's total is published with its scores, so its standards are shown together or not at all. #}
with

thresholds as (

    {{ threshold_values('minimum_n') }}

),

standards as (

    select
        agency_id,
        period_id,
        service_id,
        standard_id,
        standard_kind,
        channel,
        sum(met_count) as met,
        sum(total_count) as total,
        min(lowest_target) as lowest_target,
        max(highest_target) as highest_target,
        sum(declared_count) as declared_count,
        sum(declared_met_count) as declared_met_count,
        string_agg(distinct slice_id, ';' order by slice_id) as slice_ids
    from {{ ref('int_standards__cells') }}
    group by all

),

judged as (

    select
        standards.*,
        case when standards.total > 0 then 100 * cast(standards.met as double) / standards.total end as attainment,
        case
            when standards.lowest_target = standards.highest_target
                then 100 * cast(standards.lowest_target as double)
        end as target,
        case
            when standards.declared_count > 0 and standards.declared_met_count in (0, standards.declared_count)
                then standards.declared_met_count > 0
        end as declared_met,
        case
            when standards.total is null or standards.total = 0 then 'not_measured'
            when standards.met > standards.total then 'numerator_above_base'
            when
                min(case when standards.total > 0 then standards.total end) over (
                    partition by standards.agency_id, standards.period_id, standards.service_id
                ) < thresholds.minimum_n
                then 'confidential'
        end as status_reason
    from standards
    cross join thresholds

),

stated as (

    select
        *,
        case
            when status_reason is null then 'reported'
            when status_reason = 'not_measured' then 'not_applicable'
            when status_reason = 'numerator_above_base' then 'refused'
            else 'suppressed'
        end as status,
        attainment >= target as computed_met
    from judged

),

final as (

    select
        'service' as unit_type,
        agency_id || '/' || service_id as unit_id,
        agency_id,
        service_id,
        period_id,
        '{{ var("methodology_version") }}' as methodology_version,
        standard_id,
        standard_kind,
        channel,
        status,
        status_reason,
        case when status = 'reported' then cast(total as bigint) end as n,
        {{ published('attainment') }},
        cast(round(target, 4) as decimal(12, 4)) as target,
        case when status = 'reported' then computed_met end as is_target_met,
        declared_met as is_declared_met,
        case when status = 'reported' then computed_met <> declared_met end as is_contradicted,
        slice_ids
    from stated

)

select * from final

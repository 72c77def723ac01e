with

standards as (

    select
        standards.*,
        -- The counts decide; the agency's own verdict is used only where there are none.
        case
            when standards.total > 0 and standards.met is not null and standards.target is not null
                then cast(standards.met as double) / nullif(standards.total, 0) >= cast(standards.target as double)
            else standards.is_target_met
        end as is_on_target
    from {{ pending_rows('service_standards') }} as standards

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        standard_kind,
        standard_id,
        count(*) as standards_count,
        sum(case when total is not null then met end) as met_count,
        sum(case when met is not null then total end) as total_count,
        sum(case when is_on_target then 1 else 0 end) as on_target_count,
        sum(case when is_on_target is not null then 1 else 0 end) as judged_count,
        min(target) as lowest_target,
        max(target) as highest_target,
        count(is_target_met) as declared_count,
        sum(case when is_target_met then 1 else 0 end) as declared_met_count
    from standards
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        standard_kind,
        standard_id

)

select * from final

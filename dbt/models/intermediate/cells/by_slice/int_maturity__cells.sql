with

practices as (

    select
        practices.*,
        -- A practice assessed twice in a period counts as last assessed.
        row_number() over (
            partition by practices.slice_id, practices.service_id, practices.model_id, practices.practice_id
            order by practices.assessed_on desc, practices.row_id desc
        ) as recency
    from {{ pending_rows('maturity_assessments') }} as practices
    where practices.adoption is not null

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
        model_id,
        dimension,
        practice_id,
        count(*) as practices_count,
        sum(cast(round(100 * cast(adoption as double) / nullif(cast(adoption_max as double), 0), 6) as decimal(12, 6)))
            as sum_share,
        count(case when has_evidence then 1 end) as evidenced_count,
        min(expires_on) as expires_on
    from practices
    where recency = 1
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        model_id,
        dimension,
        practice_id

)

select * from final

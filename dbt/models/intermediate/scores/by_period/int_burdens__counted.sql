{# How often the same beneficiary answered in a period, all agencies together. #}
with

beneficiaries as (

    select
        period_id,
        beneficiary,
        sum(episodes_count) as times
    from {{ ref('int_episodes__cells') }}
    where episode = 'response'
        and {{ period_is_pending() }}
    group by all

),

final as (

    select
        period_id,
        cast(times as bigint) as times,
        count(*) as beneficiaries_count
    from beneficiaries
    group by all

)

select * from final

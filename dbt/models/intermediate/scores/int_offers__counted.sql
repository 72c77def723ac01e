{# Whom the survey was offered to: transactions and invitations by service and channel, with the satisfaction expected
there, which is the mean of the answers in that agency's service and channel up to the period. #}
{{ config(materialized='table') }}

with

answers as (

    select
        answers.agency_id,
        answers.period_id,
        answers.service_id,
        answers.channel,
        sum(answers.invited_count) as invited_count,
        sum(answers.responded_count) as responded_count,
        sum(answers.n) as n,
        sum(answers.wy * answers.n / nullif(answers.w, 0)) as total
    from {{ ref('int_respondents__by_frame') }} as answers
    inner join {{ ref('stg_methodology__roles') }} as roles
        on answers.metric_id = roles.metric_id
        and roles.role = 'satisfaction'
    group by all

),

transactions as (

    select
        agency_id,
        period_id,
        coalesce(service_id, '-') as service_id,
        coalesce(channel, '-') as channel,
        cast(sum(completed_count) as bigint) as completed_count
    from {{ ref('int_frames__counted') }}
    group by all

),

final as (

    select
        transactions.agency_id,
        transactions.period_id,
        transactions.service_id,
        transactions.channel,
        transactions.completed_count,
        cast(coalesce(answers.invited_count, 0) as bigint) as invited_count,
        cast(coalesce(answers.responded_count, 0) as bigint) as responded_count,
        sum(answers.total) over so_far / nullif(sum(answers.n) over so_far, 0) as expected_satisfaction
    from transactions
    left join answers
        on transactions.agency_id = answers.agency_id
        and transactions.period_id = answers.period_id
        and transactions.service_id = answers.service_id
        and transactions.channel = answers.channel
    window so_far as (
        partition by transactions.agency_id, transactions.service_id, transactions.channel
        order by transactions.period_id
    )

)

select * from final

{# Durations of every unit's cases, per clock: what a curve is drawn from. #}
with

times as (

    select *
    from {{ ref('int_complaint_times__cells') }}

),

final as (
    {{ sums_by_unit('times', ['clock', 'duration_hours'], ['ended_count', 'censored_count', 'entered_count']) }}
)

select * from final
where {{ period_is_pending() }}

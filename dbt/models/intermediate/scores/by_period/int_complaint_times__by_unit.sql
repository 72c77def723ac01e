{# Durations of every unit's cases, per clock and slice, from which curves are estimated. Few cases share a duration, so
each slice has rows of its own: listing slices would cost more than counting. #}
with

times as (

    select *
    from {{ ref('int_complaint_times__cells') }}
    where {{ period_is_pending() }}

),

final as (
    {{ by_unit(
        'times',
        ['clock', 'duration_hours', 'slice_id as slice_ids'],
        [
            'cast(sum(ended_count) as double) as ended_count',
            'cast(sum(competing_count) as double) as competing_count',
            'cast(sum(censored_count) as double) as censored_count',
            'cast(sum(entered_count) as double) as entered_count',
        ],
        unit_types('records')
    ) }}
)

select * from final

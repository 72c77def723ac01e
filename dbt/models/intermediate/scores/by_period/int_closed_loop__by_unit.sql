{# Loops of every unit by instrument, box and hours to contact. #}
with

loops as (

    select *
    from {{ ref('int_closed_loop__cells') }}
    where {{ period_is_pending() }}

),

final as (
    {{ sums_by_unit(
        'loops',
        ['scale_id', 'wording_version', 'scale_range', 'position', 'duration_hours'],
        [
            'loops_count', 'reached_count', 'attempted_count', 'outcome_count', 'solved_count', 'not_solved_count',
            'declined_count', 'recovered_count', 'sum_uplift', 'sum_uplift2',
        ]
    ) }}
)

select * from final

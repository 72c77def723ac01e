{# Parts of a visit, one observation per visit and part: its score at a stage or touchpoint by item weights, and the
four checks (listened, apologised, solved, thanked) as 0 or 100. #}
{%- set checks = ['listened', 'apologised', 'solved', 'thanked'] %}

with

items as (

    select
        visits.slice_id,
        visits.agency_id,
        visits.period_id,
        visits.channel,
        visits.visit_id,
        visits.stage,
        visits.touchpoint,
        {%- for check in checks %}
        visits.{{ check }},
        {%- endfor %}
        case when visits.score is not null then coalesce(visits.item_weight, 1) end as item_weight,
        cast(
            round(100 * cast(visits.score as double) / nullif(cast(visits.score_max as double), 0), 6)
            as decimal(12, 6)
        ) as share
    from {{ pending_rows('mystery_visits') }} as visits

),

parts as (

    {%- for part in ['stage', 'touchpoint', 'channel'] %}
    select
        slice_id,
        agency_id,
        period_id,
        visit_id,
        '{{ part }}' as part,
        {{ part }} as part_id,
        cast(
            round(cast(sum(item_weight * share) as double) / nullif(cast(sum(item_weight) as double), 0), 6)
            as decimal(12, 6)
        ) as score
    from items
    where {{ part }} is not null
        and share is not null
    group by
        slice_id,
        agency_id,
        period_id,
        visit_id,
        {{ part }}
    union all
    {%- endfor %}
    {%- for check in checks %}
    select
        slice_id,
        agency_id,
        period_id,
        visit_id,
        'check' as part,
        '{{ check }}' as part_id,
        cast(max(case when {{ check }} then 100 else 0 end) as decimal(12, 6)) as score
    from items
    where {{ check }} is not null
    group by
        slice_id,
        agency_id,
        period_id,
        visit_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        part,
        part_id,
        count(*) as observed_count,
        sum(score) as sum_score,
        sum(score * score) as sum_score2
    from parts
    where score is not null
    group by
        slice_id,
        agency_id,
        period_id,
        part,
        part_id

)

select * from final

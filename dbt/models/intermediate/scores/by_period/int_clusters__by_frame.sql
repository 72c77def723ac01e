{# Answers that were drawn together in the cells of the population frame, for scores weighted to it. #}
with

final as (

    select
        clusters.agency_id,
        clusters.period_id,
        clusters.metric_id,
        clusters.instrument_id,
        samples.stages,
        coalesce(clusters.service_id, '-') as service_id,
        coalesce(clusters.channel, '-') as channel,
        coalesce(clusters.region_id, '-') as region_id,
        coalesce(clusters.segment, '-') as segment,
        case
            when clusters.branch_share is null then 'person ' || clusters.person
            else 'branch ' || clusters.branch_id
        end as psu,
        clusters.person,
        coalesce(clusters.branch_share, 0) as branch_share,
        {%- for column in ['asked_count', 'n'] %}
        cast(sum(clusters.{{ column }}) as bigint) as {{ column }},
        {%- endfor %}
        {%- for column, power in [
            ('asked_w', 0), ('asked_w2', 0), ('w', 0), ('wy', 1), ('wyy', 2), ('w2', 0), ('w2y', 1), ('w2y2', 2),
        ] %}
        max(clusters.unit_y) ** {{ power }} * cast(sum(clusters.{{ column }}) as double) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_clusters__measured') }} as clusters
    inner join {{ ref('int_survey_samples__by_stage') }} as samples
        on clusters.agency_id = samples.agency_id
        and clusters.period_id = samples.period_id
        and clusters.metric_id = samples.metric_id
    where {{ period_is_pending('clusters.period_id') }}
        and {{ period_is_pending('samples.period_id') }}
    group by all

)

select * from final

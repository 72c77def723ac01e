{# Who responded, by survey sample and cell of the population frame. A response may lose single answers to quarantine,
so the question that lost fewest gives the number of responses. #}
with

by_metric as (

    select
        agency_id,
        period_id,
        stages,
        service_id,
        channel,
        region_id,
        segment,
        metric_id,
        sum(asked_count) as asked_count,
        sum(asked_w) as asked_w,
        sum(asked_w2) as asked_w2
    from {{ ref('int_respondents__by_frame') }}
    group by all

),

final as (

    select
        agency_id,
        period_id,
        stages,
        service_id,
        channel,
        region_id,
        segment,
        cast(max(asked_count) as bigint) as asked_count,
        max(asked_w) as asked_w,
        max(asked_w2) as asked_w2
    from by_metric
    group by all

)

select * from final
where {{ period_is_pending() }}

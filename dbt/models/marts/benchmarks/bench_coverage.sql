{# The benchmark's own quality: who owed, who delivered, what could be compared, and
how late and how often it was revised. Of the nation for every reader; of a peer group for the centre, for among few
agencies a count of withheld scores tells whose. #}
with

thresholds as (

    {{ threshold_values('minimum_contributors') }}

),

scores as (

    select
        scores.*,
        agencies.peer_group,
        metrics.feed,
        metrics.polarity
    from {{ ref('bench_scores') }} as scores
    inner join {{ ref('stg_registry__agencies') }} as agencies
        on scores.agency_id = agencies.agency_id
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on scores.metric_id = metrics.metric_id
    where scores.unit_type = 'agency'

),

-- Each agency counts in its group and in the nation; with two instruments once, with the better of its states.
agencies as (

    select
        metric_id,
        period_id,
        peer_group,
        agency_id,
        case
            when bool_or(status = 'reported') then 'reported'
            when bool_or(status = 'suppressed') then 'suppressed'
            when bool_or(status = 'refused') then 'refused'
            when bool_or(status = 'missing') then 'missing'
            else 'not_applicable'
        end as status,
        bool_or(status_reason = 'not_computed') as is_not_computed,
        bool_or(frame_status = 'weights_infeasible') as is_not_weighted
    from scores
    group by all

),

owed as (

    select
        metric_id,
        period_id,
        peer_group,
        grouping(peer_group) = 1 as is_national,
        case when grouping(peer_group) = 1 then 'national' else 'peer_group' end as unit_type,
        case when grouping(peer_group) = 1 then 'all' else peer_group end as unit_id,
        count(*) as agencies_owed,
        count(*) filter (where status = 'reported') as agencies_reported,
        count(*) filter (where status = 'suppressed') as agencies_suppressed,
        count(*) filter (where status = 'refused') as agencies_refused,
        count(*) filter (where status = 'missing') as agencies_missing,
        count(*) filter (
            where status = 'not_applicable'
            and not coalesce(is_not_computed, false)
        ) as agencies_not_measured,
        count(*) filter (where status = 'not_applicable' and is_not_computed) as agencies_not_computed,
        count(*) filter (where is_not_weighted) as agencies_not_weighted
    from agencies
    group by grouping sets ((metric_id, period_id, peer_group), (metric_id, period_id))

),

-- Those withheld and those that did not measure are together what is left of the nation. Where fewer than three are
-- neither, two that work together would know from one of the counts of everybody else. Both are empty wherever any is
-- withheld, however many: if that hung on how many, an empty cell would tell it. Of few it would tell even that one is.
told as (

    select
        owed.*,
        owed.is_national
        and owed.agencies_owed - owed.agencies_suppressed - owed.agencies_not_measured < thresholds.minimum_contributors
        and (
            owed.agencies_suppressed > 0
            or owed.agencies_not_measured between 1 and thresholds.minimum_contributors
        ) as is_told_by_few
    from owed
    cross join thresholds

),

compared as (

    select
        scores.metric_id,
        scores.period_id,
        scores.peer_group,
        grouping(scores.peer_group) = 1 as is_national,
        count(*) as n,
        count(*) filter (where positions.is_comparable) as comparable_count,
        count(*) filter (where scores.polarity <> 0) as gated_count,
        avg(scores.reliability) as mean_reliability,
        string_agg(scores.slice_ids, ';' order by scores.slice_ids) as slice_ids
    from scores
    inner join {{ ref('bench_peer_positions') }} as positions
        on scores.score_id = positions.score_id
    where scores.status = 'reported'
    group by
        grouping sets (
            (scores.metric_id, scores.period_id, scores.peer_group), (scores.metric_id, scores.period_id)
        )

),

slices as (

    select
        slices.slice_id,
        slices.feed,
        slices.period_id,
        agencies.peer_group,
        max(slices.delivery_rank) as delivery_rank,
        min(
            date_diff(
                'day',
                make_date(
                    cast(left(slices.period_id, 4) as integer), 3 * cast(right(slices.period_id, 1) as integer), 1
                ) + interval 1 month - interval 1 day,
                try_cast(submissions.delivered_key as date)
            )
        ) as days
    from {{ ref('stg_ledger__slices') }} as slices
    inner join {{ ref('stg_registry__agencies') }} as agencies
        on slices.agency_id = agencies.agency_id
    inner join {{ ref('stg_ledger__submissions') }} as submissions
        on slices.submission_id = submissions.submission_id
    where slices.status in ('live', 'replaced')
    group by all

),

deliveries as (

    select
        feed,
        period_id,
        peer_group,
        grouping(peer_group) = 1 as is_national,
        count(*) filter (where delivery_rank > 1) as slices_revised,
        count(days) as slices_dated,
        median(days) as days_to_delivery
    from slices
    group by grouping sets ((feed, period_id, peer_group), (feed, period_id))

),

final as (

    select
        md5(
            concat_ws(
                '|', '{{ var("methodology_version") }}', owed.metric_id, owed.period_id, owed.unit_type, owed.unit_id
            )
        ) as coverage_id,
        '{{ var("methodology_version") }}' as methodology_version,
        owed.unit_type,
        owed.unit_id,
        cast(null as varchar) as agency_id,
        owed.metric_id,
        owed.period_id,
        'reported' as status,
        cast(null as varchar) as status_reason,
        owed.agencies_owed,
        owed.agencies_reported,
        case when not owed.is_told_by_few then owed.agencies_suppressed end as agencies_suppressed,
        owed.agencies_refused,
        owed.agencies_missing,
        case when not owed.is_told_by_few then owed.agencies_not_measured end as agencies_not_measured,
        owed.agencies_not_computed,
        owed.agencies_not_weighted,
        cast(round(owed.agencies_reported / nullif(owed.agencies_owed, 0), 4) as decimal(12, 4)) as reported_share,
        case
            when not owed.is_told_by_few
                then cast(round(owed.agencies_suppressed / nullif(owed.agencies_owed, 0), 4) as decimal(12, 4))
        end as suppressed_share,
        cast(round(owed.agencies_refused / nullif(owed.agencies_owed, 0), 4) as decimal(12, 4)) as refused_share,
        cast(round(owed.agencies_missing / nullif(owed.agencies_owed, 0), 4) as decimal(12, 4)) as missing_share,
        coalesce(compared.n, 0) as n,
        coalesce(compared.comparable_count, 0) as comparable_count,
        cast(round(compared.comparable_count / nullif(compared.gated_count, 0), 4) as decimal(12, 4)) as gate_pass_rate,
        -- A mean of few is one agency's for who takes its own off. Of groups it is the centre's.
        case
            when not owed.is_national or compared.n > thresholds.minimum_contributors
                then cast(round(compared.mean_reliability, 4) as decimal(12, 4))
        end as mean_reliability,
        coalesce(deliveries.slices_revised, 0) as slices_revised,
        coalesce(deliveries.slices_dated, 0) as slices_dated,
        case
            when not owed.is_national or deliveries.slices_dated > thresholds.minimum_contributors
                then cast(round(deliveries.days_to_delivery, 4) as decimal(12, 4))
        end as days_to_delivery,
        owed.is_national as is_shared,
        coalesce(
            array_to_string(list_sort(list_distinct(string_split(nullif(compared.slice_ids, ''), ';'))), ';'), ''
        ) as slice_ids
    from told as owed
    cross join thresholds
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on owed.metric_id = metrics.metric_id
    left join compared
        on owed.metric_id = compared.metric_id
        and owed.period_id = compared.period_id
        and owed.is_national = compared.is_national
        and owed.peer_group is not distinct from compared.peer_group
    left join deliveries
        on metrics.feed = deliveries.feed
        and owed.period_id = deliveries.period_id
        and owed.is_national = deliveries.is_national
        and owed.peer_group is not distinct from deliveries.peer_group

)

select * from final

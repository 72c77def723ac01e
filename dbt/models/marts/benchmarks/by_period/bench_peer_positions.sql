with

scores as (

    select *
    from {{ ref('bench_scores') }}
    where unit_type = 'agency'
        and {{ period_is_pending() }}

),

final as (

    select
        scores.score_id,
        scores.agency_id,
        scores.metric_id,
        scores.period_id,
        scores.instrument_id,
        scores.methodology_version,
        agencies.peer_group,
        scores.score,
        coalesce(positions.peers_count, 0) as peers_count,
        case
            when isfinite(positions.peer_median)
                then cast(round(positions.peer_median, 4) as decimal(12, 4))
        end as peer_median,
        case
            when isfinite(positions.peer_lower_quartile)
                then cast(round(positions.peer_lower_quartile, 4) as decimal(12, 4))
        end as peer_lower_quartile,
        case
            when isfinite(positions.peer_upper_quartile)
                then cast(round(positions.peer_upper_quartile, 4) as decimal(12, 4))
        end as peer_upper_quartile,
        case
            when isfinite(positions.percentile)
                then cast(round(positions.percentile, 4) as decimal(12, 4))
        end as percentile,
        case when isfinite(positions.z) then cast(round(positions.z, 4) as decimal(12, 4)) end as z,
        positions.band,
        case
            when isfinite(positions.reliability)
                then cast(round(positions.reliability, 4) as decimal(12, 4))
        end as reliability,
        case when isfinite(positions.rank_low) then cast(positions.rank_low as integer) end as rank_low,
        case when isfinite(positions.rank_high) then cast(positions.rank_high as integer) end as rank_high,
        case
            when isfinite(positions.expected_rank)
                then cast(round(positions.expected_rank, 4) as decimal(12, 4))
        end as expected_rank,
        case when isfinite(positions.p_top3) then cast(round(positions.p_top3, 4) as decimal(12, 4)) end as p_top3,
        case when isfinite(positions.tier) then cast(positions.tier as integer) end as tier,
        scores.score_basis,
        scores.weighting,
        positions.band is not null as is_comparable,
        case
            when scores.status <> 'reported' then scores.status_reason
            else positions.comparability_reason
        end as comparability_reason,
        case
            when scores.status <> 'reported' then scores.status_reason
            else positions.rank_reason
        end as rank_reason
    from scores
    inner join {{ ref('stg_registry__agencies') }} as agencies
        on scores.agency_id = agencies.agency_id
    left join {{ ref('int_positions__estimated') }} as positions
        on scores.agency_id = positions.agency_id
        and scores.metric_id = positions.metric_id
        and scores.period_id = positions.period_id
        and scores.instrument_id = positions.instrument_id

)

select * from final

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
        case when scores.status = 'reported' then links.linked_instrument_id end as linked_instrument_id,
        {{ published('links.score', 'linked_score') }},
        {{ published('links.ci_low', 'linked_low') }},
        {{ published('links.ci_high', 'linked_high') }},
        positions.peer_frame,
        coalesce(positions.peers_count, 0) as peers_count,
        {{ published('positions.peer_median', 'peer_median') }},
        {{ published('positions.peer_lower_quartile', 'peer_lower_quartile') }},
        {{ published('positions.peer_upper_quartile', 'peer_upper_quartile') }},
        {{ published('positions.peer_mean', 'peer_mean') }},
        {{ published('positions.difference', 'difference') }},
        {{ published('positions.difference_low', 'difference_low') }},
        {{ published('positions.difference_high', 'difference_high') }},
        {{ published('positions.smallest_difference', 'smallest_difference') }},
        positions.verdict,
        {{ published('positions.p_right', 'p_right') }},
        {{ published('positions.p_beyond', 'p_beyond') }},
        {{ published('positions.tipping_gap', 'tipping_gap') }},
        {{ published('late.late_gap', 'late_gap') }},
        {{ published('late.late_gap_low', 'late_gap_low') }},
        {{ published('late.late_gap_high', 'late_gap_high') }},
        {{ published('late.nonresponse_low', 'nonresponse_low') }},
        {{ published('late.nonresponse_high', 'nonresponse_high') }},
        late.turns_with_nonresponse,
        {{ published('positions.national_peer_mean', 'national_peer_mean') }},
        {{ published('positions.national_difference', 'national_difference') }},
        {{ published('positions.national_difference_low', 'national_difference_low') }},
        {{ published('positions.national_difference_high', 'national_difference_high') }},
        positions.national_verdict,
        positions.turns_with_frame,
        coalesce(neighbours.neighbours_count, 0) as neighbours_count,
        {{ published('neighbours.neighbour_mean', 'neighbour_mean') }},
        {{ published('neighbours.neighbour_difference', 'neighbour_difference') }},
        {{ published('neighbours.neighbour_low', 'neighbour_low') }},
        {{ published('neighbours.neighbour_high', 'neighbour_high') }},
        neighbours.neighbour_verdict,
        neighbours.turns_with_neighbours,
        case
            when scores.status <> 'reported' then scores.status_reason
            else neighbours.neighbour_reason
        end as neighbour_reason,
        positions.benchmark_frame,
        {{ published('positions.benchmark', 'benchmark') }},
        case
            when isfinite(positions.benchmark_agencies) then cast(positions.benchmark_agencies as integer)
        end as benchmark_agencies,
        {{ published('positions.benchmark_distance', 'benchmark_distance') }},
        {{ published('positions.benchmark_low', 'benchmark_low') }},
        {{ published('positions.benchmark_high', 'benchmark_high') }},
        {{ published('positions.z', 'z') }},
        positions.special_cause,
        {{ published('positions.reliability', 'reliability') }},
        case when isfinite(positions.rank_low) then cast(positions.rank_low as integer) end as rank_low,
        case when isfinite(positions.rank_high) then cast(positions.rank_high as integer) end as rank_high,
        {{ published('positions.expected_rank', 'expected_rank') }},
        {{ published('positions.p_top3', 'p_top3') }},
        case when isfinite(positions.tier) then cast(positions.tier as integer) end as tier,
        scores.score_basis,
        scores.weighting,
        positions.verdict is not null as is_comparable,
        case
            when scores.status <> 'reported' then scores.status_reason
            else positions.comparability_reason
        end as comparability_reason,
        case when isfinite(positions.study_n) then cast(positions.study_n as integer) end as study_n,
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
    left join {{ ref('int_scores__linked') }} as links
        on scores.agency_id = links.agency_id
        and scores.metric_id = links.metric_id
        and scores.period_id = links.period_id
        and scores.instrument_id = links.instrument_id
    left join {{ ref('int_late_answers__estimated') }} as late
        on scores.agency_id = late.agency_id
        and scores.metric_id = late.metric_id
        and scores.period_id = late.period_id
        and scores.instrument_id = late.instrument_id
    left join {{ ref('int_neighbours__estimated') }} as neighbours
        on scores.agency_id = neighbours.agency_id
        and scores.metric_id = neighbours.metric_id
        and scores.period_id = neighbours.period_id
        and scores.instrument_id = neighbours.instrument_id

)

select * from final

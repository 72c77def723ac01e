with

seasons as (

    select
        period_id,
        max(share) filter (where season = 'ramadan') as ramadan_share,
        max(share) filter (where season = 'hajj') as hajj_share,
        max(share) filter (where season = 'eid') as eid_share
    from {{ ref('int_periods__seasons') }}
    group by period_id

),

-- A change and a chart tell the scores they start from: all that are reported so far must be for every reader.
shared as (

    select
        score_id,
        period_id,
        bool_and(is_shared) over (
            partition by unit_type, unit_id, metric_id
            order by period_id
            range between unbounded preceding and current row
        ) as is_shared
    from {{ ref('bench_scores') }}
    where agency_id is null
        and status = 'reported'

),

trends as (

    select
        trends.*,
        -- Totals of agencies have rules of their own (`methodology.panels`), which hide them from everybody.
        case when trends.score_id is null then trends.agency_id is null else coalesce(shared.is_shared, false) end
            as is_shared,
        seasons.ramadan_share,
        seasons.hajj_share,
        seasons.eid_share,
        -- Parts are rounded first and the last one is the rest, so that what is published adds up.
        round(trends.raw_change, 4) - round(trends.mix_effect, 4) as rate_effect,
        round(trends.panel_change, 4) - round(trends.continuing_effect, 4) - round(trends.entrants_effect, 4)
            as exits_effect,
        round(trends.year_panel_change, 4) - round(trends.year_continuing_effect, 4)
        - round(trends.year_entrants_effect, 4) as year_exits_effect
    from {{ ref('int_trends__estimated') }} as trends
    left join seasons
        on trends.period_id = seasons.period_id
    left join shared
        on trends.score_id = shared.score_id

),

final as (

    select
        md5(
            concat_ws(
                '|', '{{ var("methodology_version") }}', unit_type, unit_id, metric_id, period_id,
                coalesce(instrument_id, ''), score_kind, 'trend'
            )
        ) as trend_id,
        score_id,
        '{{ var("methodology_version") }}' as methodology_version,
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        score_kind,
        pooled_by,
        status,
        status_reason,
        {{ published('score') }},
        {{ published('ci_low') }},
        {{ published('ci_high') }},
        case when status = 'reported' then cast(n as bigint) end as n,
        case when status = 'reported' then cast(n_effective as bigint) end as n_effective,
        {%- for span in ['', 'year_'] %}
        {{ published(span ~ 'change') }},
        {{ published(span ~ 'change_error', span ~ 'change_standard_error') }},
        {{ published(span ~ 'change_low', span ~ 'change_ci_low') }},
        {{ published(span ~ 'change_high', span ~ 'change_ci_high') }},
        case when isfinite({{ span }}change_is_significant) then {{ span }}change_is_significant = 1 end
            as {{ span }}change_is_significant,
        {{ span }}change_reason,
        {%- endfor %}
        compared_period_id,
        cast(points_count as bigint) as points_count,
        control_method,
        {{ published('centre') }},
        {{ published('lower_limit') }},
        {{ published('upper_limit') }},
        {{ published('season_effect') }},
        control_signal,
        {{ published('raw_change') }},
        {{ published('mix_effect') }},
        {{ published('rate_effect') }},
        {%- for span in ['', 'year_'] %}
        {{ published(span ~ 'panel_change') }},
        {{ published(span ~ 'continuing_effect') }},
        {{ published(span ~ 'continuing_low', span ~ 'continuing_ci_low') }},
        {{ published(span ~ 'continuing_high', span ~ 'continuing_ci_high') }},
        {{ published(span ~ 'entrants_effect') }},
        {{ published(span ~ 'exits_effect') }},
        case when isfinite({{ span }}panel_count) then cast({{ span }}panel_count as bigint) end
            as {{ span }}panel_count,
        {%- endfor %}
        cast(round(ramadan_share, 4) as decimal(12, 4)) as ramadan_share,
        cast(round(hajj_share, 4) as decimal(12, 4)) as hajj_share,
        cast(round(eid_share, 4) as decimal(12, 4)) as eid_share,
        is_shared,
        slice_ids
    from trends

)

select * from final
where {{ period_is_pending() }}

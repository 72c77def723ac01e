{# From a score to the submissions behind it; the rows are in the lake under the submission's id. #}
with

parts as (

    select
        score_id,
        period_id,
        unnest(string_split(slice_ids, ';')) as slice_id
    from {{ ref('bench_scores') }}
    where slice_ids <> ''
        and status = 'reported'
        and {{ period_is_pending() }}

),

final as (

    select
        parts.score_id,
        parts.period_id,
        parts.slice_id,
        slices.agency_id,
        slices.submission_id,
        slices.provider_id,
        slices.delivery_rank,
        submissions.path
    from parts
    inner join {{ ref('stg_ledger__slices') }} as slices
        on parts.slice_id = slices.slice_id
        and slices.status = 'live'
    left join {{ ref('stg_ledger__submissions') }} as submissions
        on slices.submission_id = submissions.submission_id

)

select * from final

-- Cells lose nothing: per slice, they count as many questions asked as there are live rows in the lake.
with

cells as (

    select
        slice_id,
        sum(asked_count) as asked_count
    from {{ ref('int_survey__cells') }}
    group by slice_id

),

live_rows as (

    select
        slices.slice_id,
        sum(slices.accepted_rows) as accepted_rows
    from {{ ref('stg_ledger__slices') }} as slices
    where slices.status = 'live'
        and slices.feed = 'survey_responses'
    group by slices.slice_id

)

select
    coalesce(cells.slice_id, live_rows.slice_id) as slice_id,
    cells.asked_count,
    live_rows.accepted_rows
from cells
full outer join live_rows
    on cells.slice_id = live_rows.slice_id
where cells.asked_count is distinct from live_rows.accepted_rows

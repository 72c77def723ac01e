-- Cells of respondents lose nothing: per slice, they count as many questions asked as the survey cells.
with

respondents as (

    select
        slice_id,
        sum(asked_count) as asked_count
    from {{ ref('int_respondents__cells') }}
    group by slice_id

),

surveys as (

    select
        slice_id,
        sum(asked_count) as asked_count
    from {{ ref('int_survey__cells') }}
    group by slice_id

)

select
    coalesce(respondents.slice_id, surveys.slice_id) as slice_id,
    respondents.asked_count as respondents_asked,
    surveys.asked_count as surveys_asked
from respondents
full outer join surveys
    on respondents.slice_id = surveys.slice_id
where respondents.asked_count is distinct from surveys.asked_count

{# Written after every cell model: until then a rerun starts the same slices again. A withdrawn slice is noted as such,
so that a build which stopped before emptying it is told from one that did. #}
-- depends_on: {{ ref('int_survey__cells') }}
-- depends_on: {{ ref('int_respondents__cells') }}
-- depends_on: {{ ref('int_questionnaires__cells') }}
-- depends_on: {{ ref('int_journeys__cells') }}
-- depends_on: {{ ref('int_complaints__cells') }}
-- depends_on: {{ ref('int_usage__cells') }}
-- depends_on: {{ ref('int_standards__cells') }}
-- depends_on: {{ ref('int_visits__cells') }}
-- depends_on: {{ ref('int_visit_parts__cells') }}
-- depends_on: {{ ref('int_maturity__cells') }}
-- depends_on: {{ ref('int_reported__cells') }}
-- depends_on: {{ ref('int_complaint_times__cells') }}
-- depends_on: {{ ref('int_episodes__cells') }}
-- depends_on: {{ ref('int_last__cells') }}
-- depends_on: {{ ref('int_closed_loop__cells') }}
-- depends_on: {{ ref('int_expectation__cells') }}

select
    slice_id,
    slice_version,
    '{{ var("build_key") }}' as build_key
from {{ ref('int_slices__pending') }}
group by
    slice_id,
    slice_version

{# The first steps of a reported score, which its passport cannot tell: rows, cells and answers it came from. #}
{%- set unit_types = {
    'agency': ['agency_id'],
    'service': ['agency_id', 'service_id'],
    'branch': ['agency_id', 'branch_id'],
    'agency_region': ['agency_id', 'region_id'],
    'region': ['region_id'],
    'journey': ['journey_id'],
} %}
{%- set count = 'cast(sum(gathered.%s) as bigint) as %s' %}
{%- set counts = [] %}
{%- for kind in [
    'rows', 'cells', 'asked', 'answered', 'dont_know', 'not_applicable', 'refused', 'missing',
] %}{% do counts.append(count % (kind ~ '_count', kind ~ '_count')) %}{% endfor %}

with

scores as (

    select
        score_id,
        unit_type,
        unit_id,
        agency_id,
        period_id,
        metric_id,
        instrument_id,
        unnest(string_split(slice_ids, ';')) as slice_id
    from {{ ref('bench_scores') }}
    where status = 'reported'
        and {{ period_is_pending() }}

),

gathered as (

    select *
    from {{ ref('int_rows__gathered') }}
    where {{ period_is_pending() }}

),

final as (

    {%- for unit_type, columns in unit_types.items() %}
    select
        scores.score_id,
        scores.agency_id,
        scores.period_id,
        {{ counts | join(',\n        ') }}
    from scores
    inner join gathered
        on scores.slice_id = gathered.slice_id
        and scores.metric_id = gathered.metric_id
        and scores.instrument_id = gathered.instrument_id
    where scores.unit_type = '{{ unit_type }}'
        and scores.unit_id = gathered.{{ columns | join(" || '/' || gathered.") }}
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from final
where {{ period_is_pending() }}

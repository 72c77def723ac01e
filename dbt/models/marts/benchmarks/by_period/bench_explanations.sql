{# The first steps of a reported score, which its passport does not hold: the rows, cells and answers behind it. #}
{%- set sums, counts = [], [] %}
{%- for kind in ['rows', 'cells'] %}{% do sums.append('sum(%s_count) as %s_count' % (kind, kind)) %}{% endfor %}
{%- set states = [
    'asked_count', 'answered_count', 'dont_know_count', 'not_applicable_count', 'refused_count', 'missing_count',
] %}
{%- for column in ['rows_count', 'cells_count'] + states %}
{%- do counts.append('cast(sum(gathered.%s) as bigint) as %s' % (column, column)) %}
{%- endfor %}

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

rows_gathered as (

    select *
    from {{ ref('int_rows__gathered') }}
    where {{ period_is_pending() }}

),

answers as (

    select
        *,
        asked_count as rows_count,
        n as answered_count
    from {{ ref('int_answers__by_unit') }}
    where {{ period_is_pending() }}

),

of_metrics as (

    {{ metrics_of_answers(
        'answers', ['unit_type', 'unit_id', 'period_id', 'slice_id', 'rows_count', 'cells_count'] + states
    ) }}

),

gathered as (

    {{ by_unit('rows_gathered', ['metric_id', 'instrument_id', 'slice_id'], sums) }}
    union all by name
    select *
    from of_metrics

),

final as (

    select
        scores.score_id,
        scores.agency_id,
        scores.period_id,
        {{ counts | join(',\n        ') }}
    from scores
    inner join gathered
        on scores.unit_type = gathered.unit_type
        and scores.unit_id = gathered.unit_id
        and scores.period_id = gathered.period_id
        and scores.metric_id = gathered.metric_id
        and scores.instrument_id = gathered.instrument_id
        and scores.slice_id = gathered.slice_id
    group by all

)

select * from final
where {{ period_is_pending() }}

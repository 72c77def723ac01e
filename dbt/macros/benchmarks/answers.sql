{# Answers to each item by `keys`, with the boxes that count as top on a scale of so many points: survey cells are summed once,
before any metric selects from them. The stage is kept where a metric asks for one. #}
{% macro answers_by_item(keys) %}
    {%- set box_columns = [] %}
    {%- for box in range(11) %}{% do box_columns.append('cells.box_%02d_count' % box) %}{% endfor %}
    select
        {%- for key in keys %}
        cells.{{ key }},
        {%- endfor %}
        cells.item,
        case when asked.by_stage then cells.stage end as stage,
        cells.scale_id || '/' || (cells.scale_range + 1) || '|' || cells.wording_version as instrument_id,
        cells.scale_range,
        cast(count(*) as bigint) as cells_count,
        {%- for state in ['asked', 'dont_know', 'not_applicable', 'refused', 'missing'] %}
        cast(sum(cells.{{ state }}_count) as bigint) as {{ state }}_count,
        {%- endfor %}
        cast(sum(cells.answered_count) as bigint) as n,
        sum(cells.sum_position) as sum_x,
        sum(cells.sum_position2) as sum_x2,
        cast(sum(
            case
                {%- for box in range(11) %}
                when boxes.lowest_top_box = {{ box }} then {{ box_columns[box:] | join(' + ') }}
                {%- endfor %}
            end
        ) as bigint) as top_box_count
    from {{ ref('int_survey__cells') }} as cells
    inner join (
        select
            regexp_replace(measure_id, '\.[a-z_]+$', '') as item,
            bool_or(stage <> '') as by_stage
        from {{ ref('stg_methodology__metrics') }}
        group by all
    ) as asked
        on cells.item = asked.item
    left join {{ ref('stg_methodology__top_boxes') }} as boxes
        on cells.scale_range + 1 = boxes.points
    where {{ period_is_pending('cells.period_id') }}
    group by all
{% endmacro %}

{# What each metric uses of the answers by item: all answers as a mean on its scale, or those in the top boxes as a share. #}
{% macro metrics_of_answers(relation, columns) %}
    {%- for kind in ['mean', 'top_box'] %}
    select
        {%- for column in columns %}
        answers.{{ column }},
        {%- endfor %}
        metrics.metric_id,
        metrics.estimator,
        answers.instrument_id,
        {%- if kind == 'mean' %}
        answers.scale_range,
        cast(null as bigint) as numerator,
        answers.sum_x,
        answers.sum_x2
        {%- else %}
        100 as scale_range,
        answers.top_box_count as numerator,
        null as sum_x,
        null as sum_x2
        {%- endif %}
    from {{ relation }} as answers
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on answers.item || '.{{ kind }}' = metrics.measure_id
        and (coalesce(metrics.stage, '') = '' or answers.stage = metrics.stage)
        {%- if kind == 'top_box' %}
        and answers.top_box_count is not null
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# The metrics that are a mean or a top-box share of answers to an item, and the stage they ask for. #}
{% macro metrics_of_items() %}
    select
        metric_id,
        estimator,
        nullif(stage, '') as stage,
        measure_id[:-6] as item
    from {{ ref('stg_methodology__metrics') }}
    where measure_id like '%.mean'
        and estimator = 'mean'
    union all
    select
        metric_id,
        estimator,
        nullif(stage, '') as stage,
        measure_id[:-9] as item
    from {{ ref('stg_methodology__metrics') }}
    where measure_id like '%.top_box'
        and estimator = 'proportion'
{% endmacro %}

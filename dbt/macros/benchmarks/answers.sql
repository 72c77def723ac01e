{# Answers to each item under `keys`, with the boxes that count as its top on a scale of so many points: survey cells summed
once, before each metric takes what it looks at; two rows an item, of kind `mean` and of kind `top_box`. The stage is kept
where a metric asks for one. #}
{% macro answers_by_item(keys) %}
    {%- set box_columns = [] %}
    {%- for box in range(11) %}{% do box_columns.append('cells.box_%02d_count' % box) %}{% endfor %}
    select
        answers.*,
        kinds.kind,
        answers.item || '.' || kinds.kind as measure_id,
        answers.scale_id || '/' || (answers.scale_range + 1) || '|' || answers.wording_version as instrument_id
    from (
        select
            {%- for key in keys %}
            cells.{{ key }},
            {%- endfor %}
            cells.item,
            case when asked.by_stage then cells.stage end as stage,
            cells.scale_id,
            cells.scale_range,
            cells.wording_version,
            sum(cells.answered_count) as n,
            sum(cells.sum_position) as sum_x,
            sum(cells.sum_position2) as sum_x2,
            sum(
                case
                    {%- for box in range(11) %}
                    when boxes.lowest_top_box = {{ box }} then {{ box_columns[box:] | join(' + ') }}
                    {%- endfor %}
                end
            ) as top_box_count
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
        where cells.answered_count > 0
            and {{ period_is_pending('cells.period_id') }}
        group by all
    ) as answers
    cross join (
        select 'mean' as kind
        union all
        select 'top_box' as kind
    ) as kinds
    where kinds.kind = 'mean'
        or answers.top_box_count is not null
{% endmacro %}

{# Answers to each item by unit and slice: counts and sums that all metrics of the
item share. They are exact in any order. #}
{%- set sums = [] %}
{%- for column in [
    'cells_count', 'asked_count', 'dont_know_count', 'not_applicable_count', 'refused_count', 'missing_count', 'n',
    'top_box_count',
] %}
{%- do sums.append('cast(sum(%s) as bigint) as %s' % (column, column)) %}
{%- endfor %}

with

places as (

    {{ answers_by_item([
        'slice_id', 'agency_id', 'period_id', 'service_id', 'branch_id', 'region_id', 'journey_id',
    ]) }}

),

final as (

    {{ by_unit(
        'places',
        ['slice_id', 'item', 'stage', 'instrument_id', 'scale_range'],
        sums + ['sum(sum_x) as sum_x', 'sum(sum_x2) as sum_x2', only_region(condition='n > 0')],
    ) }}

)

select * from final

{# Answers that were drawn together, by unit. A branch is no sample of branches: within it persons are drawn. #}
with

clusters as (

    select
        *,
        case when branch_share is null then 'person ' || person else 'branch ' || branch_id end as psu
    from {{ ref('int_clusters__measured') }}
    where n > 0
        and {{ period_is_pending() }}

),

persons as (

    select * replace (cast(null as double) as branch_share, 'person ' || person as psu)
    from clusters
    where person is not null

),

final as (

    {%- set within, across = [], [] %}
    {%- for name, type in var('unit_types').items() %}
    {%- if 'branch_id' in type.columns %}{% do within.append(name) %}{% else %}{% do across.append(name) %}{% endif %}
    {%- endfor %}
    {%- for relation, types in [('clusters', across), ('persons', within)] %}
    {{ 'union all' if not loop.first }}
    {{ by_unit(
        relation,
        ['metric_id', 'instrument_id', 'psu', 'person', 'coalesce(branch_share, 0) as branch_share'],
        [
            'cast(sum(n) as bigint) as n',
            'max(unit_y) * cast(sum(sum_x) as double) as sum_x',
            'max(unit_y) ** 2 * cast(sum(sum_x2) as double) as sum_x2',
        ],
        types,
    ) }}
    {%- endfor %}

)

select * from final

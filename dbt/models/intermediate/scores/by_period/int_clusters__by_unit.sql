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

    {%- set sums = [
        'cast(sum(n) as bigint) as n',
        'max(unit_y) * cast(sum(sum_x) as double) as sum_x',
        'max(unit_y) ** 2 * cast(sum(sum_x2) as double) as sum_x2',
    ] %}
    {%- set keys = ['metric_id', 'instrument_id', 'psu', 'person', 'coalesce(branch_share, 0) as branch_share'] %}
    {{ by_unit('clusters', keys, sums, unit_types_named_by('branch_id', is_held=false)) }}
    union all
    {{ by_unit('persons', keys, sums, unit_types_named_by('branch_id')) }}

)

select * from final

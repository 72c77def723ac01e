{# Names of the types of units (`miyar/unit_types.yml`), all of them or those whose `property` has the value. #}
{% macro unit_types(property=none, value=true) %}
    {%- set found = [] %}
    {%- for name, type in var('unit_types').items() %}
        {%- if property is none or type[property] == value %}{% do found.append(name) %}{% endif %}
    {%- endfor %}
    {{- return(found) -}}
{% endmacro %}

{# The same as an SQL list of strings. #}
{% macro unit_type_list(property=none, value=true) -%}
    '{{ unit_types(property, value) | join("', '") }}'
{%- endmacro %}

{# Names of the types whose ids hold a column, or of those whose do not. #}
{% macro unit_types_named_by(column, is_held=true) %}
    {%- set found = [] %}
    {%- for name, type in var('unit_types').items() %}
        {%- if (column in type.columns) == is_held %}{% do found.append(name) %}{% endif %}
    {%- endfor %}
    {{- return(found) -}}
{% endmacro %}

{# Names of the types that are part of one agency, as an SQL list of strings. #}
{% macro parts_of_agencies() -%}
    {%- set found = [] %}
    {%- for name, type in var('unit_types').items() %}
        {%- if type.columns | length > 1 and type.columns[0] == 'agency_id' %}{% do found.append("'" ~ name ~ "'") %}{% endif %}
    {%- endfor %}
    {{- found | join(', ') or "''" -}}
{%- endmacro %}

{# The id of a unit of the type, built from its columns. #}
{% macro unit_id(unit_type) -%}
    {{ var('unit_types')[unit_type].columns | join(" || '/' || ") }}
{%- endmacro %}

{# `aggregates` of a relation's columns for every unit its rows belong to: each row is counted once in each. `keys` are kept in
addition to unit and period; `types` are all types by default. #}
{% macro by_unit(relation, keys, aggregates, types=none) %}
    {%- for unit_type in types or unit_types() %}
    {%- set columns = var('unit_types')[unit_type].columns %}
    select
        '{{ unit_type }}' as unit_type,
        {{ unit_id(unit_type) }} as unit_id,
        {{ 'agency_id' if 'agency_id' in columns else 'cast(null as varchar)' }} as agency_id,
        period_id,
        {{ (keys + aggregates) | join(',\n        ') }}
    from {{ relation }}
    where {{ columns | join(' is not null and ') }} is not null
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# Every unit of every type with its names, from one registry table or from several joined by a dash. A service or branch
belongs to one agency, which its table names. #}
{% macro named_units() %}
    {%- set tables = {
        'agency_id': 'agencies', 'service_id': 'services', 'branch_id': 'branches', 'region_id': 'regions',
        'journey_id': 'journeys',
    } %}
    {%- for unit_type, type in var('unit_types').items() %}
    {%- set own = type.columns | select('in', ['service_id', 'branch_id']) | list %}
    {%- set named = type.columns | reject('equalto', 'agency_id') | list if own else type.columns %}
    {%- set ids, arabic, english, joined = [], [], [], [] %}
    {%- for column in type.columns %}
        {%- do ids.append((tables[own[0]] if column == 'agency_id' and own else tables[column]) ~ '.' ~ column) %}
    {%- endfor %}
    {%- for column in named %}
        {%- do arabic.append(tables[column] ~ '.name_ar') %}
        {%- do english.append(tables[column] ~ '.name_en') %}
        {%- do joined.append(tables[column]) %}
    {%- endfor %}
    select
        '{{ unit_type }}' as unit_type,
        {{ ids | join(" || '/' || ") }} as unit_id,
        {{ ids[0] if type.columns[0] == 'agency_id' else 'cast(null as varchar)' }} as agency_id,
        {{ arabic | join(" || ' - ' || ") }} as name_ar,
        {{ english | join(" || ' - ' || ") }} as name_en
    from {{ joined | join(' cross join ') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# The one region of all rows that count; null where they lie in several or a region is missing. #}
{% macro only_region(column='region_id', condition='true') -%}
    case
        when count(*) filter ({{ condition }}) = count({{ column }}) filter ({{ condition }})
            and min({{ column }}) filter ({{ condition }}) = max({{ column }}) filter ({{ condition }})
            then min({{ column }}) filter ({{ condition }})
    end as only_region_id
{%- endmacro %}

{# Sums for every unit in administrative records, with the slices behind each row. Summed by slice first, so
that few slice names remain to be listed. #}
{% macro sums_by_unit(relation, keys, sums) %}
    {%- set exact, totals = [], [] %}
    {%- for column in sums %}
        {%- do exact.append('sum(%s) as %s' % (column, column)) %}
        {%- do totals.append('cast(sum(%s) as double) as %s' % (column, column)) %}
    {%- endfor %}
    select
        {{ (['unit_type', 'unit_id', 'agency_id', 'period_id'] + keys + totals) | join(',\n        ') }},
        array_to_string(list_sort(list(slice_id)), ';') as slice_ids
    from (
        {{- by_unit(relation, keys + ['slice_id'], exact, unit_types('records')) }}
    )
    group by all
{% endmacro %}

{# Status and reason of figures (columns n, value, unit_type, agency_id, period_id, figure and a reason of their own, `fault`; n
is null without a base). A figure without a fault is shown from the minimum n on. If just one sibling is hidden for its n, the
smallest shown one is hidden too; otherwise the first could be worked out from the whole. #}
{% macro judged_figures(relation) %}
    select
        * exclude (own_status, own_reason, hidden_count, smallness),
        case when is_complement then 'suppressed' else own_status end as status,
        case when is_complement then 'confidential' else own_reason end as status_reason
    from (
        select
            *,
            coalesce(
                own_status = 'reported' and unit_type in ({{ parts_of_agencies() }})
                and hidden_count = 1 and smallness = 1,
                false
            ) as is_complement
        from (
            select
                *,
                count(*) filter (where own_status = 'suppressed') over family as hidden_count,
                row_number() over (
                    partition by unit_type, agency_id, period_id, figure, own_status
                    order by n asc, unit_id asc
                ) as smallness
            from (
                select
                    figures.*,
                    case
                        when figures.n is null then 'not_applicable'
                        when figures.n < thresholds.minimum_n then 'suppressed'
                        when figures.value is null or not isfinite(figures.value) then 'not_applicable'
                        else 'reported'
                    end as own_status,
                    case
                        when figures.n is null then coalesce(figures.fault, 'not_measured')
                        when figures.n < thresholds.minimum_n then 'confidential'
                        when figures.value is null or not isfinite(figures.value)
                            then coalesce(figures.fault, 'not_measured')
                    end as own_reason
                from {{ relation }} as figures
                cross join ({{ threshold_values('minimum_n') }}) as thresholds
            )
            window family as (partition by unit_type, agency_id, period_id, figure)
        )
    )
{% endmacro %}

{# Pairs of figures that rest on the same people: a metric with itself a quarter and a year before, and the indicators
of the index with each other within a period. Of each pair the products of counts and totals, summed over the persons
who are in both, and over the branches drawn for both. Persons who did not come back have no row. #}
{%- set sums = ['cast(sum(n) as bigint) as n', 'cast(sum(y) as decimal(18, 6)) as y'] %}
{%- set keys = ['quarter', 'metric_id', 'instrument_id', 'level', 'member', 'branch_share', 'unit_y'] %}
{%- set products = [] %}
{%- for one, other in [('n', 'n'), ('n', 'y'), ('y', 'n'), ('y', 'y')] %}
{%- do products.append(
    ('max(own.unit_y) * ' if one == 'y' else '') ~ ('max(other.unit_y) * ' if other == 'y' else '')
    ~ 'cast(sum(cast(own.' ~ one ~ ' as decimal(18, 6)) * other.' ~ other ~ ') as double) as ' ~ one ~ '_' ~ other
) %}
{%- endfor %}

with

-- Changes look a year back at most.
present as (

    select distinct
        agency_id,
        person,
        period_id,
        {{ number_of_quarter('period_id') }} as quarter
    from {{ ref('int_people__cells') }}
    where is_known
        and {{ period_is_pending('period_id', until=year_after('period_id')) }}

),

returned as (

    select
        present.agency_id,
        present.person,
        present.period_id,
        earlier.period_id as earlier_id
    from present
    inner join present as earlier
        on present.agency_id = earlier.agency_id
        and present.person = earlier.person
        and (present.quarter = earlier.quarter + 1 or present.quarter = earlier.quarter + 4)
    where {{ period_is_pending('present.period_id') }}

),

followed as (

    select agency_id, person, period_id from returned
    union
    select agency_id, person, earlier_id from returned

),

persons as (

    select
        measured.*,
        measured.person as member,
        case when measured.branch_share is null then 'person' else 'person_in_branch' end as level
    from {{ ref('int_people__measured') }} as measured
    semi join followed
        on measured.agency_id = followed.agency_id
        and measured.person = followed.person
        and measured.period_id = followed.period_id
    where {{ period_is_pending('measured.period_id', until=year_after('measured.period_id')) }}

),

drawn as (

    select
        *,
        branch_id as member,
        'branch' as level
    from {{ ref('int_people__measured') }}
    where branch_share is not null
        and {{ period_is_pending('period_id', until=year_after('period_id')) }}

),

members as (

    select * from persons
    union all by name
    select * from drawn

),

-- A branch as a unit is no sample of branches.
persons_alone as (

    select * replace ('person' as level, cast(null as double) as branch_share)
    from persons

),

of_units as (

    {{ by_unit('members', keys, sums, unit_types_named_by('branch_id', is_held=false)) }}
    union all
    {{ by_unit('persons_alone', keys, sums, unit_types_named_by('branch_id')) }}

),

-- The index asks few questions: pairs of all would be as many as the square of their number.
of_indicators as (

    select
        'agency' as unit_type,
        measured.agency_id as unit_id,
        measured.period_id,
        measured.metric_id,
        measured.instrument_id,
        measured.branch_share,
        measured.unit_y,
        levels.name as level,
        case when levels.name = 'branch' then measured.branch_id else measured.person end as member,
        {{ sums | join(',\n        ') }}
    from {{ ref('int_people__measured') }} as measured
    inner join (values ('person'), ('person_in_branch'), ('branch')) as levels (name)
        on (levels.name = 'person') = (measured.branch_share is null)
    where {{ period_is_pending('measured.period_id') }}
        and measured.metric_id in (select nodes.metric_id from {{ ref('stg_methodology__index') }} as nodes)
    group by all

),

counted_units as (

    select
        *,
        count(*) over (partition by unit_type, unit_id, metric_id, instrument_id, period_id, level) as members_count
    from of_units

),

counted_indicators as (

    select
        *,
        count(*) over (partition by unit_id, metric_id, instrument_id, period_id, level) as members_count
    from of_indicators

),

{%- for relation, condition in [
    ('counted_units', "own.metric_id = other.metric_id and own.instrument_id = other.instrument_id "
        ~ "and (own.quarter = other.quarter + 1 or own.quarter = other.quarter + 4) and "
        ~ period_is_pending('own.period_id')),
    ('counted_indicators', 'own.metric_id < other.metric_id and own.period_id = other.period_id'),
] %}

{{ relation }}_paired as (

    select
        own.unit_type,
        own.unit_id,
        {%- for side in ['own', 'other'] %}
        {%- set prefix = 'other_' if side == 'other' else '' %}
        {{ side }}.metric_id as {{ prefix }}metric_id,
        {{ side }}.period_id as {{ prefix }}period_id,
        {{ side }}.instrument_id as {{ prefix }}instrument_id,
        {%- endfor %}
        own.level,
        own.branch_share,
        other.branch_share as other_share,
        max(other.members_count) as branches,
        count(*) as shared,
        {{ products | join(',\n        ') }}
    from {{ relation }} as own
    inner join {{ relation }} as other
        on own.unit_type = other.unit_type
        and own.unit_id = other.unit_id
        and own.level = other.level
        and own.member = other.member
    where {{ condition }}
    group by all

),
{%- endfor %}

pairs as (

    select * from counted_units_paired
    union all
    select * from counted_indicators_paired

),

final as (

    select
        pairs.*,
        own.n,
        own.score,
        own.standard_error,
        other.n as other_n,
        other.score as other_score,
        other.standard_error as other_standard_error
    from pairs
    inner join {{ ref('int_scores__estimated') }} as own
        on pairs.unit_type = own.unit_type
        and pairs.unit_id = own.unit_id
        and pairs.metric_id = own.metric_id
        and pairs.period_id = own.period_id
        and pairs.instrument_id = own.instrument_id
    inner join {{ ref('int_scores__estimated') }} as other
        on pairs.unit_type = other.unit_type
        and pairs.unit_id = other.unit_id
        and pairs.other_metric_id = other.metric_id
        and pairs.other_period_id = other.period_id
        and pairs.other_instrument_id = other.instrument_id

)

select * from final

{# Every unit a score may be about, with its names in both languages. #}
with

agencies as (

    select
        agency_id,
        name_ar,
        name_en
    from {{ ref('stg_registry__agencies') }}

),

regions as (

    select
        region_id,
        name_ar,
        name_en
    from {{ ref('stg_registry__regions') }}

),

final as (

    select
        'agency' as unit_type,
        agency_id as unit_id,
        agency_id,
        name_ar,
        name_en
    from agencies
    union all
    select
        'service' as unit_type,
        agency_id || '/' || service_id as unit_id,
        agency_id,
        name_ar,
        name_en
    from {{ ref('stg_registry__services') }}
    union all
    select
        'branch' as unit_type,
        agency_id || '/' || branch_id as unit_id,
        agency_id,
        name_ar,
        name_en
    from {{ ref('stg_registry__branches') }}
    union all
    select
        'region' as unit_type,
        region_id as unit_id,
        cast(null as varchar) as agency_id,
        name_ar,
        name_en
    from regions
    union all
    select
        'agency_region' as unit_type,
        agencies.agency_id || '/' || regions.region_id as unit_id,
        agencies.agency_id,
        agencies.name_ar || ' - ' || regions.name_ar as name_ar,
        agencies.name_en || ' - ' || regions.name_en as name_en
    from agencies
    cross join regions
    union all
    select
        'journey' as unit_type,
        journey_id as unit_id,
        cast(null as varchar) as agency_id,
        name_ar,
        name_en
    from {{ ref('stg_registry__journeys') }}

)

select * from final

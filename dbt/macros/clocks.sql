{# Durations between two moments, in whole hours. An event that fell within an hour is counted at its end, so that a case
resolved within a target is never counted beyond it; a case still open, or one that enters late, is counted to the last full
hour. After ten days the clock counts days: the hour no longer matters, and cells stay few. #}
{% macro whole_hours(later, earlier, up) -%}
    {%- set hours = 'extract(day from (' ~ later ~ ' - ' ~ earlier ~ ')) * 24 + extract(hour from ('
        ~ later ~ ' - ' ~ earlier ~ '))' -%}
    {%- set rest = 'extract(minute from (' ~ later ~ ' - ' ~ earlier ~ ')) + floor(extract(second from ('
        ~ later ~ ' - ' ~ earlier ~ ')))' -%}
    {%- set full = hours ~ (' + case when ' ~ rest ~ ' > 0 then 1 else 0 end' if up else '') -%}
    case
        when {{ full }} <= 240 then cast(round({{ full }}) as bigint)
        else cast({{ 'ceil' if up else 'floor' }}(({{ full }}) / 24) as bigint) * 24
    end
{%- endmacro %}

{# First moment of a quarter written 2026Q3. #}
{% macro first_moment(period_id) -%}
    cast(
        substring({{ period_id }}, 1, 4)
        || case substring({{ period_id }}, 6, 1) when '1' then '-01' when '2' then '-04' when '3' then '-07' else '-10' end
        || '-01 00:00:00' as timestamp
    )
{%- endmacro %}

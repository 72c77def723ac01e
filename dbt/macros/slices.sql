{# The one place that knows how a slice is replaced: its old cells are deleted and its new ones appended in one transaction. #}
{% macro forget_pending_slices() %}
    {%- if is_kept() -%}
        delete from {{ this }}
        where slice_id in (select slice_id from {{ ref('int_slices__pending') }})
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}

{# Notes of what is pending are taken back as soon as it is pending: whatever happens then, until a build has noted it again,
it stays pending. A version that is noted, replaced by a stopped build and delivered again would pass for built. #}
{% macro forget_notes(notes, column) %}
    {%- set built = adapter.get_relation(database=this.database, schema=this.schema, identifier=notes)
        if execute else none -%}
    {%- if built -%}
        delete from {{ built }} where {{ column }} in (select {{ column }} from {{ this }})
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}

{# The rows of a feed to make cells from: those of the live submissions of pending slices, each with the rank of its delivery.
Where several submissions count for a slice, a row whose key a later one delivers again is what that one corrects: it is left
out, for else both would be counted. Ids are a provider's own. Most slices have one submission, and nothing to look for. #}
{% macro pending_rows(feed) -%}
    {%- set pending = ref('int_slices__pending') -%}
    (
        select
            feed.*,
            pending.delivery_rank
        from {{ ref('stg_lake__' ~ feed) }} as feed
        inner join {{ pending }} as pending
            on feed.slice_id = pending.slice_id
            and feed.submission_id = pending.submission_id
        where not exists (
            select 1
            from {{ ref('stg_lake__' ~ feed) }} as later
            inner join {{ pending }} as later_delivery
                on later.slice_id = later_delivery.slice_id
                and later.submission_id = later_delivery.submission_id
            where later.slice_id in (
                select several.slice_id from {{ pending }} as several group by several.slice_id having count(*) > 1
            )
            and later.slice_id = feed.slice_id
            and later.provider_id is not distinct from feed.provider_id
            and later_delivery.delivery_rank > pending.delivery_rank
            {%- for column in var('feed_keys')[feed] %}
            and later.{{ column }} is not distinct from feed.{{ column }}
            {%- endfor %}
        )
    )
{%- endmacro %}

{# Position of a delivered case among its versions in a slice, latest first; only the latest counts. #}
{% macro age_of_version(cases) -%}
    row_number() over (
        partition by {{ cases }}.slice_id, {{ cases }}.provider_id, {{ cases }}.case_id
        order by {{ cases }}.delivery_rank desc, {{ cases }}.source_row desc
    )
{%- endmacro %}

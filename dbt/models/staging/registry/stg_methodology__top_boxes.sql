select
    cast(points as integer) as points,
    cast(lowest_top_box as integer) as lowest_top_box
from {{ source('snapshots', 'top_boxes') }}

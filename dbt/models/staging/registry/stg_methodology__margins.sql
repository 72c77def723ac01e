select
    margin,
    empty_level_goes_to
from {{ snapshot('registry/margins') }}

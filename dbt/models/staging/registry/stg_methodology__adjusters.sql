select
    adjuster,
    role
from {{ snapshot('registry/adjusters') }}

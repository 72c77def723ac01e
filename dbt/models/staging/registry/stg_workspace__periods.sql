select period_id
from {{ snapshot('registry/periods') }}

"""Superset's settings for Miyar. Belongs here: settings. Does not belong here: row-level rules (`run.py` makes them)."""

import os
from typing import Any

SECRET_KEY = os.environ["MIYAR_SUPERSET_SECRET"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['SUPERSET_HOME']}/superset.db"
# Arabic first; this version of Superset does not mirror its layout, only its words change.
LANGUAGES = {"ar": {"flag": "sa", "name": "العربية"}, "en": {"flag": "gb", "name": "English"}}
BABEL_DEFAULT_LOCALE = "en"
# Users, roles and rules are created through the REST API.
FAB_ADD_SECURITY_API = True
FEATURE_FLAGS: dict[str, Any] = {"DASHBOARD_RBAC": True, "RLS_IN_SQLLAB": True}
# Without signing in, nobody has a role.
PUBLIC_ROLE_LIKE = None
TALISMAN_ENABLED = False  # behind a proxy with TLS, turn it on
WTF_CSRF_ENABLED = True

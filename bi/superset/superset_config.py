"""Superset's settings for Miyar. Belongs here: settings. Does not belong here: rules of rows (`run.py` makes them)."""

import os
from typing import Any

SECRET_KEY = os.environ["MIYAR_SUPERSET_SECRET"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['SUPERSET_HOME']}/superset.db"
# Arabic first; Superset mirrors nothing right-to-left in this version, only its words change.
LANGUAGES = {"ar": {"flag": "sa", "name": "العربية"}, "en": {"flag": "gb", "name": "English"}}
BABEL_DEFAULT_LOCALE = "en"
# Users, roles and rules are made through the REST API.
FAB_ADD_SECURITY_API = True
FEATURE_FLAGS: dict[str, Any] = {"DASHBOARD_RBAC": True, "RLS_IN_SQLLAB": True}
# Nobody is anybody before signing in.
PUBLIC_ROLE_LIKE = None
TALISMAN_ENABLED = False  # behind a proxy with TLS, turn it on
WTF_CSRF_ENABLED = True

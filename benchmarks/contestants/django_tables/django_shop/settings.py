"""Settings of both Django contestants: SQLite in WAL as Django's documentation sets it."""

import os

SECRET_KEY = "only-for-measuring"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = ["django_shop", *os.environ.get("BENCH_APPS", "").split()]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = os.environ.get("BENCH_URLS", "")
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["BENCH_DATABASE"],
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
LOGGING_CONFIG = None
CALLER = "00000000-0000-7000-8000-000000000001"

"""Django settings. Everything that differs between installations comes from the environment."""

import os
import tomllib
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import django_stubs_ext

from tradingsite import environment
from tradingsite.launcher import keys
from tradingsite.logs import logging_config
from tradingsite.web.refusals import MOST_BODY_BYTES

keys.refuse_exchange_keys(os.environ)

# An admin and a form say of which model they are, as querysets do: ModelAdmin[Account].
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
PADDOCK_DATA_DIR = Path(os.environ.get("PADDOCK_DATA_DIR") or BASE_DIR / "data").absolute()
PADDOCK_VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
_services = environment.services_of(PADDOCK_DATA_DIR)

DEBUG = environment.flag("PADDOCK_DEBUG", default=False)
SECRET_KEY = environment.secret_key(PADDOCK_DATA_DIR)
# This machine always may; the launcher and a container's health check do.
_LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = [*environment.words("PADDOCK_ALLOWED_HOSTS", default=""), *_LOCAL_HOSTS]

# Where daphne listens. Only a page that no other machine can reach is readable without a login.
PADDOCK_BIND = os.environ.get("PADDOCK_BIND") or "127.0.0.1"
# Even then each request is looked at: it must have come to a loopback address, and through no proxy.
_public = environment.choice(
    "PADDOCK_PUBLIC_PAGES",
    default="1" if ip_address(PADDOCK_BIND).is_loopback else "0",
    among=("1", "true", "yes", "on", "0", "false", "no", "off", "anywhere"),
)
PADDOCK_PUBLIC_ANYWHERE = _public == "anywhere"
PADDOCK_PUBLIC_PAGES = PADDOCK_PUBLIC_ANYWHERE or _public in {"1", "true", "yes", "on"}
PADDOCK_HTTPS = environment.flag("PADDOCK_HTTPS", default=False)
# Whose word is taken for whom a request is from: the proxies in front of this site.
PADDOCK_PROXIES = environment.networks("PADDOCK_PROXIES", default="127.0.0.0/8,::1" if PADDOCK_HTTPS else "")
# Traders and admins log in with a code, too; without one they reach the page that sets it up.
PADDOCK_REQUIRE_SECOND_FACTOR = environment.flag("PADDOCK_REQUIRE_SECOND_FACTOR", default=False)

# Under which address people reach it: links in messages begin with it.
PADDOCK_URL = os.environ.get("PADDOCK_URL") or _services.get("PADDOCK_URL") or f"http://{PADDOCK_BIND}:8000"
PADDOCK_URL = PADDOCK_URL.rstrip("/")

# The market, and the strategies beside those of the library.
KRAKEN_WS_URL = os.environ.get("KRAKEN_WS_URL") or "wss://ws.kraken.com/v2"
KRAKEN_REST_URL = os.environ.get("KRAKEN_REST_URL") or "https://api.kraken.com"
_strategy_paths = environment.words("STRATEGY_PATHS", default=str(BASE_DIR / "mine"), separator=os.pathsep)
STRATEGY_PATHS = [Path(path) for path in _strategy_paths]

# What the feed receives is recorded below PADDOCK_DATA_DIR/recordings.
PADDOCK_RECORD = environment.flag("PADDOCK_RECORD", default=True)
PADDOCK_RECORDING_ROTATE_MB = environment.whole_number("PADDOCK_RECORDING_ROTATE_MB", default=256, least=1)
PADDOCK_RECORDINGS_MAX_GB = environment.whole_number("PADDOCK_RECORDINGS_MAX_GB", default=5, least=1)

# Whether deployments take from each other: of the very first season; each later one follows the one before it.
PADDOCK_LIQUIDITY = environment.choice("PADDOCK_LIQUIDITY", default="private", among=("private", "shared"))
# So many of the league's best are also run under the other fill models.
PADDOCK_SHADOWS_TOP = environment.whole_number("PADDOCK_SHADOWS_TOP", default=10)

# Feed events are kept for as long, and of each market at most as many.
PADDOCK_FEED_EVENTS_DAYS = environment.whole_number("PADDOCK_FEED_EVENTS_DAYS", default=30, least=1)
PADDOCK_FEED_EVENTS_MAX = environment.whole_number("PADDOCK_FEED_EVENTS_MAX", default=200_000, least=1)

# A reader of the stream may resume from so far back; more than so many messages are never kept.
PADDOCK_STREAM_HOURS = environment.whole_number("PADDOCK_STREAM_HOURS", default=48, least=1)
# So many messages may wait for one reader; who is further behind is closed, and may resume.
PADDOCK_STREAM_WAITING = environment.whole_number("PADDOCK_STREAM_WAITING", default=5_000, least=10)
PADDOCK_STREAM_MAX = environment.whole_number("PADDOCK_STREAM_MAX", default=500_000, least=1_000)

# What one evaluation of a strategy may take, and a whole worker of memory.
PADDOCK_EVALUATION_BUDGET_MS = environment.whole_number("PADDOCK_EVALUATION_BUDGET_MS", default=1_000, least=50)
PADDOCK_HANG_LIMIT_MS = environment.whole_number("PADDOCK_HANG_LIMIT_MS", default=5_000, least=100)
PADDOCK_WORKER_MEMORY_MB = environment.whole_number("PADDOCK_WORKER_MEMORY_MB", default=2_048, least=256)

INSTALLED_APPS = [
    "django_otp",
    "django_otp.plugins.otp_totp",
    "tradingsite",
    # daphne is left out: it would load Twisted into every worker, and serves only ``runserver``.
    "dashboard",
    "dashboard.notifications",
    "strategies",
    "portfolios",
    "marketdata",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "tradingsite.senders.addresses.only_named_proxies",
    "tradingsite.requests.observe",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads pages at random, so that their length tells no secret
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tradingsite.access.policy.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tradingsite.rest.etags.ApiETags",
    "tradingsite.access.guard.Guard",
]

ROOT_URLCONF = "tradingsite.urls"
ASGI_APPLICATION = "tradingsite.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# PostgreSQL remembers.
DATABASE_URL = (
    os.environ.get("DATABASE_URL") or _services.get("DATABASE_URL") or "postgresql://paddock@127.0.0.1:5432/paddock"
)
keys.refuse_weak_password("DATABASE_URL", DATABASE_URL)
_database: dict[str, Any] = environment.database_from_url(DATABASE_URL)
# A server that is gone without a word is noticed within ten seconds; on a socket in the file system none of it matters.
_database["OPTIONS"] = {
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 9_000,
    "connect_timeout": 5,
    **_database["OPTIONS"],
}
# A request that has no answer by then gets a 503.
PADDOCK_REQUEST_LIMIT_S = environment.whole_number("PADDOCK_REQUEST_LIMIT_S", default=20, least=1)
# Connections to the web server, sockets included; beyond, those that send nothing make room.
PADDOCK_CONNECTIONS_MAX = environment.whole_number("PADDOCK_CONNECTIONS_MAX", default=1_000, least=10)
# For the web process alone: so many requests are worked on at once, each in a thread that keeps its connection.
PADDOCK_DATABASE_POOL = environment.whole_number("PADDOCK_DATABASE_POOL", default=0)
if PADDOCK_DATABASE_POOL:
    # Kept from request to request, but checked before each: the server may have been restarted meanwhile.
    _database |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    _limits = f"-c statement_timeout={PADDOCK_REQUEST_LIMIT_S}s -c lock_timeout={PADDOCK_REQUEST_LIMIT_S}s"
    _database["OPTIONS"]["options"] = f"{_database['OPTIONS'].get('options', '')} {_limits}".strip()
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis carries.
REDIS_URL = environment.redis_url(
    os.environ.get("REDIS_URL") or _services.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
)
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "paddock"},
    }
}

# Values are data and name no class: nothing that is read from the cache is run.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "paddock-3",
        "OPTIONS": {"serializer": "tradingsite.rest.cache_values.Serializer"},
    }
}

# Jobs: never ticks. A result that matters is a row.
CELERY_BROKER_URL = environment.celery_broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
# A receiver that is slow holds up none of the other jobs: what is sent has a queue, and a process, of its own.
CELERY_TASK_ROUTES = {"notifications.send_to_channel": {"queue": "notifications"}}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 900  # seconds; where jobs run in processes of their own, a hung one is ended
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BEAT_SCHEDULER = "tradingsite.jobs:WatchedScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5  # seconds between two signs of its life at most
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "thin equity points": {"task": "portfolios.thin_equity_points", "schedule": 600.0},
    "remove old feed events": {"task": "marketdata.remove_old_feed_events", "schedule": 3_600.0},
    "gather notifications": {"task": "notifications.gather", "schedule": 5.0},
    "remove old messages": {"task": "portfolios.remove_old_messages", "schedule": 900.0},
    "remove ended sessions": {"task": "access.remove_ended", "schedule": 3_600.0},
}

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# Notifications: where Telegram's Bot API is, and the mail server that takes e-mail.
PADDOCK_TELEGRAM_URL = os.environ.get("PADDOCK_TELEGRAM_URL", "https://api.telegram.org").rstrip("/")
EMAIL_HOST = os.environ.get("PADDOCK_SMTP_HOST", "")  # empty: no e-mail is sent
EMAIL_PORT = environment.whole_number("PADDOCK_SMTP_PORT", default=587, least=1)
EMAIL_HOST_USER = os.environ.get("PADDOCK_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("PADDOCK_SMTP_PASSWORD", "")
EMAIL_USE_TLS = environment.flag("PADDOCK_SMTP_STARTTLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("PADDOCK_MAIL_FROM", "paddock@localhost")

# A receiver on this machine or in a private network is reached only where a network of it is named here.
PADDOCK_NOTIFY_NETWORKS = environment.networks("PADDOCK_NOTIFY_NETWORKS")

# Files: found where the packages keep them; nothing is copied into the repository.
STATIC_URL = "static/"
STATIC_ROOT = os.environ.get("PADDOCK_STATIC_ROOT")  # set in an image that has them collected
_litecharts = find_spec("litecharts")
assert _litecharts is not None
assert _litecharts.origin is not None
# lightweight-charts: ``{% static "litecharts/lightweight-charts.js" %}``
STATICFILES_DIRS = [("litecharts", Path(_litecharts.origin).parent / "js")]
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_MAX_AGE = 60 if DEBUG else 3600

# Who may do what. A change always needs a login with staff rights.
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
# Hashes as before, but never more than two at a time.
PASSWORD_HASHERS = ["tradingsite.access.hashing.TwoAtATime"]
OTP_TOTP_ISSUER = "Paddock"
OTP_TOTP_THROTTLE_FACTOR = 0  # `tradingsite.access.attempts` counts codes as it counts passwords
OTP_ADMIN_HIDE_SENSITIVE_DATA = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "tradingsite.web.error_pages.unverified_page"
DATA_UPLOAD_MAX_MEMORY_SIZE = MOST_BODY_BYTES  # refused before it is read, under the ASGI server; here under any other
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PADDOCK_HTTPS
if PADDOCK_HTTPS:
    # Believed of the proxies in PADDOCK_PROXIES alone: `tradingsite.senders.addresses` removes it elsewhere.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked from beside the process, without TLS
    SECURE_HSTS_SECONDS = environment.whole_number("PADDOCK_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    # Browsers take these names only over HTTPS, for this host alone, from no subdomain.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if host != "*"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tradingsite.access.permissions.BearerAuthentication",
        "tradingsite.access.permissions.LivingSessions",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tradingsite.access.permissions.TradersChange"],
    "DEFAULT_THROTTLE_CLASSES": ["tradingsite.rest.throttles.Readers", "tradingsite.rest.throttles.Changers"],
    "DEFAULT_THROTTLE_RATES": {
        "anonymous": f"{environment.whole_number('PADDOCK_API_ANONYMOUS_PER_MINUTE', default=600, least=1)}/min",
        "user": f"{environment.whole_number('PADDOCK_API_USER_PER_MINUTE', default=1_200, least=1)}/min",
        "change": f"{environment.whole_number('PADDOCK_API_CHANGES_PER_MINUTE', default=120, least=1)}/min",
    },
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "tradingsite.rest.paging.Pages",
    "EXCEPTION_HANDLER": "tradingsite.rest.problems.problem_of",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tradingsite.rest.negotiation.NamedFormats",
    "DEFAULT_SCHEMA_CLASS": "tradingsite.rest.schema.Described",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer", "tradingsite.rest.tables.TableRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tradingsite.rest.parsing.StorableJSON"],
    "COERCE_DECIMAL_TO_STRING": True,
    "STRICT_JSON": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Paddock",
    "DESCRIPTION": (
        "Trading strategies on paper money, side by side on one live market. "
        "Facts and states come over a socket as they change: [the stream](/docs/stream/)."
    ),
    "VERSION": "v1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tradingsite.rest.schema.with_problems",
        "tradingsite.rest.schema.with_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ChannelKindEnum": "dashboard.notifications.models.ChannelKind",
        "RuleKindEnum": "dashboard.notifications.models.RuleKind",
        "DeliveryStateEnum": "dashboard.notifications.models.DeliveryState",
    },
    "SERVE_PERMISSIONS": ["tradingsite.access.permissions.TradersChange"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING_CONFIG = "tradingsite.logs.configure"
LOGGING = logging_config(
    as_json=environment.flag("PADDOCK_LOG_JSON", default=False),
    level=os.environ.get("PADDOCK_LOG_LEVEL", "INFO").upper(),
)

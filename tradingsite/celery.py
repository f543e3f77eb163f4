"""The Celery app: jobs and their schedule, never ticks.

Imported by ``celery -A tradingsite`` and by the web process; feed and workers queue no jobs
and are spared its weight.
"""

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning

from tradingsite.jobs import PulseStep, report_when_ready

# Tasks arrive as JSON; the warning is about roots that unpickle.
warnings.filterwarnings("ignore", category=SecurityWarning)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

app = Celery("paddock", task_cls="tradingsite.jobs:Job")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["tradingsite.access"])
app.steps["consumer"].add(PulseStep)
report_when_ready()

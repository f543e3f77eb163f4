"""How hard the laws are tried: 500 examples each, or 10,000 with HYPOTHESIS_PROFILE=long."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("laws", max_examples=500)
settings.register_profile("long", max_examples=10_000)

law = settings(
    settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "laws")),
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

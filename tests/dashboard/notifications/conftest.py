from ipaddress import ip_network

import pytest


@pytest.fixture(autouse=True)
def receivers_on_this_machine_are_allowed(settings):
    settings.PADDOCK_NOTIFY_NETWORKS = [ip_network("127.0.0.0/8")]

"""One web site for all tests of this folder: with few connections, little patience, and room for few readers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import Site

CONNECTIONS = 4
LIMIT_S = 4
ROOM = 40


@pytest.fixture(scope="package")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the pages; whatever a test does to the site, afterwards it is well."""
    site = Site(
        tmp_path_factory.mktemp("site") / "log",
        PADDOCK_DATABASE_POOL=str(CONNECTIONS),
        PADDOCK_REQUEST_LIMIT_S=str(LIMIT_S),
        PADDOCK_CONNECTIONS_MAX=str(ROOM),
    )
    site.start()
    yield site
    site.end()

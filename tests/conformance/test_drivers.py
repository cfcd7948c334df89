"""Every installed driver keeps every law."""

import pytest

from devicehub.devices import registry
from devicehub.driver import Driver
from devicehub.testing.conformance import *  # noqa: F403 - how a driver author adopts the suite


@pytest.fixture(params=registry.installed())
def driver(request: pytest.FixtureRequest) -> Driver:
    return registry.find(request.param)

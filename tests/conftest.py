"""What every test shares."""

from __future__ import annotations

import pytest
from hypothesis import settings

# how long an example takes says nothing on a machine that does other things too
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

"""What every `RuntimeStore` must do, as checks that a third party runs on its own store.

With pytest, subclass and say how to make one (no plugin is needed):

    class TestMyStore(RuntimeStoreConformance):
        def make_store(self) -> RuntimeStore:
            return MyStore(...)

Without it: `problems = await check_store(MyStore)`; an empty list means that the store conforms.
Each check gets a new store and its own run ids, so all may share one database.
"""

from __future__ import annotations

from piplan_tui.store.conformance.suite import CHECKS, RuntimeStoreConformance, check_store

__all__ = ["CHECKS", "RuntimeStoreConformance", "check_store"]

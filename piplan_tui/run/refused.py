"""The one error of all that people ask of a run."""


class ControlRefused(Exception):
    """What was asked for cannot be done now. `str()` is one sentence that says why."""

"""What can be said against a call of a primitive, from how it is written."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from tree_sitter import Node

from piplan_tui.workflow.host import CALL_OPTIONS
from piplan_tui.workflow.js.meta import literal
from piplan_tui.workflow.js.source import Source, string_value
from piplan_tui.workflow.schema_check import schema_problem

Say = Callable[..., None]
"""Takes the node, the sentence, and `warning=True` for what runs all the same."""


class CallCheck:
    """`primitive` gives the name of the primitive that a call is of, `None` for other nodes."""

    def __init__(self, source: Source, say: Say, primitive: Callable[[Node], str | None]) -> None:
        self._source = source
        self._say = say
        self._primitive = primitive

    def look_at(self, name: str, call: Node) -> None:
        """A call of the primitive `name`."""
        given = call.child_by_field_name("arguments")
        if given is None or given.type != "arguments":
            return
        values = [node for node in given.named_children if node.type != "comment"]
        if any(node.type == "spread_element" for node in values):
            return
        match name:
            case "agent" if len(values) > 1 and values[1].type == "object":
                self._options(values[1])
            case "parallel" if values and values[0].type == "array":
                for job in values[0].named_children:
                    called = self._primitive(job)
                    if called is not None:
                        self._say(
                            job, f"parallel() needs functions that start the work: write () => {called}(…)"
                        )
            case "pipeline" if len(values) == 1:
                self._say(
                    call,
                    "pipeline() has no stages after its items: pipeline(items, item => agent(…))",
                    warning=True,
                )

    def _options(self, options: Node) -> None:
        for pair in options.named_children:
            short = pair.type == "shorthand_property_identifier"
            key = pair if short else pair.child_by_field_name("key")
            value = None if short else pair.child_by_field_name("value")
            if key is None:
                continue
            name = self._source.text_of(key) if key.type != "string" else string_value(self._source, key)
            if key.type == "computed_property_name" or name is None:
                continue
            if name not in CALL_OPTIONS:
                near = difflib.get_close_matches(name, CALL_OPTIONS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(CALL_OPTIONS)}"
                self._say(key, f"agent() has no option {name}, which is ignored; {hint}", warning=True)
            elif name == "schema" and value is not None and value.type == "object":
                written, schema = literal(self._source, value)
                if written and (problem := schema_problem(schema)):
                    self._say(value, problem)

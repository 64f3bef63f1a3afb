"""One process of an agent: its handshake, the requests to it, and those from it to the session it serves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import anyio
from acp.connection import Connection
from acp.exceptions import RequestError
from acp.meta import PROTOCOL_VERSION
from acp.schema import InitializeResponse
from pydantic import ValidationError

from piplan_tui.agents.acp import failures
from piplan_tui.agents.acp.transport import Call, ChildTransport
from piplan_tui.agents.process import ChildProcess, terminate_tree
from piplan_tui.agents.protocol import AgentFailure

CAPABILITIES = {
    "fs": {"readTextFile": True, "writeTextFile": True},
    "terminal": True,
    "elicitation": {"form": {}, "url": {}},
}


class Client(Protocol):
    """The session that a process serves, as the process sees it."""

    async def updated(self, update: dict[str, Any]) -> None:
        """A session update; the process is not read while this waits."""

    async def asked(self, method: str, call: Call) -> dict[str, Any]:
        """A request of the agent; the result is its answer.

        Raises:
            RequestError: it is refused.
        """

    def called_off(self, request_id: object) -> None:
        """The agent does not need the answer to this request any more."""

    def completed(self, elicitation_id: object) -> None:
        """What the user was sent to an address for has been done."""

    def garbled(self, line: str) -> None:
        """The agent wrote a line that is not of the protocol."""


class AcpProcess:
    """A running agent. Run `read` in a task for as long as it lives, and set `client` while it has a session."""

    def __init__(self, name: str, program: str, login: str, child: ChildProcess) -> None:
        self.name = name
        self.child = child
        self.client: Client | None = None
        self.session_id = ""
        self.about = InitializeResponse(protocol_version=PROTOCOL_VERSION)
        self.garbage = ""
        self.scope = anyio.CancelScope(shield=True)
        self._program = program
        self._login = login
        self._connection = Connection(self._handle, ChildTransport(child, self._updated, self._garbled))

    @property
    def alive(self) -> bool:
        return self.child.returncode is None

    async def read(self) -> None:
        """Read its stderr to the end."""
        with self.scope:
            await self.child.drain_stderr()

    async def initialize(self, seconds: float) -> None:
        """Greet each other.

        Raises:
            AgentFailure: it is no agent over ACP, or of another version of it.
        """
        params = {
            "protocolVersion": PROTOCOL_VERSION,
            "clientCapabilities": CAPABILITIES,
            "clientInfo": {"name": "piplan-tui", "version": _own_version()},
        }
        try:
            answer = await self.request("initialize", params, seconds)
            self.about = InitializeResponse.model_validate(answer)
        except AgentFailure as failure:
            if failure.kind == "died":
                raise failures.did_not_come_up(
                    self.name, self.child.returncode, self.child.stderr_tail, self.garbage
                ) from failure
            raise
        except RequestError as error:
            raise self.failure_of(error, "initialize") from error
        except ValidationError as error:
            raise AgentFailure("protocol", f"{self.name} answered initialize in an unknown form") from error
        if self.about.protocol_version != PROTOCOL_VERSION:
            raise AgentFailure(
                "unusable",
                f"{self.name} speaks version {self.about.protocol_version} of ACP, "
                f"this is version {PROTOCOL_VERSION}",
            )

    async def request(self, method: str, params: Mapping[str, Any], seconds: float | None) -> dict[str, Any]:
        """Send a request and wait for its result, for ever when `seconds` is None.

        Raises:
            RequestError: the agent answered with an error.
            AgentFailure: it is gone, or did not answer in time.
        """
        try:
            with anyio.fail_after(seconds):
                result = await self._connection.send_request(method, dict(params))
        except TimeoutError:
            raise failures.silent(
                self.name, method, seconds or 0.0, self.child.stderr_tail, self.garbage
            ) from None
        except ConnectionError:
            raise await self.failure_of_death(f"before it answered {method}") from None
        return result if isinstance(result, dict) else {}

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification; nothing happens when the agent is gone."""
        with suppress(ConnectionError):
            await self._connection.send_notification(method, dict(params))

    async def failure_of_death(self, during: str) -> AgentFailure:
        """What to tell about a process that closed its stdout."""
        returncode = await self.child.wait(1.0)
        return failures.died(self.name, returncode, self.child.stderr_tail, during=during)

    def failure_of(self, error: RequestError, what: str) -> AgentFailure:
        """What to tell about an error with which the agent answered a request of the protocol itself."""
        if self.wants_login(error):
            return failures.not_logged_in(
                self.name, self._login, self.about.auth_methods or [], self._program
            )
        return failures.refused(self.name, what, error)

    @staticmethod
    def wants_login(error: RequestError) -> bool:
        return error.code == failures.AUTH_REQUIRED

    async def end(self, grace_seconds: float) -> int:
        """End the process and all that it started; return how many of them are left."""
        with anyio.CancelScope(shield=True):
            self.client = None
            try:
                left = await terminate_tree(self.child, grace_seconds)
                await self._connection.close()
            finally:
                self.scope.cancel()
                await self.child.release()
        return left

    async def _updated(self, params: dict[str, Any]) -> None:
        if self.client and params.get("sessionId", self.session_id) == self.session_id:
            await self.client.updated(params["update"])

    def _garbled(self, line: str) -> None:
        if line:
            self.garbage = line
            if self.client:
                self.client.garbled(line)

    async def _handle(self, method: str, call: Any, is_notification: bool) -> Any:
        assert isinstance(call, Call)
        client = self.client
        if is_notification:
            if client and method == "$/cancel_request":
                client.called_off(call.params.get("requestId"))
            elif client and method == "elicitation/complete":
                client.completed(call.params.get("elicitationId"))
            return None
        # another session than this one can only be of an agent that it started for a part of its work
        if client is None or not self.session_id:
            raise RequestError(-32602, "there is no such session")
        try:
            return await client.asked(method, call)
        except RequestError:
            raise
        except ValidationError as error:
            what = error.errors()[0]
            where = ".".join(str(part) for part in what["loc"])
            raise RequestError(-32602, f"invalid {method}: {where}: {what['msg']}") from error
        except Exception as error:
            # the library would write it to the root logger, which is the user's terminal
            raise RequestError(-32603, f"{method} failed: {error}") from error


def _own_version() -> str:
    try:
        return version("piplan-tui")
    except PackageNotFoundError:
        return "0"

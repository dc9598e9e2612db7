"""A slixmpp client as an application would write it: it follows see-other-host, comes back by
itself after losing its node, resumes its stream where it can, and keeps account of what it saw."""

import asyncio

import slixmpp


class Robot(slixmpp.ClientXMPP):
    """One user with a fixed resource, who can reach every node of the deployment."""

    def __init__(self, jid: str, password: str, server, node: str, resume: bool = True):
        super().__init__(jid, password)
        self.lab = server
        self.nodes = [node] + [name for name in server.nodes if name != node]
        self.ca_certs = server.ca
        self.enable_direct_tls = False
        self.enable_plaintext = False
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0045")
        self.register_plugin("xep_0199")
        self.register_plugin("xep_0203")
        if resume:
            self.register_plugin("xep_0198")
        self.got: list[tuple[str, str]] = []
        self.room_got: list[tuple[str, str]] = []
        self.room_history: list[tuple[str, str]] = []
        self.logins: list[tuple[str, int]] = []
        self.errors: list[str] = []
        self.redirect: tuple[str, int] | None = None
        self.online = asyncio.Event()
        self.gone = asyncio.Event()
        self.leaving = False
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("session_resumed", self._resumed)
        self.add_event_handler("message", self._message)
        self.add_event_handler("groupchat_message", self._room_message)
        self.add_event_handler("stream_error", self._stream_error)
        self.add_event_handler("disconnected", self._disconnected)

    async def get_dns_records(self, domain, port=None):
        """Where to connect: where the server sent us, else our nodes in order."""
        if self.redirect:
            found, self.redirect = [self.redirect], None
        else:
            found = [self.lab.address(name) for name in self.nodes]
        return [("xmpp-client", domain, host, port) for host, port in found]

    async def _started(self, _event):
        self.send_presence()
        await self.get_roster()
        self._arrived()

    def _resumed(self, _event):
        self._arrived()

    def _arrived(self):
        self.logins.append(self.transport.get_extra_info("peername"))
        self.gone.clear()
        self.online.set()

    def _message(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            self.got.append((message["from"].bare, message["body"]))

    def _room_message(self, message):
        if not message["body"]:
            return
        kept = (message["from"].resource, message["body"])
        late = message.xml.find("{urn:xmpp:delay}delay") is not None
        (self.room_history if late else self.room_got).append(kept)

    def _stream_error(self, error):
        self.errors.append(error["condition"])
        if error["condition"] == "see-other-host":
            host, port = error["see_other_host"].rsplit(":", 1)
            self.redirect = (host.strip("[]"), int(port))

    def _disconnected(self, _event):
        self.online.clear()
        self.gone.set()
        if not self.leaving and "see-other-host" not in self.errors[-1:]:
            self.loop.call_later(0.2, self.connect)

    async def log_in(self, limit_s: float = 20):
        """Connects and waits until the session has begun."""
        self.connect()
        await asyncio.wait_for(self.online.wait(), limit_s)

    async def log_out(self):
        """Leaves for good."""
        self.leaving = True
        await self.disconnect(wait=1.0)

    def node(self) -> str:
        """The name of the node that the last login reached."""
        reached = self.logins[-1]
        return next(name for name in self.lab.nodes
                    if self.lab.address(name) == tuple(reached[:2]))


async def until(condition, limit_s: float, what: str):
    """Waits until `condition()` holds, or fails naming `what`."""
    end = asyncio.get_running_loop().time() + limit_s
    while not condition():
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"not within {limit_s} s: {what}")
        await asyncio.sleep(0.02)

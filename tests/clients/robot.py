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
        # Before the plugin's own, which counts what it lets through.
        self.said: dict[str, int] = {}
        self.add_filter("out_sync", self._on_its_stream)
        if resume:
            self.register_plugin("xep_0198")
        self.got: list[tuple[str, str]] = []
        self.room_got: list[tuple[str, str]] = []
        self.room_history: list[tuple[str, str]] = []
        self.logins: list[tuple[str, int]] = []
        self.errors: list[str] = []
        self.acknowledged: list[str] = []
        self.redirect: tuple[str, int] | None = None
        # It follows a redirect itself. slixmpp's way closes the old stream with two seconds' patience,
        # and takes the new one for it when they are over.
        self.max_redirects = -1
        self.online = asyncio.Event()
        self.gone = asyncio.Event()
        self.leaving = False
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("session_resumed", self._resumed)
        self.add_event_handler("message", self._message)
        self.add_event_handler("groupchat_message", self._room_message)
        self.add_event_handler("stream_error", self._stream_error)
        self.add_event_handler("stanza_acked", self._acked)
        self.add_event_handler("disconnected", self._disconnected)

    async def get_dns_records(self, domain, port=None):
        """Where to connect: where the server sent us, then our nodes in order. Were it one place alone,
        slixmpp would wait longer from attempt to attempt while that is dead."""
        found = [self.lab.address(name) for name in self.nodes]
        if self.redirect:
            found.insert(0, self.redirect)
            self.redirect = None
        return [("xmpp-client", domain, host, port) for host, port in found]

    async def _started(self, _event):
        self.send_presence()
        await self.get_roster()
        self._arrived()

    def say(self, to: str, body: str, kind: str = "chat"):
        """Words for the present stream, or for none. slixmpp queues what it is given, and what is left
        of the queue when a stream ends it writes to the next one: before the login, which is an error
        to any server, or before what it has to repeat there (XEP-0198), which changes the order."""
        message = self.make_message(mto=to, mbody=body, mtype=kind)
        self.said[message["id"]] = len(self.logins)
        message.send()

    def _on_its_stream(self, stanza):
        stream = self.said.get(stanza["id"]) if isinstance(stanza, slixmpp.Message) else None
        if stream is None or (self.online.is_set() and stream == len(self.logins)):
            return stanza
        return None

    def _resumed(self, _event):
        self._arrived()

    def _arrived(self):
        self.logins.append(self.transport.get_extra_info("peername"))
        self.gone.clear()
        self.online.set()

    def _message(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            self.got.append((message["from"].bare, message["body"]))

    def _acked(self, stanza):
        if isinstance(stanza, slixmpp.Message) and stanza["type"] == "chat" and stanza["body"]:
            self.acknowledged.append(stanza["body"])

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
        if not self.online.is_set():
            # A dead node's socket may take a connection and drop it: the next one is tried first.
            self.nodes.append(self.nodes.pop(0))
        self.online.clear()
        self.gone.set()
        if not self.leaving:
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

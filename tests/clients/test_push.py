"""A telephone whose system stops the client while its connection stays open (SES-10, XEP-0352).

slixmpp says `inactive` and goes on reading: what it reads in that time is what a stopped client would have
had in its socket.
"""

import unittest
import xml.etree.ElementTree as ET

from robot import Robot, until
from test_slixmpp import Harness

SUSPENDED = "<inactive xmlns='urn:xmpp:csi:0'/>"
AWAKE = "<active xmlns='urn:xmpp:csi:0'/>"
PUSHES = 'show perf query counter "Cisco XCP JSM" PushNotificationsSent'


async def ask_for_pushes(phone: Robot):
    """XEP-0357, section 5."""
    request = phone.make_iq_set(
        ET.fromstring("<enable xmlns='urn:xmpp:push:0' jid='push.example.test' node='telephone'/>"))
    await request.send(timeout=10)


class OpenWire(Harness):
    """Andy's telephone at 1A, Bob's desk at 1B."""

    def pushes(self, node: str) -> int:
        """How many notifications a node has sent."""
        return self.server.command(PUSHES)[node]["PushNotificationsSent"]

    async def test_what_comes_for_a_stopped_client_waits_and_is_pushed(self):
        """SES-10: nothing is written to a client that is suspended; a push tells of it, and it comes
        in its order once the client is awake."""
        phone, desk = await self.robot("andy", "1A"), await self.robot("bob", "1B")
        await ask_for_pushes(phone)
        phone.send_raw(SUSPENDED)
        await phone["xep_0199"].ping(timeout=10)
        before = self.pushes("1A")
        words = ["one", "two", "three"]
        for body in words:
            desk.say("andy@example.test", body)
        await until(lambda: self.pushes("1A") == before + 3, 10, "three pushes")
        await phone["xep_0199"].ping(timeout=10)
        self.assertEqual(phone.got, [], "nothing is written to it, though its connection is open")
        phone.send_raw(AWAKE)
        await until(lambda: len(phone.got) >= 3, 10, "what has waited comes")
        self.assertEqual([body for _, body in phone.got], words)
        desk.say("andy@example.test", "awake")
        await until(lambda: len(phone.got) >= 4, 10, "the next comes at once")
        self.assertEqual(self.pushes("1A"), before + 3, "and is not pushed")

    async def test_what_waits_in_a_node_that_crashes_is_lost_and_no_more(self):
        """SES-10: what waits for a suspended client is lost with its node; the session goes on at the
        backup, and so does what is said after."""
        phone, desk = await self.robot("andy", "1A"), await self.robot("bob", "1B")
        await ask_for_pushes(phone)
        desk.say("andy@example.test", "read")
        await until(lambda: phone.got, 10, "what comes before")
        phone.send_raw(SUSPENDED)
        await phone["xep_0199"].ping(timeout=10)
        before = self.pushes("1A")
        desk.say("andy@example.test", "unread")
        await until(lambda: self.pushes("1A") == before + 1, 10, "the push")
        self.server.command("fault node kill 1A")
        self.server.wait_for_row("pair-1", 16, 30)
        await until(lambda: phone.online.is_set() and phone.node() == "1B", 30, "Andy is at 1B")
        phone.send_raw(AWAKE)
        desk.say("andy@example.test", "after")
        await until(lambda: len(phone.got) >= 2, 10, "what is said after")
        self.assertEqual([body for _, body in phone.got], ["read", "after"])


if __name__ == "__main__":
    unittest.main()

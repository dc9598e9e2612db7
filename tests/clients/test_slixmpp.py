"""slixmpp, a client that nobody here wrote, against `takeover serve` (CHAT-8, CHAT-9).

Andy lives on node 1A, Bob on 1B. They log in with SCRAM over TLS checked against the lab's CA,
talk, meet in a persistent room of 1A, and go on after 1A's Text Conference Manager has died.
"""

import asyncio
import unittest

from harness import Refused, Server
from robot import Robot, until

SPEED = 60
CONFIG = """
[parameters]
"Client Re-Login Lower Limit" = 1
"Client Re-Login Upper Limit" = 2
"""
ROOM = "standup@conference-1-cluster-1.example.test"


async def make_room(owner: Robot):
    """Creates the persistent room on 1A."""
    muc = owner["xep_0045"]
    await muc.join_muc_wait(ROOM, "Andy", timeout=10)
    form = await muc.get_room_config(ROOM)
    form["type"] = "submit"
    form.set_values({"muc#roomconfig_persistentroom": True})
    await muc.set_room_config(ROOM, form)


class Harness(unittest.IsolatedAsyncioTestCase):
    """One server per test; every wait is bounded."""

    speed = SPEED

    def setUp(self):
        self.server = Server(self.config(), self.speed)
        self.addCleanup(self.server.stop)
        self.robots: list[Robot] = []

    def config(self) -> str:
        """The lab's configuration."""
        return CONFIG

    async def asyncTearDown(self):
        for robot in self.robots:
            await robot.log_out()

    async def robot(self, name: str, node: str, **options) -> Robot:
        robot = Robot(f"{name}@example.test/desk", f"{name}-secret", self.server, node, **options)
        self.robots.append(robot)
        await robot.log_in()
        return robot


class Slixmpp(Harness):
    """Logging in, talking, and losing a node."""

    async def test_a_wrong_password_is_refused_and_nobody_else_notices(self):
        """XMPP-1, RFC 6120 6.5.10: not-authorized; a client beside it goes on."""
        bob = await self.robot("bob", "1B")
        intruder = Robot("andy@example.test/desk", "wrong", self.server, "1A")
        refused = asyncio.Event()
        intruder.leaving = True
        intruder.add_event_handler("failed_all_auth", lambda _event: refused.set())
        intruder.connect()
        await asyncio.wait_for(refused.wait(), 10)
        await intruder.disconnect(wait=1.0)
        await bob["xep_0199"].ping(jid="example.test", timeout=5)

    async def test_a_user_at_the_wrong_node_is_sent_to_the_right_one(self):
        """SES-2: the standard's see-other-host."""
        home = self.home("andy")
        other = next(name for name in self.server.nodes if name != home)
        andy = await self.robot("andy", other)
        self.assertEqual(andy.node(), home)
        self.assertIn("see-other-host", andy.errors)

    def home(self, name: str) -> str:
        """The node that serves a user."""
        users = self.server.command("show status")["users"]
        return next(user["node"] for user in users if user["user"] == f"{name}@example.test")

    async def test_chat_goes_on_when_a_node_loses_its_conference_service(self):
        """CHAT-8 and CHAT-9 with clients from outside."""
        andy = await self.robot("andy", "1A")
        bob = await self.robot("bob", "1B")
        self.assertEqual((andy.node(), bob.node()), ("1A", "1B"))

        andy.send_message(mto="bob@example.test", mbody="hello bob", mtype="chat")
        await until(lambda: ("andy@example.test", "hello bob") in bob.got, 10, "bob hears andy")
        bob.send_message(mto=andy.boundjid.full, mbody="hello andy", mtype="chat")
        await until(lambda: ("bob@example.test", "hello andy") in andy.got, 10, "andy hears bob")

        await make_room(andy)
        await bob["xep_0045"].join_muc_wait(ROOM, "Bob", timeout=10)
        for number in range(5):
            andy.send_message(mto=ROOM, mbody=f"before {number}", mtype="groupchat")
        await until(lambda: len(bob.room_got) == 5, 10, "bob reads five messages")

        self.server.command("fault service fail 1A tc killed by the test")
        await until(lambda: andy.gone.is_set(), 30, "andy is thrown out of 1A")
        await until(lambda: andy.online.is_set(), 30, "andy comes back by himself")
        self.assertEqual(andy.node(), "1B")
        self.server.wait_for_row("pair-1", 12, 10)

        bob.send_message(mto=ROOM, mbody="hosted by 1B", mtype="groupchat")
        await until(lambda: ("Bob", "hosted by 1B") in bob.room_got, 10, "the room goes on at 1B")
        await andy["xep_0045"].join_muc_wait(ROOM, "Andy", maxstanzas=20, timeout=10)
        expected = [("Andy", f"before {number}") for number in range(5)]
        await until(lambda: all(line in andy.room_history for line in expected), 10,
                    "andy reads the history")
        andy.send_message(mto=ROOM, mbody="back again", mtype="groupchat")
        await until(lambda: ("Andy", "back again") in bob.room_got, 10, "bob hears andy again")

        await self.fall_back(andy, bob)

    async def fall_back(self, andy: Robot, bob: Robot):
        """The administrator mends 1A and gives it its users back."""
        self.server.command("utils service start 1A tc")
        self.server.wait_for_row("pair-1", 11, 20)
        with self.assertRaises(Refused) as refused:
            self.server.command("utils ha failover 1A")
        self.assertIn("fallback", str(refused.exception))
        logins = len(andy.logins)
        self.server.command("utils ha fallback 1A")
        await until(lambda: len(andy.logins) > logins, 30, "andy logs in at home again")
        self.server.wait_for_row("pair-1", 1, 20)
        self.assertEqual(andy.node(), "1A")
        bob.send_message(mto="andy@example.test", mbody="welcome home", mtype="chat")
        await until(lambda: ("bob@example.test", "welcome home") in andy.got, 10, "andy at home")
        doubled = [line for line in set(bob.room_got) if bob.room_got.count(line) > 1]
        self.assertEqual(doubled, [])


if __name__ == "__main__":
    unittest.main()

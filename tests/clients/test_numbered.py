"""Numbered talk among slixmpp clients through failovers and fallbacks (SES-3, CHAT-10).

The server is judged by what the standards promise: what it has acknowledged (XEP-0198 for words to a
user, the reflection for words in a room) arrives, once, in its sender's order. What it has not
acknowledged may arrive or not.
"""

import asyncio
import unittest

from robot import Robot, until
from test_slixmpp import ROOM, Harness, make_room

HOMES = {"andy": "1A", "bob": "1B", "catherine": "2A", "deborah": "2B"}
EACH = 5
ENOUGH = 10


class Numbered(Harness):
    """Everybody talks all along."""

    # Room for four busy clients of one thread before protocol time calls them silent.
    speed = 10

    async def asyncSetUp(self):
        # The loop's own debugging takes most of the time of clients that are busy.
        asyncio.get_running_loop().set_debug(False)
        self.people = {name: await self.robot(name, home) for name, home in HOMES.items()}
        self.silence = asyncio.Event()
        await make_room(self.people["andy"])
        for name in list(HOMES)[1:]:
            await self.people[name]["xep_0045"].join_muc_wait(ROOM, name.title(), timeout=10)
        for name, robot in self.people.items():
            robot.add_event_handler("session_start", self.reenter(name, robot))
        self.talk = [asyncio.create_task(self.keep_talking(name)) for name in self.people]
        await self.more()

    def reenter(self, name: str, robot: Robot):
        """A new session knows no rooms; it asks for all that was said."""
        async def enter(_event):
            await robot["xep_0045"].join_muc_wait(ROOM, name.title(), maxstanzas=100_000, timeout=20)
        return enter

    async def keep_talking(self, name: str):
        """Numbered words to all others and into the room, while logged in."""
        robot, number = self.people[name], 0
        while not self.silence.is_set():
            if robot.online.is_set():
                number += 1
                for other in self.people:
                    if other != name:
                        robot.say(f"{other}@example.test", f"{name} {other} {number}")
                robot.say(ROOM, f"{name} room {number}", "groupchat")
            await asyncio.sleep(0.05)

    async def is_at(self, name: str, node: str):
        """Waits until a client is logged in at a node, then lets it talk there."""
        robot = self.people[name]
        await until(lambda: robot.online.is_set() and robot.node() == node, 30,
                    f"{name} is at {node}")
        await self.more()

    async def more(self):
        """Waits until everybody has been promised more, and all have heard more of it."""
        before = {name: len(robot.acknowledged) for name, robot in self.people.items()}
        heard = {name: len(robot.room_got) for name, robot in self.people.items()}
        await until(lambda: all(len(robot.acknowledged) >= before[name] + EACH * (len(HOMES) - 1)
                                and len(robot.room_got) >= heard[name] + EACH * len(HOMES)
                                for name, robot in self.people.items()), 60, "talk goes on")

    async def conclude(self):
        """Everybody is silent; what is on its way arrives; the books are compared."""
        self.silence.set()
        await asyncio.gather(*self.talk)
        for robot in self.people.values():
            robot["xep_0198"].request_ack()
        try:
            await until(lambda: not self.missing(), 20, "everything arrives")
        except AssertionError:
            self.fail("\n".join(self.missing()[:20]))
        for name, robot in self.people.items():
            for sender in self.people:
                self.judge(robot, sender, name)

    def missing(self) -> list[str]:
        """What was acknowledged and has not arrived, with its receiver."""
        gone = []
        for name, robot in self.people.items():
            heard = {body for _, body in robot.got + robot.room_got + robot.room_history}
            for other in self.people.values():
                promised = [body for body in other.acknowledged if body.split()[1] == name]
                promised += [body for nick, body in other.room_got
                             if nick.lower() == other.boundjid.user]
                gone += [f"{body!r} to {name}" for body in promised if body not in heard]
        return gone

    def judge(self, robot: Robot, sender: str, name: str):
        """Nothing doubled, nothing late, in person and in the room."""
        in_person = [int(body.split()[2]) for who, body in robot.got
                     if who == f"{sender}@example.test"]
        self.assertEqual(in_person, sorted(set(in_person)), f"{sender} to {name}")
        in_room = [int(body.split()[2]) for nick, body in robot.room_got
                   if nick.lower() == sender]
        self.assertEqual(in_room, sorted(set(in_room)), f"{sender} in the room, to {name}")
        self.assertGreater(len(in_room), ENOUGH, f"{sender} in the room, to {name}: too few")
        if sender != name:
            self.assertGreater(len(in_person), ENOUGH, f"{sender} to {name}: too few")
            promised = [body for body in self.people[sender].acknowledged
                        if body.split()[1] == name]
            self.assertGreater(len(promised), ENOUGH, f"{sender} to {name}: too few promised")

    async def test_through_a_failover_and_a_fallback_in_order(self):
        """SES-3, CHAT-9: the administrator fails 1A over, and back."""
        self.server.command("utils ha failover 1A")
        self.server.wait_for_row("pair-1", 3, 30)
        await self.is_at("andy", "1B")
        self.server.command("utils ha fallback 1A")
        self.server.wait_for_row("pair-1", 1, 30)
        await self.is_at("andy", "1A")
        await self.conclude()

    async def test_through_a_loss_of_power_and_a_fallback(self):
        """SES-3, CHAT-10: 1A loses its power, comes back, and gets its users."""
        self.server.command("fault node kill 1A")
        self.server.wait_for_row("pair-1", 16, 30)
        await self.is_at("andy", "1B")
        self.server.command("utils system boot 1A")
        self.server.wait_for_row("pair-1", 11, 60)
        self.server.command("utils ha fallback 1A")
        self.server.wait_for_row("pair-1", 1, 30)
        await self.is_at("andy", "1A")
        await self.conclude()


if __name__ == "__main__":
    unittest.main()

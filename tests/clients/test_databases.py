"""slixmpp against `takeover serve` whose rooms are in PostgreSQL, and against a `serve` that is
killed (`kill -9`) under load: what a client was shown is stored, once (CHAT-8 to CHAT-10)."""

import asyncio
import collections
import tempfile
import unittest

import test_slixmpp
from harness import Server
from postgres import Postgres
from robot import Robot, until
from test_slixmpp import CONFIG, ROOM, SPEED

WORDS = 200


class OnPostgresql(test_slixmpp.Slixmpp):
    """All of it once more, with the rooms of each pair in PostgreSQL."""

    def setUp(self):
        self.postgres = Postgres()
        self.addCleanup(self.postgres.stop)
        super().setUp()

    def config(self) -> str:
        return self.postgres.config() + CONFIG

    async def test_chat_goes_on_when_a_node_loses_its_conference_service(self):
        await super().test_chat_goes_on_when_a_node_loses_its_conference_service()
        stored = self.postgres.rows("SELECT count(*) FROM pair_1.takeover_message")
        self.assertGreaterEqual(int(stored[0]), 7)


class KilledServer(unittest.IsolatedAsyncioTestCase):
    """The account of what was shown is kept by the clients, outside of what is killed."""

    async def talk_until_killed(self, config: str, data: str) -> list[str]:
        """Two talk as fast as they can; the server is killed. What either was shown, in order."""
        server = Server(config, SPEED, data)
        robots = [Robot(f"{name}@example.test/desk", f"{name}-secret", server, node, resume=False)
                  for name, node in (("andy", "1A"), ("bob", "1B"))]
        for robot in robots:
            await robot.log_in()
        andy, bob = robots
        await test_slixmpp.make_room(andy)
        await bob["xep_0045"].join_muc_wait(ROOM, "Bob", timeout=10)
        for number in range(WORDS):
            for robot in robots:
                body = f"{robot.boundjid.user} {number}"
                robot.send_message(mto=ROOM, mbody=body, mtype="groupchat")
            await asyncio.sleep(0.002)
            if len(andy.room_got) > WORDS // 2:
                break
        await until(lambda: len(andy.room_got) > WORDS // 4, 20, "the room is alive")
        for robot in robots:
            robot.leaving = True
        server.kill()
        await asyncio.gather(*(asyncio.wait_for(robot.gone.wait(), 10) for robot in robots))
        shown = [body for _nick, body in andy.room_got]
        self.assertGreater(len(shown), 20)
        for robot in robots:
            mine = [body for _nick, body in robot.room_got]
            longest = max(shown, mine, key=len)
            self.assertEqual(longest[:len(mine)], mine, "both saw the same, one a little more")
            shown = longest
        return shown

    async def history(self, config: str, data: str) -> list[str]:
        """What a new server, with the same databases, has of the room."""
        server = Server(config, SPEED, data)
        self.addCleanup(server.stop)
        andy = Robot("andy@example.test/desk", "andy-secret", server, "1A")
        await andy.log_in()
        await self.configured(andy)
        bob = Robot("bob@example.test/desk", "bob-secret", server, "1B")
        await bob.log_in()
        await bob["xep_0045"].join_muc_wait(ROOM, "Bob", maxstanzas=4 * WORDS, timeout=10)
        bob.send_message(mto=ROOM, mbody="the end", mtype="groupchat")
        await until(lambda: ("Bob", "the end") in bob.room_got, 10, "the room goes on")
        for robot in (andy, bob):
            await robot.log_out()
        return [body for _nick, body in bob.room_history]

    async def configured(self, owner: Robot):
        """Lets those who enter read all of the history."""
        muc = owner["xep_0045"]
        await muc.join_muc_wait(ROOM, "Andy", timeout=10)
        form = await muc.get_room_config(ROOM)
        form["type"] = "submit"
        form.set_values({"muc#maxhistoryfetch": str(4 * WORDS)})
        await muc.set_room_config(ROOM, form)

    def judge(self, shown: list[str], stored: list[str]):
        """CHAT-10: each once, in its order; what nobody was shown may be there too, once."""
        doubled = [body for body, times in collections.Counter(stored).items() if times > 1]
        self.assertEqual(doubled, [])
        self.assertEqual([body for body in stored if body in set(shown)], shown)

    async def test_what_was_shown_is_in_postgresql(self):
        postgres = Postgres()
        self.addCleanup(postgres.stop)
        with tempfile.TemporaryDirectory() as data:
            config = postgres.config() + CONFIG
            shown = await self.talk_until_killed(config, data)
            rows = postgres.rows("SELECT substring(convert_from(stanza, 'UTF8') "
                                 "from '<body>(.*)</body>') FROM pair_1.takeover_message "
                                 "ORDER BY seq")
            self.judge(shown, rows)
            self.judge(shown, await self.history(config, data))

    async def test_what_was_shown_is_in_the_lab_s_own_store(self):
        with tempfile.TemporaryDirectory() as data:
            shown = await self.talk_until_killed(CONFIG, data)
            self.judge(shown, await self.history(CONFIG, data))


if __name__ == "__main__":
    unittest.main()

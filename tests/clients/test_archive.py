"""The archive of a room (XEP-0313), read by slixmpp's own plugin before and after a failover."""

import unittest

from slixmpp.exceptions import IqError

from test_slixmpp import ROOM, Harness, make_room
from robot import until


class Archive(Harness):
    """Bob, who lives on 1B, reads what was said in a room of 1A."""

    async def test_the_archive_is_read_before_and_after_a_failover(self):
        """XEP-0313, XEP-0059, CHAT-8: the same messages with the same ids at both hosts."""
        andy = await self.robot("andy", "1A")
        bob = await self.robot("bob", "1B")
        bob.register_plugin("xep_0313")
        await make_room(andy)
        for number in range(25):
            andy.send_message(mto=ROOM, mbody=f"number {number}", mtype="groupchat")
        await until(lambda: len(andy.room_got) == 25, 10, "andy sees his own words")

        info = await bob["xep_0030"].get_info(ROOM, timeout=10)
        self.assertIn("urn:xmpp:mam:2", info["disco_info"]["features"])
        fields = await bob["xep_0313"].get_fields(ROOM, timeout=10)
        self.assertLessEqual({"with", "start", "end", "before-id", "after-id"},
                             set(fields.get_fields()))

        before = await self.everything(bob)
        self.assertEqual([text for _id, text in before], [f"number {n}" for n in range(25)])
        self.assertEqual(len({number for number, _text in before}), 25)

        self.server.command("fault service fail 1A tc killed by the test")
        self.server.wait_for_row("pair-1", 12, 30)
        self.assertEqual(await self.everything(bob), before)

        await bob["xep_0045"].join_muc_wait(ROOM, "Bob", maxstanzas=0, timeout=10)
        bob.send_message(mto=ROOM, mbody="said at 1B", mtype="groupchat")
        await until(lambda: ("Bob", "said at 1B") in bob.room_got, 10, "the room goes on at 1B")
        after = await self.everything(bob)
        self.assertEqual(after[:25], before)
        self.assertEqual([text for _id, text in after[25:]], ["said at 1B"])

        mine = await bob["xep_0313"].retrieve(ROOM, with_jid=f"{ROOM}/Bob", timeout=10)
        self.assertEqual([self.line(message)[1] for message in mine["mam"]["results"]],
                         ["said at 1B"])
        earlier = await bob["xep_0313"].retrieve(
            ROOM, rsm={"max": 2, "before": after[-1][0]}, timeout=10)
        self.assertEqual([self.line(message) for message in earlier["mam"]["results"]],
                         after[-3:-1])
        newest = [self.line(message) async for message in bob["xep_0313"].iterate(
            ROOM, reverse=True, rsm={"max": 7}, total=3)]
        self.assertEqual(newest, after[:-4:-1])
        with self.assertRaises(IqError) as refused:
            await bob["xep_0313"].retrieve(ROOM, rsm={"after": "no-such-id"}, timeout=10)
        self.assertEqual(refused.exception.condition, "item-not-found")

    async def everything(self, robot) -> list[tuple[str, str]]:
        """All messages of the room, page by page: id and words."""
        lines = []
        async for message in robot["xep_0313"].iterate(ROOM, rsm={"max": 7}):
            lines.append(self.line(message))
        return lines

    @staticmethod
    def line(message) -> tuple[str, str]:
        result = message["mam_result"]
        return result["id"], result["forwarded"]["stanza"]["body"]


if __name__ == "__main__":
    unittest.main()

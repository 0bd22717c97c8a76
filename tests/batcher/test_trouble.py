"""What the batcher says of a database that lets it in and takes no rows: that it takes none, until it takes them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psycopg

from tests.batcher.events import Stream
from tests.batcher.test_author import A, Node

PATIENCE_S = 60.0
# As where the role has lost a right, which the superuser of these tests can't.
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'permission denied'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def until_said(node: Node, times: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(node.said) < times:
        assert time.monotonic() < deadline, node.said
        node.feed.publish(node.stream.seq)
        node.feed.commit(node.stream.seq)
        node.batcher.poll(time.monotonic_ns())
        await asyncio.sleep(0.001)


async def refuse_and_mend(url: str, folder: Path) -> list[str]:
    node = Node("a", Stream(seed=7).define().steps(50), A, url, folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(REFUSE)
        await node.batcher.start()
        try:
            await until_said(node, 3)
            connection.execute("DROP FUNCTION refuse CASCADE")
            await node.until_done()
        finally:
            await node.batcher.stop()
    return node.said


def test_a_connection_alone_ends_no_trouble(database: str, tmp_path: Path) -> None:
    said = asyncio.run(refuse_and_mend(database, tmp_path))
    assert all("permission denied" in each for each in said[:3])
    assert said.index("") == len([each for each in said if each])

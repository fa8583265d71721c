"""An asyncio program: what a handler returns is the reply, and `request` gathers the replies."""

import asyncio

from callboard import connect


async def main():
    async with connect() as board:

        @board.subscribe("topic=example.double and data.number>10")
        async def double(event):
            return {"doubled": event.data["number"] * 2}

        async for reply in board.request("example.double", {"number": 21}, deadline=5):
            print(f"the answer is {reply.data['doubled']}")


asyncio.run(main())

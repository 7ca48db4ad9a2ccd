"""An HTTP service that misbehaves as it is told, on a loop in a thread of its own."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

GOOD = json.dumps({"risk": 0.25}).encode()


@dataclass
class Misbehaving:
    """`mode` says what happens to requests that come now; `asked` are the heads of those that came."""

    mode: str = "good"
    body: bytes = GOOD
    asked: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/base"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")) and await self.answer(head, reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        self.asked.append(head + (await reader.readexactly(length) if length else b""))
        match self.mode.split():
            case ["good"]:
                writer.write(whole(200, self.body))
            case ["slow", seconds]:
                await asyncio.sleep(float(seconds))
                writer.write(whole(200, self.body))
            case ["hung"]:
                await asyncio.sleep(3600)
            case ["trickle"]:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case ["reset"]:
                taken = writer.get_extra_info("socket")
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case ["garbage"]:
                writer.write(b"\x00\xffthis is no HTTP\r\n\r\n" * 20)
                return False
            case ["truncated"]:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
                return False
            case ["redirect", where]:
                writer.write(whole(302, b"", b"location: " + where.encode() + b"\r\n"))
            case ["status", status]:
                writer.write(whole(int(status), b"{}"))
            case ["gzip"]:
                writer.write(whole(200, b"\x1f\x8b", b"content-encoding: gzip\r\n"))
            case _:
                raise ValueError(self.mode)
        return True


def whole(status: int, body: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (
        status,
        more,
        len(body),
        body,
    )


@contextmanager
def misbehaving() -> Iterator[Misbehaving]:
    """The service, until the end of the block."""
    service, loop, ready = Misbehaving(), asyncio.new_event_loop(), threading.Event()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(service.serve, "127.0.0.1", 0)

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(listen())
        service.port = server.sockets[0].getsockname()[1]
        ready.set()
        loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

"""Hundreds of browsers that come and go, and some that mean no good: the run goes on and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import random
import socket
import struct
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from imurun.engine import RunAnalyzer
from imurun.live.page import serve, server
from imurun.live.page.handlers import MOST_SESSIONS
from imurun.live.pipelines import replay_run
from imurun.live.run_all import controls_of
from imurun.live.runner_profile import Wearer
from imurun.sim.presets import steady_run

VISITS = ["get", "reset", "half"] * 30 + ["leave", "flood"] * 12 + ["watch"] * 12 + ["deaf"] * 4
AT_ONCE = 12
PATIENCE_S = 30.0
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: no goodbye."""


class Crowd:
    """Visits of a page by bare sockets, so that each can break off where it likes."""

    def __init__(self, port):
        self.port = port
        self.done = Counter()

    async def visit(self, kind):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await getattr(self, f"_{kind}")(reader, writer)
            self.done[kind] += 1
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            self.done["sent away"] += 1  # a busy machine may take longer than the server waits
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _request(self, method, path, body=b"", more=""):
        own = f"127.0.0.1:{self.port}"
        head = f"{method} {path} HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}\r\n{more}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def _answer(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        return int(head.split()[1]), body

    async def _get(self, reader, writer):
        writer.write(self._request("GET", "/"))
        status, body = await self._answer(reader)
        assert status == 200
        assert b"imurun" in body

    async def _open(self, reader, writer):
        """A web socket with a session; None where too many look."""
        writer.write(self._request("POST", "/session", b'{"chosen": 0}'))
        status, body = await self._answer(reader)
        if status == 503:
            return None
        token = json.loads(body)["token"]
        await self._upgrade(reader, writer, token)
        return token

    async def _upgrade(self, reader, writer, token):
        upgrade = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: bokeh, {token}\r\n"
        )
        writer.write(self._request("GET", "/ws", more=upgrade))
        status, _ = await self._answer(reader)
        assert status == 101

    async def sit(self, token):
        """A web socket with somebody's session, until it is hung up on or the run is over."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await self._upgrade(reader, writer, token)
            while True:
                await frame(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.done["hung up"] += 1
        finally:
            writer.close()

    async def _watch(self, reader, writer):
        if await self._open(reader, writer):
            assert b'"ACK"' in await frame(reader, writer) + await frame(reader, writer) + await frame(
                reader, writer
            )
            pull = [{"msgid": "1", "msgtype": "PULL-DOC-REQ"}, {}, {}]
            writer.write(b"".join(masked(json.dumps(part).encode()) for part in pull))
            while b'"PULL-DOC-REPLY"' not in await frame(reader, writer):
                pass
            await asyncio.sleep(0.2)
            writer.write(masked(b"\x03\xe8", 0x8))

    async def _leave(self, reader, writer):
        """Gone in the midst, without a goodbye."""
        await self._open(reader, writer)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    async def _reset(self, _, writer):
        """A handshake that breaks off."""
        asked = self._request("GET", "/ws", more="Connection: Upgrade\r\nUpgrade: websocket\r\n")
        writer.write(asked[: random.randrange(len(asked))])
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    async def _half(self, reader, writer):
        """Announces more than it sends, and goes."""
        writer.write(self._request("POST", "/session", b"{" * 500)[:-100])
        await writer.drain()

    async def _flood(self, reader, writer):
        """Large messages as fast as they go: the web socket is closed at the first that is too large."""
        if await self._open(reader, writer):
            with suppress(OSError):
                for _ in range(20):
                    writer.write(masked(b"x" * (3 * server.MOST_BYTES)))
                    await writer.drain()
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    await frame(reader, writer)

    async def _deaf(self, reader, writer):
        """Reads nothing of what it asks for thirty times."""
        if await self._open(reader, writer):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            writer.transport.pause_reading()
            pull = [{"msgid": "1", "msgtype": "PULL-DOC-REQ"}, {}, {}]
            with suppress(OSError):
                for _ in range(30):
                    writer.write(b"".join(masked(json.dumps(part).encode()) for part in pull))
                async with asyncio.timeout(1.0):
                    await writer.drain()

    async def _idle(self, reader, writer):
        """Connects, and says nothing until it is sent away."""
        writer.write(b"GET / HT")
        with suppress(OSError):
            await reader.read()


def masked(data, opcode=0x1):
    """A frame as a browser sends it (RFC 6455); a mask of zeros changes nothing."""
    n = len(data)
    length = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 2**16 else None
    length = length or b"\xff" + struct.pack(">Q", n)
    return bytes([0x80 | opcode]) + length + bytes(4) + data


async def frame(reader, writer):
    """The content of the next message; questions whether somebody is there are answered."""
    while True:
        first, second = await reader.readexactly(2)
        n = second & 0x7F
        if n > 125:
            n = int.from_bytes(await reader.readexactly(2 if n == 126 else 8))
        content = await reader.readexactly(n)
        if first & 0x0F in (0x1, 0x2):
            return content
        if first & 0x0F == 0x9:
            writer.write(masked(content, 0xA))
        if first & 0x0F == 0x8:
            raise asyncio.IncompleteReadError(b"", 2)


def n_open_files():
    return len(os.listdir("/proc/self/fd"))


def n_documents():
    gc.collect()
    return sum(type(thing).__name__ == "Document" for thing in gc.get_objects())


async def until(condition, seconds=60.0):
    """Whether it came true; far longer than needed on a slow machine."""
    end_s = asyncio.get_running_loop().time() + seconds
    while not (holds := condition()) and asyncio.get_running_loop().time() < end_s:
        await asyncio.sleep(0.3)
    return holds


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")


@needs_proc
def test_browsers_come_and_go_by_the_hundred(monkeypatch):
    monkeypatch.setattr(server, "UNUSED_MS", 3000)
    monkeypatch.setattr(server, "IDLE_S", 60.0)
    recording = steady_run(3600.0, rate_hz=50.0).recording
    errors = []

    async def scenario():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context))
        pipeline = replay_run(recording, 10.0, Wearer())
        moments = pipeline.fan.subscribe(None)
        files, documents = n_open_files(), n_documents()
        controls = controls_of([pipeline])
        running = asyncio.create_task(pipeline.run())
        async with serve([pipeline.state], controls, port=0) as page:
            tasks = len(asyncio.all_tasks())
            crowd = Crowd(page.port)
            kinds = random.Random(1).sample(VISITS, len(VISITS))
            limit = asyncio.Semaphore(AT_ONCE)

            async def one(kind):
                async with limit:
                    await crowd.visit(kind)

            await asyncio.gather(*map(one, kinds))
            assert crowd.done.total() == len(VISITS)
            assert all(crowd.done[kind] > 0 for kind in set(VISITS))
            assert not running.done()  # the run outlasts them
            sessions = page._application.get_sessions
            assert await until(lambda: not sessions("/"))
            assert await until(lambda: len(asyncio.all_tasks()) <= tasks)
            assert await until(lambda: n_open_files() <= files + 4)  # the listener, and the loop's own
            assert await until(lambda: n_documents() <= documents)
            left = [asyncio.create_task(crowd.visit(kind)) for kind in ("deaf", "idle", "watch") * 4]
            await until(lambda: page.n_browsers > 0)
        assert await until(lambda: n_open_files() <= files + len(left) + 4)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        assert not running.done()
        pipeline.stop()
        await running
        return pipeline, [moment async for moment in moments]

    pipeline, moments = asyncio.run(scenario())
    assert errors == []
    assert pipeline.state.n_dropped == 0
    n = max(moment.block.next_index for moment in moments)
    analyzer = RunAnalyzer(recording.rate_hz, acc_range_g=recording.acc_range_g)
    expected = analyzer.push(recording.acc[:n], recording.gyr[:n]) + analyzer.finish()
    steps = [step for moment in moments for step in moment.steps]
    assert len(steps) == len(expected) > 100
    assert all(
        one == other or (math.isnan(one) and math.isnan(other))
        for step, same in zip(steps, expected, strict=True)
        for one, other in zip(step, same, strict=True)
        if not isinstance(one, str)
    )


@needs_proc
def test_those_who_only_connect_take_no_files_from_the_run(monkeypatch):
    """Each open file is one that the recording or the sensor's link cannot have."""
    monkeypatch.setattr(server, "IDLE_S", 3.0)
    recording = steady_run(60.0, rate_hz=50.0).recording

    async def scenario():
        pipeline = replay_run(recording, math.inf, Wearer())
        before = n_open_files()
        async with serve([pipeline.state], controls_of([pipeline]), port=0) as page:
            crowd = Crowd(page.port)
            idle = [asyncio.create_task(crowd.visit("idle")) for _ in range(300)]
            opened = await until(lambda: n_open_files() - before >= server.MOST_CONNECTIONS)
            await asyncio.sleep(0.5)
            held = page.n_connections
            await asyncio.gather(*idle, return_exceptions=True)
            assert await until(lambda: page.n_connections == 0)
            await crowd.visit("watch")
            return opened, held

    opened, held = asyncio.run(scenario())
    assert opened
    assert held <= server.MOST_CONNECTIONS


@needs_proc
def test_one_session_opens_no_more_web_sockets_than_browsers_may_look():
    recording = steady_run(60.0, rate_hz=50.0).recording

    async def scenario():
        pipeline = replay_run(recording, math.inf, Wearer())
        async with serve([pipeline.state], controls_of([pipeline]), port=0) as page:
            crowd = Crowd(page.port)
            reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
            token = await crowd._open(reader, writer)
            before = n_open_files()
            more = [asyncio.create_task(crowd.sit(token)) for _ in range(MOST_SESSIONS + 40)]
            assert await until(lambda: crowd.done["hung up"] >= 41)
            held = page.n_browsers
            # both ends are here
            let_go = await until(lambda: n_open_files() - before <= 2 * MOST_SESSIONS)
            for task in more:
                task.cancel()
            await asyncio.gather(*more, return_exceptions=True)
            writer.close()
            return held, let_go

    held, let_go = asyncio.run(scenario())
    assert held == MOST_SESSIONS
    assert let_go

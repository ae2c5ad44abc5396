"""Hundreds of browsers that connect and leave, some of them hostile: the run continues, and nothing leaks."""

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
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from imurun.engine import RunAnalyzer
from imurun.live.page import serve, server
from imurun.live.page.handlers import MAX_BROWSERS
from imurun.live.pipeline import controls_of, replay_pipeline
from imurun.live.runner_profile import RunnerProfile
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
        """Open a web socket; False where too many are open."""
        upgrade = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        )
        writer.write(self._request("GET", "/ws?sensor=0", more=upgrade))
        status, _ = await self._answer(reader)
        assert status in {101, 503}
        return status == 101

    async def sit(self):
        """Show the run until hung up on, or until it is over."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            if not await self._open(reader, writer):
                self.done["refused"] += 1
                return
            while True:
                await frame(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.done["hung up"] += 1
        finally:
            writer.close()

    async def _watch(self, reader, writer):
        if await self._open(reader, writer):
            for _ in range(3):
                update = json.loads(await frame(reader, writer))
                assert update["run"]["name"] == update["team"][0]["name"]
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
        writer.write(self._request("POST", "/command", b"{" * 500)[:-100])
        await writer.drain()

    async def _flood(self, reader, writer):
        """Large messages as fast as they go: the web socket is closed at the first that is too large."""
        if await self._open(reader, writer):
            with suppress(OSError):
                for _ in range(20):
                    writer.write(masked(b"x" * (3 * server.MAX_BYTES)))
                    await writer.drain()
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    await frame(reader, writer)

    async def _deaf(self, reader, writer):
        """Reads nothing of what is sent."""
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if await self._open(reader, writer):
            writer.transport.pause_reading()
            await asyncio.sleep(1.0)

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


def n_sockets():
    gc.collect()
    return sum(type(thing).__name__ in {"UpdateSocket", "UpdateFeed"} for thing in gc.get_objects())


async def until(condition, seconds=60.0):
    """Whether it came true; far longer than needed on a slow machine."""
    end_s = asyncio.get_running_loop().time() + seconds
    while not (holds := condition()) and asyncio.get_running_loop().time() < end_s:
        await asyncio.sleep(0.3)
    return holds


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")


@needs_proc
def test_browsers_come_and_go_by_the_hundred(monkeypatch):
    monkeypatch.setattr(server, "IDLE_S", 60.0)
    recording = steady_run(3600.0, rate_hz=50.0).recording
    errors = []

    async def scenario():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context))
        pipeline = replay_pipeline(recording, 5.0, RunnerProfile())
        moments = pipeline.broadcast.subscribe(None)
        files, sockets = n_open_files(), n_sockets()
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
            assert await until(lambda: page.n_browsers == 0)
            assert await until(lambda: len(asyncio.all_tasks()) <= tasks)
            assert await until(lambda: n_open_files() <= files + 4)  # the listener, and the loop's own
            assert await until(lambda: n_sockets() <= sockets)
            left = [asyncio.create_task(crowd.visit(kind)) for kind in ("deaf", "idle", "watch") * 4]
            await until(lambda: page.n_browsers > 0)
        assert await until(lambda: n_open_files() <= files + len(left) + 4)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        assert await until(lambda: pipeline.state.n_trend > 100)
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
def test_idle_connections_take_no_files_from_the_run(monkeypatch):
    """Each open file is one that the recording or the sensor's link cannot have."""
    monkeypatch.setattr(server, "IDLE_S", 3.0)
    recording = steady_run(60.0, rate_hz=50.0).recording

    async def scenario():
        pipeline = replay_pipeline(recording, math.inf, RunnerProfile())
        before = n_open_files()
        async with serve([pipeline.state], controls_of([pipeline]), port=0) as page:
            crowd = Crowd(page.port)
            idle = [asyncio.create_task(crowd.visit("idle")) for _ in range(300)]
            opened = await until(lambda: n_open_files() - before >= server.MAX_CONNECTIONS)
            await asyncio.sleep(0.5)
            held = page.n_connections
            await asyncio.gather(*idle, return_exceptions=True)
            assert await until(lambda: page.n_connections == 0)
            await crowd.visit("watch")
            return opened, held

    opened, held = asyncio.run(scenario())
    assert opened
    assert held <= server.MAX_CONNECTIONS


@needs_proc
def test_open_web_sockets_are_limited_to_the_number_of_browsers():
    recording = steady_run(60.0, rate_hz=50.0).recording

    async def scenario():
        pipeline = replay_pipeline(recording, math.inf, RunnerProfile())
        async with serve([pipeline.state], controls_of([pipeline]), port=0) as page:
            crowd = Crowd(page.port)
            before = n_open_files()
            n_visits = MAX_BROWSERS + 40
            visits = [asyncio.create_task(crowd.sit()) for _ in range(n_visits)]
            assert await until(lambda: crowd.done["refused"] >= 40)
            assert await until(lambda: page.n_browsers == MAX_BROWSERS)
            assert crowd.done["refused"] == 40
            # both ends are here
            assert await until(lambda: n_open_files() - before <= 2 * MAX_BROWSERS)
            for task in visits:
                task.cancel()
            await asyncio.gather(*visits, return_exceptions=True)
            assert await until(lambda: page.n_browsers == 0)

    asyncio.run(scenario())


def test_every_browser_gets_the_updates_of_a_team_of_its_own_sensor():
    recording = steady_run(60.0, rate_hz=50.0).recording

    async def scenario():
        pipelines = [
            replay_pipeline(recording, math.inf, RunnerProfile(), name=f"runner {k}") for k in range(5)
        ]
        async with serve([one.state for one in pipelines], controls_of(pipelines), port=0) as page:
            await asyncio.gather(*(one.run() for one in pipelines))

            async def look(k):
                url = f"ws://127.0.0.1:{page.port}/ws?sensor={k}"
                browser = await websocket_connect(
                    HTTPRequest(url, headers={"Origin": f"http://127.0.0.1:{page.port}"})
                )
                update = json.loads(await browser.read_message())
                browser.close()
                return update

            return await asyncio.gather(*(look(k % 5) for k in range(40)))

    for k, update in enumerate(asyncio.run(scenario())):
        assert update["run"]["name"] == f"runner {k % 5}"
        assert len(update["team"]) == 5
        assert len(update["trends"]["rows"]) == update["run"]["n_steps"] > 50

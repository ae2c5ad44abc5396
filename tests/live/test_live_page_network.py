"""Who can reach the page from where, in a network of the test's own; and where its token can be read."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PORT = 5005
TOKEN = re.compile(r"\?token=([\w-]{32,})")
NEEDS = "needs network namespaces of its own: Linux, and the right to make them"

OTHER_ADDRESSES = """
set -e
ip link set lo up
ip link add here type veth peer name there
ip addr add 10.77.0.1/24 dev here; ip link set here up
ip addr add 10.88.0.1/32 dev lo
unshare -n sleep 600 & other=$!
trap 'kill $other' EXIT
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link set there netns $other
nsenter -t $other -n ip addr add 10.77.0.2/24 dev there
nsenter -t $other -n ip link set there up
nsenter -t $other -n ip link set lo up
nsenter -t $other -n ip route add 10.88.0.1 via 10.77.0.1
export OTHER=$other
"$@"
"""
"""A network with another machine in it (10.77.0.2), and this one's addresses 10.77.0.1 and 10.88.0.1."""

VISITS = """
import asyncio, http.client, os, subprocess, sys
from imurun.live.state import Controls
from imurun.live.page import serve
from imurun.live.state import RunState

ASK = '''
import http.client, sys
for line in sys.argv[1:]:
    host, name, path = line.split("|")
    connection = http.client.HTTPConnection(host, 5005, timeout=3)
    try:
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", name or host + ":5005")
        connection.endheaders()
        print(connection.getresponse().status)
    except OSError as error:
        print("none")
'''

async def ask(far, *lines):
    enter = ["nsenter", "-t", os.environ["OTHER"], "-n"] if far else []
    words = [*enter, sys.executable, "-c", ASK, *lines]
    child = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    return (await child.communicate())[0].decode().split()

async def main():
    states, controls = [RunState("a")], Controls(lambda *_: None, lambda: None)
    async with serve(states, controls) as page:
        print("alone near", *await ask(False, "127.0.0.1||/", "127.0.0.2||/", "10.77.0.1||/", "10.88.0.1||/"))
        strange = [f"127.0.0.1|{one}:5005|/" for one in ("evil.example", "10.77.0.1")]
        print("alone rebound", *await ask(False, *strange))
        print("alone far", *await ask(True, "10.77.0.1||/", "10.88.0.1||/", "127.0.0.1||/"))
    async with serve(states, controls, share=True) as page:
        token = page.address.partition("?token=")[2]
        other_case = token.swapcase()
        wrong = [token[:-1], other_case, token + "x", ""]
        tried = ["", *(f"?token={one}" for one in wrong), f"?Token={token}"]
        print("shared far", *await ask(True, *(f"10.77.0.1||/{one}" for one in tried)))
        true = f"?token={token}"
        shown = [f"10.77.0.1||/{true}", f"10.88.0.1||/{true}", f"10.77.0.1||/ws{true}"]
        print("shared far token", *await ask(True, *shown))
        print("shared far other page", *await ask(True, f"10.77.0.1|evil.example:5005|/"))
        print("shared near", *await ask(False, "127.0.0.1||/", "127.0.0.2||/", "10.88.0.1||/ws"))

asyncio.run(main())
"""


def test_the_page_is_reachable_only_at_its_address(tmp_path):
    if sys.platform != "linux" or not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        pytest.skip(NEEDS)
    words = ["unshare", "-n", "sh", "-c", OTHER_ADDRESSES, "sh", sys.executable, "-c", VISITS]
    if os.geteuid():
        words[1:1] = ["-r"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    if result.returncode and re.search("not permitted|denied|not supported|Unknown device", result.stderr):
        pytest.skip(NEEDS)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "alone near 200 none none none",
        "alone rebound 403 403",
        "alone far none none none",
        "shared far 403 403 403 403 403 403",
        "shared far token 200 200 400",
        "shared far other page 403",
        "shared near 403 403 403",
    ]


LOUD = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, filename=sys.argv.pop(1))
from imurun.live.page import handlers
def broken(self):
    raise RuntimeError(f"a fault on purpose: {self.request}")
handlers.FileHandler.get = broken
from imurun.cli.main import main
main()
"""


def test_the_token_is_only_where_it_is_printed_on_purpose(tmp_path):
    """At the most talkative, with faults in a handler: not in a log, file, list of processes, or answer."""
    from tests.live.test_live_page_session import answers, free_port, wait

    port, log = free_port(), tmp_path / "log"
    words = ["live", "--simulate", "--speed", "20", "--share", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", LOUD, log, *words, "--out", tmp_path / "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONASYNCIODEBUG": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        cwd=Path(__file__).parents[2],
    )
    try:
        assert wait(lambda: answers(port))
        assert process.stdout is not None
        token = ""
        while not token:
            found = TOKEN.search(process.stdout.readline())
            token = found[1] if found else ""
        told = [
            visit(port, path.format(token=token), cookie=cookie.format(port=port, token=token))
            for path, cookie in VISITED
        ]
        arguments = Path(f"/proc/{process.pid}/cmdline")
        listed = arguments.read_bytes().decode() if arguments.exists() else ""
        time.sleep(1.0)
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert [status for status, _ in told] == [200, 500, 403, 403, 404, 403, 500, 400]
    heads = [head for _, head in told]
    # answers with a page's content; the others have nothing that could send a browser anywhere
    assert all("Referrer-Policy: no-referrer" in heads[k] for k in (0, 1, 2, 3, 5, 6))
    assert [token in head for head in heads] == [True] + [False] * 7  # the cookie
    logged = log.read_text()
    assert "a fault on purpose" in logged
    assert "DEBUG" in logged
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} >= {".journal", ".parquet"}
    for file in kept:
        assert token.encode() not in file.read_bytes(), file.name
    assert token not in listed
    assert token not in err
    assert "Traceback" not in err
    store = Path(os.environ["IMURUN_STORE"])
    assert not [f for f in store.rglob("*") if f.is_file() and token.encode() in f.read_bytes()]


VISITED = [
    ("/?token={token}", ""),
    ("/page.js?token={token}", ""),
    ("/?token=x{token}", ""),
    ("/{token}", ""),
    ("/nowhere/{token}?token={token}", ""),
    ("/ws?x={token}", ""),
    ("/page.css", "imurun_{port}={token}"),
    ("/ws", "imurun_{port}={token}"),
]


def visit(port, path, cookie):
    """Status and head of the answer, with the body's text."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Cookie": cookie} if cookie else {}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    told = response.status, f"{response.headers}{response.read()!r}"
    connection.close()
    return told

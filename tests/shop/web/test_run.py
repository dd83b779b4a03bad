"""``troth-shop run``: says what it compiled, serves it where it says, leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "troth_shop.cli", "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> str:
    lines = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Stop with"):
            return "".join(lines)
    raise AssertionError("".join(lines))


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_shop_runs_as_told_keeps_its_state_and_ends_its_courier(
    tmp_path: Path, stop: signal.Signals
):
    process = start("--data", str(tmp_path), "--port", "0")
    try:
        text = said(process)
        assert re.search(r"zhihe_privacy [\d.]+, digest [0-9a-f]{16}", text)
        assert re.search(r"\d+ clauses: \d+ kept by built controls, \d+ not yet kept", text)
        address = re.search(r"Open\s+(http://127\.0\.0\.1:\d+)/", text)[1]
        phones = re.findall(r"Customer\s+(\d{11})\s+password (\S+)", text)
        assert len(phones) == 2
        (courier,) = children(process.pid)
        with httpx.Client(base_url=address, headers={"Origin": address}) as client:
            for phone, password in phones:
                entered = client.post("/login", data={"phone": phone, "password": password})
                assert entered.headers["location"] == "/my"
            name, password = re.search(r"Staff\s+(cashier)\s+password (\S+)", text).groups()
            entered = client.post("/staff/login", data={"name": name, "password": password})
            assert entered.headers["location"] == "/staff/orders"
            assert client.get("/outbox").status_code == 200
    finally:
        process.send_signal(stop)
        process.wait(timeout=20)
    deadline = time.monotonic() + 5
    while alive(courier) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(courier)
    assert (tmp_path / "troth.db").exists()


def test_without_a_folder_nothing_is_left_behind():
    process = start("--port", "0")
    try:
        folder = Path(re.search(r"Data\s+(\S+)", said(process))[1])
        assert (folder / "troth.db").exists()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert not folder.exists()


def test_it_is_served_on_this_machine_only():
    answer = subprocess.run(
        [sys.executable, "-m", "troth_shop.cli", "run", "--host", "0.0.0.0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "this machine only" in answer.stderr


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = start("--port", port)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Port {port}" in text


def test_a_folder_that_holds_no_database_is_named(tmp_path: Path):
    (tmp_path / "troth.db").write_bytes(b"nonsense" * 1000)
    process = start("--data", str(tmp_path))
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot open" in text

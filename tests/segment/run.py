#!/usr/bin/env python3
"""kiln run --switch: stations made of sockets speak with each other and with QEMU's user network.

usage: run.py KILN
"""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

KILN = os.path.abspath(sys.argv[1])
SRC = pathlib.Path(__file__).resolve().parents[2]
DEADLINE_S = 60
COUNT = {"passed": 0, "failed": 0}
GATEWAY4, GATEWAY6 = "192.168.15.1", "fd12:3456:789a:15::1"


def check(name, good, seen=""):
    COUNT["passed" if good else "failed"] += 1
    print(("ok - " if good else "not ok - ") + name + ("" if good else f"\n#   {seen}"))


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Station:
    def __init__(self, path, address, ip):
        self.mac, self.ip = mac(address), socket.inet_aton(ip)
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(DEADLINE_S)
        self.s.connect(path)

    def send(self, frame):
        frame = frame.ljust(60, b"\0")
        self.s.sendall(struct.pack(">I", len(frame)) + frame)

    def receive(self):
        (size,) = struct.unpack(">I", self.exactly(4))
        return self.exactly(size)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            if not more:
                raise EOFError("the switch has closed the port")
            data += more
        return data

    def wait(self, test, again=lambda: None):
        """The first frame of that kind; what was asked is asked again, as machines do."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if not select.select([self.s], [], [], 1)[0]:
                again()
                continue
            frame = self.receive()
            if test(frame):
                return frame
        raise TimeoutError("nothing came")

    def ask_arp(self, ip):
        self.send(b"\xff" * 6 + self.mac + struct.pack(">HHHBBH", 0x806, 1, 0x800, 6, 4, 1)
                  + self.mac + self.ip + b"\0" * 6 + socket.inet_aton(ip))

    def wait_arp(self, ip):
        want = socket.inet_aton(ip)
        return self.wait(lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\x02" and f[28:32] == want,
                         lambda: self.ask_arp(ip))[22:28]

    def answer(self, test):
        """The first frame of that kind; who asks for our address in between is told."""

        def look(f):
            if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\x01" and f[38:42] == self.ip:
                self.send(f[6:12] + self.mac + struct.pack(">HHHBBH", 0x806, 1, 0x800, 6, 4, 2)
                          + self.mac + self.ip + f[22:32])
            return test(f)

        return self.wait(look)

    def ask_neighbour(self, ip6, own6):
        target, own = socket.inet_pton(socket.AF_INET6, ip6), socket.inet_pton(socket.AF_INET6, own6)
        to = b"\xff\x02" + b"\0" * 9 + b"\x01\xff" + target[13:]
        icmp = b"\x87\0\0\0" + b"\0" * 4 + target + b"\x01\x01" + self.mac
        total = sum(struct.unpack(f">{(len(own + to + icmp)) // 2}H", own + to + icmp)) + len(icmp) + 58
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        icmp = icmp[:2] + struct.pack(">H", ~total & 0xFFFF) + icmp[4:]
        self.send(b"\x33\x33" + to[12:] + self.mac + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(icmp), 58, 255)
                  + own + to + icmp)

    def wait_neighbour(self, ip6, own6):
        target = socket.inet_pton(socket.AF_INET6, ip6)
        return self.wait(lambda f: f[12:14] == b"\x86\xdd" and f[54:55] == b"\x88" and f[62:78] == target,
                         lambda: self.ask_neighbour(ip6, own6))


def sum16(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ask_time(station, gateway, own, family):
    """One question of SNTP to the gateway, as a frame; the answer's seconds since 1970."""
    src, dst = socket.inet_pton(family, own), socket.inet_pton(family, gateway)
    ntp = b"\x23" + b"\0" * 39 + b"kilntest"
    udp = struct.pack(">HHHH", 40000, 123, 56, 0) + ntp
    udp = udp[:6] + struct.pack(">H", ~sum16(src + dst + struct.pack(">HH", 17, 56) + udp) & 0xFFFF) + udp[8:]
    if family == socket.AF_INET:
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 76, 1, 0, 64, 17, 0) + src + dst
        ip, kind, at = ip[:10] + struct.pack(">H", ~sum16(ip) & 0xFFFF) + ip[12:], b"\x08\0", 34
    else:
        ip, kind, at = struct.pack(">IHBB", 6 << 28, 56, 17, 64) + src + dst, b"\x86\xdd", 54
    frame = b"\x52\x55\0\0\0\x02" + station.mac + kind + ip + udp
    again = lambda: station.send(frame)  # noqa: E731
    again()
    f = station.wait(lambda f: f[12:14] == kind and f[at : at + 4] == b"\0\x7b\x9c\x40", again)
    good = f[at - 2 * len(src) : at] == dst + src and f[at + 32 : at + 40] == b"kilntest"
    good = good and sum16(dst + src + struct.pack(">HH", 17, 56) + f[at : at + 56]) == 0xFFFF
    return struct.unpack(">I", f[at + 48 : at + 52])[0] - 2208988800 if good else f.hex()


def lab(folder):
    text = re.sub(r"\n *binary: k3s.*", "", (SRC / "examples/lab/cluster.yaml").read_text(encoding="utf-8"))
    (folder / "cluster.yaml").write_text(text, encoding="utf-8")
    for name in ("net", "store", "web"):
        shutil.copytree(SRC / "examples/lab" / name, folder / name)


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid):
    end = time.monotonic() + DEADLINE_S
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.05)
    return not os.path.exists(f"/proc/{pid}")


def start(folder):
    path, forwards = str(folder / "switch"), folder / "forwards.json"
    forwards.unlink(missing_ok=True)
    run = subprocess.Popen([KILN, "run", "--switch", path, "--forwards", str(forwards)], cwd=folder,
                           stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + DEADLINE_S
    while not (os.path.exists(path) and forwards.exists()) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    if run.poll() is not None:
        raise RuntimeError(run.stderr.read())
    return run, path, json.loads(forwards.read_text(encoding="utf-8"))["nodes"]


def speak(path, nodes):
    hen = Station(path, "52:54:00:00:15:10", "192.168.15.10")
    goat = Station(path, "52:54:00:00:15:11", "192.168.15.11")
    hen.ask_arp("192.168.15.11")
    goat.answer(lambda f: f[6:12] == hen.mac)
    check("two stations find each other", hen.wait_arp("192.168.15.11") == goat.mac)
    hen.ask_arp(GATEWAY4)
    check("the gateway of cluster.yaml answers, by IPv4", len(hen.wait_arp(GATEWAY4)) == 6)
    goat.ask_neighbour(GATEWAY6, "fd12:3456:789a:15::11")
    check("and by IPv6", goat.wait_neighbour(GATEWAY6, "fd12:3456:789a:15::11")[22:38] == socket.inet_pton(socket.AF_INET6, GATEWAY6))
    for name, station, port in (("hen", hen, 22), ("goat", goat, 22), ("hen", hen, 6443)):
        desk = socket.create_connection(("127.0.0.1", nodes[name]["ssh" if port == 22 else "api"]), DEADLINE_S)
        syn = station.answer(lambda f: f[12:14] == b"\x08\0" and f[23] == 6 and f[30:34] == station.ip)
        check(f"a port of 127.0.0.1 leads to {name}'s {port}", struct.unpack(">H", syn[36:38])[0] == port, syn.hex())
        desk.close()
    for gateway, own, family in ((GATEWAY4, "192.168.15.10", socket.AF_INET), (GATEWAY6, "fd12:3456:789a:15::10", socket.AF_INET6)):
        told = ask_time(hen, gateway, own, family)
        check(f"{gateway} tells the time of this machine", isinstance(told, int) and abs(told - time.time()) < DEADLINE_S, told)
    late = Station(path, "52:54:00:00:15:12", "192.168.15.12")
    late.s.sendall(b"GET / HTTP/1.1\r\n\r\n")
    late.s.settimeout(DEADLINE_S)
    check("who speaks no Ethernet is put out", late.s.recv(1) == b"")
    hen.ask_arp(GATEWAY4)
    check("and nobody else", len(hen.wait_arp(GATEWAY4)) == 6)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lab(folder)
        run, path, nodes = start(folder)
        try:
            speak(path, nodes)
            (uplink,) = children(run.pid)
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(DEADLINE_S)
        check("SIGTERM ends it", run.returncode == -signal.SIGTERM, run.returncode)
        check("its socket is gone", not os.path.exists(path))
        check("so is the file that says where its ports lead", not (folder / "forwards.json").exists())
        check("its QEMU is gone", gone(uplink))
        run, path, _ = start(folder)
        (uplink,) = children(run.pid)
        run.kill()
        run.wait(DEADLINE_S)
        check("kill -9 leaves no QEMU", gone(uplink))
        run, path, _ = start(folder)
        check("the socket it left is taken over", Station(path, "52:54:00:00:15:13", "192.168.15.13") is not None)
        os.kill(children(run.pid)[0], signal.SIGKILL)
        said = run.communicate(timeout=DEADLINE_S)[1]
        check("without a way out it ends and says so", run.returncode == 1 and "the way out has ended" in said, said)
    print(f"{COUNT['passed']} passed, {COUNT['failed']} failed, 0 skipped")
    sys.exit(COUNT["failed"] != 0)


main()

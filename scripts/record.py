#!/usr/bin/env python3
"""Record a command's terminal as an asciicast and as an animated SVG for README.

usage: record.py OUT COMMAND [ARG...]     makes OUT.cast and OUT.svg
       record.py OUT                      makes OUT.svg of OUT.cast
The command gets a pseudo terminal of 100 x 30 and no input. Time is played FAST times as fast.
"""

import codecs
import html
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time
import fcntl

COLUMNS, ROWS = 100, 30
FRAMES = 40
FAST = 20
TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b.|[^\x1b]", re.S)


def record(cast, command):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    start = time.monotonic()
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    with open(cast, "w", encoding="utf-8") as f:
        f.write(json.dumps({"version": 2, "width": COLUMNS, "height": ROWS, "command": " ".join(command)}) + "\n")
        while True:
            select.select([fd], [], [])
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
            f.write(json.dumps([round(time.monotonic() - start, 3), "o", decode(data)]) + "\n")
            f.flush()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Screen:
    """What kiln's output needs of a terminal: lines, cursor up, erase."""

    def __init__(self):
        self.lines, self.row, self.col = [""] * ROWS, 0, 0

    def feed(self, text):
        for m in TOKEN.finditer(text):
            c = m.group(0)
            if m.group(2):
                self.control(m.group(1), m.group(2))
            elif c == "\n":
                self.row += 1
                if self.row == ROWS:
                    self.lines = self.lines[1:] + [""]
                    self.row -= 1
            elif c == "\r":
                self.col = 0
            elif c >= " ":
                if self.col == COLUMNS:
                    self.feed("\r\n")
                line = self.lines[self.row].ljust(self.col)
                self.lines[self.row] = line[: self.col] + c + line[self.col + 1 :]
                self.col += 1

    def control(self, args, what):
        if what == "A":
            self.row = max(0, self.row - int(args or 1))
        elif what == "K":
            self.lines[self.row] = self.lines[self.row][: self.col]
        elif what == "J":
            self.lines[self.row] = self.lines[self.row][: self.col]
            self.lines[self.row + 1 :] = [""] * (ROWS - self.row - 1)


def frames(cast):
    """(time, lines) where the picture changed, at most FRAMES of them; the last one always."""
    screen, seen = Screen(), []
    with open(cast, encoding="utf-8") as f:
        next(f)
        for line in f:
            t, _, text = json.loads(line)
            screen.feed(text)
            if seen and (t - seen[-1][0] < 1 or seen[-1][1] == screen.lines):
                seen[-1] = (seen[-1][0], list(screen.lines))
            else:
                seen.append((t, list(screen.lines)))
    step = max(1, -(-len(seen) // FRAMES))
    return seen[::step] + ([] if (len(seen) - 1) % step == 0 else seen[-1:])


def svg(cast, out):
    shown = frames(cast)
    first = shown[0][0]
    times = [(t - first) / FAST for t, _ in shown]
    total = times[-1] + 8
    w, h = COLUMNS * 8 + 24, ROWS * 17 + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}">',
        "<style>text{font:13px/17px ui-monospace,Menlo,Consolas,monospace;fill:#d7dae0;white-space:pre}</style>",
        f'<rect width="{w}" height="{h}" rx="8" fill="#1d2127"/>',
    ]
    for i, (_, lines) in enumerate(shown):
        begin = times[i] / total
        end = times[i + 1] / total if i + 1 < len(shown) else 1
        marks = sorted({0.0, begin, end})
        values = ["inline" if begin <= m < end else "none" for m in marks]
        still = "inline" if i + 1 == len(shown) else "none"
        parts.append(f'<g display="{still}">')
        parts.append(
            f'<animate attributeName="display" calcMode="discrete" repeatCount="indefinite" dur="{total:.2f}s" '
            f'values="{";".join(values)}" keyTimes="{";".join(f"{m:.5f}" for m in marks)}"/>'
        )
        for k, line in enumerate(lines):
            if line.strip():
                text = html.escape(line.rstrip())
                parts.append(f'<text x="12" y="{k * 17 + 25}" xml:space="preserve">{text}</text>')
        parts.append("</g>")
    parts.append("</svg>\n")
    with open(out, "w", encoding="utf-8") as f:
        f.write("\n".join(parts))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    name, command = sys.argv[1], sys.argv[2:]
    status = record(name + ".cast", command) if command else 0
    svg(name + ".cast", name + ".svg")
    sys.exit(status)


main()

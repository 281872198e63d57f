#!/usr/bin/env python3
"""play.py HEALTH-PORT VIP-PORT ADDRESS... - Cilium's agent and Traefik's address, as far as gates ask.

/healthz on 127.0.0.1:HEALTH-PORT is 200; VIP-PORT of each ADDRESS takes connections. Prints
"ready" when all listen."""
import http.server
import socket
import sys
import threading


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def accept(s):
    while True:
        s.accept()[0].close()


for address in sys.argv[3:]:
    s = socket.create_server((address, int(sys.argv[2])),
                             family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    threading.Thread(target=accept, args=(s,), daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Health)
print("ready", flush=True)
server.serve_forever()

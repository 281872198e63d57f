#!/usr/bin/env python3
"""hook.py PORT CERT KEY LOG: an admission webhook that lets all pass; LOG gets a line a question"""
import http.server
import json
import ssl
import sys


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[4], "a", encoding="utf-8") as log:
            print(ask["request"]["operation"], ask["request"]["name"], file=log)
        text = json.dumps({
            "apiVersion": ask["apiVersion"],
            "kind": ask["kind"],
            "response": {"uid": ask["request"]["uid"], "allowed": True},
        }).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[2], sys.argv[3])
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook)
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()

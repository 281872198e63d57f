#!/usr/bin/env python3
"""A K3s release as GitHub serves it, over HTTPS from this machine with a CA of its own.

usage: serve.py FOLDER     FOLDER/www is served; ca.crt and url are written into FOLDER
"""
import functools
import http.server
import os
import ssl
import subprocess
import sys

folder = sys.argv[1]


def openssl(*args):
    subprocess.run(("openssl",) + args, cwd=folder, check=True, capture_output=True)


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
openssl("req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test CA", "-days", "2")
openssl("req", *KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
with open(folder + "/ext", "w") as f:
    f.write("subjectAltName=DNS:localhost\n")
openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "ext", "-out", "server.crt")
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder + "/www")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/server.crt", folder + "/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(folder + "/url.new", "w") as f:
    f.write("https://localhost:%d/releases" % server.server_address[1])
os.rename(folder + "/url.new", folder + "/url")
server.serve_forever()

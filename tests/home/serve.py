#!/usr/bin/env python3
"""What examples/home asks the internet for, on this machine: a K3s release over HTTPS with a CA
of its own, and registries with small images under the names of the reference manifests.

usage: serve.py FOLDER     FOLDER/www is served, FOLDER/images lists names without digests;
                           ca.crt, registries.conf and, last, url are written into FOLDER
"""
import atexit
import functools
import http.server
import os
import signal
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../images"))
from registry import Registry

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
registry = Registry(folder + "/registry")
atexit.register(registry.close)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
hosts = set()
with open(folder + "/images") as f:
    for name in f.read().split():
        repo, tag = name.rsplit(":", 1)
        hosts.add(repo.split("/")[0])
        registry.index(repo, tag, ["amd64", "arm64"])
with open(registry.conf) as f, open(folder + "/registries.conf", "w") as g:
    text = f.read()
    g.write(text)
    for host in sorted(hosts):
        if f'prefix = "{host}"' not in text:
            g.write(f'[[registry]]\nprefix = "{host}"\nlocation = "localhost:{registry.front.server_port}/{host}"\ninsecure = true\n')
with open(folder + "/url.new", "w") as f:
    f.write("https://localhost:%d/releases" % server.server_address[1])
os.rename(folder + "/url.new", folder + "/url")
server.serve_forever()

"""What the cases of kiln update and fetch stand on: a local HTTPS server, a cluster folder, a cache."""
import hashlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading

BUILD = os.path.abspath(sys.argv[1])
SRC = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
ARCH = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
VERSION = "v1.35.2+k3s1"
BINARY = "k3s" if ARCH == "amd64" else "k3s-arm64"
IMAGES = f"k3s-airgap-images-{ARCH}.tar.zst"
PREFIX = "/releases/v1.35.2%2Bk3s1/"


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves server.files; server.cut: path -> bytes after which the connection breaks, once.
    server.stall: paths whose second half never comes; server.short: paths that always break there."""

    def do_GET(self):
        s = self.server
        s.seen.append((self.path, self.headers.get("Range")))
        data = s.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = 0
        if self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = s.cut.pop(self.path, None)
        if self.path in s.stall or self.path in s.short:
            cut = max(start, len(data) // 2)
        self.wfile.write(data[start:cut])
        if self.path in s.stall:
            self.wfile.flush()
            s.over.wait()
        if cut is not None:
            self.close_connection = True

    def log_message(self, *_):
        pass


class Place:
    """A server, a cluster folder and a cache."""

    def __init__(self, path, lock):
        self.path = path
        self.cluster = path + "/cluster.yaml"
        self.data = path + "/data"
        self.make_data()
        self.make_tls()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(path + "/server.crt", path + "/server.key")
        self.server.socket = ctx.wrap_socket(self.server.socket, server_side=True)
        self.server.seen, self.server.cut, self.server.files = [], {}, {}
        self.server.stall, self.server.short, self.server.over = set(), set(), threading.Event()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"https://localhost:{self.server.server_address[1]}/releases"
        self.binary, self.images = os.urandom(300_000), os.urandom(900_000)
        self.serve()
        if lock:
            self.lock()

    def make_data(self):
        os.makedirs(self.data + "/boards/small")
        os.makedirs(self.data + "/overlays")
        for name in ("bundle", ):
            os.symlink(f"{SRC}/{name}", f"{self.data}/{name}")
        os.symlink(f"{BUILD}/share/kiln/agent", self.data + "/agent")
        shutil.copy(SRC + "/tests/twin/small/packages", self.data + "/overlays/packages")
        with open(SRC + "/tests/twin/small/board.yaml") as f:
            text = f.read().replace("@ARCH@", ARCH).replace("@BOOT@", "uefi")
        with open(self.data + "/boards/small/board.yaml", "w") as f:
            f.write(text)
        with open(SRC + "/tests/twin/small/cluster.yaml") as f:
            text = f.read().replace("    binary: /bin/true\n", "")
        # a component without a chart: what is tested here are K3s' release and the packages
        text = text.replace("  - cilium\n", "  - net: {path: ./net}\n")
        shutil.copytree(SRC + "/tests/qemu/net", os.path.dirname(self.cluster) + "/net")
        with open(self.cluster, "w") as f:
            f.write(text)

    def make_tls(self):
        def openssl(*args):
            subprocess.run(["openssl"] + list(args), cwd=self.path, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
                "ca.crt", "-subj", "/CN=test CA", "-days", "2")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out",
                "server.csr", "-subj", "/CN=localhost")
        with open(self.path + "/ext", "w") as f:
            f.write("subjectAltName=DNS:localhost\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "ext", "-out", "server.crt")

    def serve(self):
        sums = f"{sha(self.images)}  {IMAGES}\n{sha(b'x')}  {IMAGES.removesuffix('.zst')}\n{sha(self.binary)}  {BINARY}\n"
        self.server.files = {PREFIX + f"sha256sum-{ARCH}.txt": sums.encode(), PREFIX + BINARY: self.binary,
                             PREFIX + IMAGES: self.images}

    def lock(self, **changed):
        """A lock as kiln update writes it, with no packages: those are apt's matter."""
        files = [{"name": n, "version": VERSION, "arch": ARCH, "sha256": sha(d), "url": f"{self.url}/v1.35.2%2Bk3s1/{f}"}
                 for n, d, f in (("k3s", self.binary, BINARY), ("k3s-airgap-images", self.images, IMAGES))]
        files[0].update(changed)
        with open(self.path + "/kiln.lock", "w") as f:
            json.dump({"kiln_lock": 1, "files": files, "packages": [], "sets": []}, f)

    def env(self, **extra):
        e = dict(os.environ, KILN_CACHE=self.path + "/cache", KILN_DATADIR=self.data, KILN_K3S_URL=self.url,
                 SSL_CERT_FILE=self.path + "/ca.crt")
        e.pop("https_proxy", None)
        e.update(extra)
        return e

    def kiln(self, command, *args, ok=True, **extra):
        r = subprocess.run([BUILD + "/kiln", command, "-f", self.cluster, *args], env=self.env(**extra), capture_output=True,
                           text=True)
        assert (r.returncode == 0) == ok, f"exit {r.returncode}: {r.stdout}{r.stderr}"
        return r.stdout if ok else r.stderr

    def tool(self, *args, ok=True):
        r = subprocess.run([BUILD + "/tests/twin/base-tool", self.cluster, "small"] + list(args), env=self.env(),
                           capture_output=True, text=True)
        assert (r.returncode == 0) == ok, f"exit {r.returncode}: {r.stdout}{r.stderr}"
        return r.stderr

    def cached(self, data):
        path = f"{self.path}/cache/sha256/{sha(data)}"
        if not os.path.exists(path):
            return False
        with open(path, "rb") as f:
            assert f.read() == data
        return True


def sha(data):
    return hashlib.sha256(data).hexdigest()


def has(text, *parts):
    for p in parts:
        assert p in text, f"{p!r} is not in: {text}"

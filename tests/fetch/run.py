#!/usr/bin/env python3
"""kiln update, kiln fetch and --offline against a local HTTPS server with a CA of its own.

usage: run.py BUILD_DIR [--full]     --full: the cases that wait for deadlines
"""
import hashlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.path.abspath(sys.argv[1])
SRC = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
ARCH = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
VERSION = "v1.35.2+k3s1"
BINARY = "k3s" if ARCH == "amd64" else "k3s-arm64"
IMAGES = f"k3s-airgap-images-{ARCH}.tar.zst"
PREFIX = "/releases/v1.35.2%2Bk3s1/"
cases = []
full_cases = []


def case(fn):
    cases.append(fn)
    return fn


def full_case(fn):
    full_cases.append(fn)
    return fn


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

    def kiln(self, command, ok=True, **extra):
        r = subprocess.run([BUILD + "/kiln", command, "-f", self.cluster], env=self.env(**extra), capture_output=True,
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


@case
def fetch_brings_both_files(p):
    has(p.kiln("fetch"), "all 0 packages and 2 files")
    assert p.cached(p.binary) and p.cached(p.images)
    p.server.seen.clear()
    p.kiln("fetch")
    assert p.server.seen == [], p.server.seen


@case
def fetch_resumes_what_broke(p):
    p.server.cut[PREFIX + IMAGES] = 400_000
    p.kiln("fetch")
    assert p.cached(p.images)
    ranges = [r for path, r in p.server.seen if path == PREFIX + IMAGES]
    assert ranges[0] is None and ranges[1] and 0 < int(ranges[1][6:-1]) <= 400_000, ranges


@full_case
def fetch_gives_up_on_a_stalled_server(p):
    """Six tries of 30 s without a byte, and the waits between them."""
    p.server.stall.add(PREFIX + IMAGES)
    start = time.monotonic()
    has(p.kiln("fetch", ok=False), "cannot fetch k3s-airgap-images v1.35.2+k3s1")
    took = time.monotonic() - start
    p.server.over.set()
    assert 100 < took < 400, took
    assert p.cached(p.binary) and not p.cached(p.images)
    # the server is well again: the second half alone is asked for
    p.server.stall.clear()
    p.server.seen.clear()
    p.kiln("fetch")
    assert p.cached(p.images)
    assert [r for path, r in p.server.seen if path == PREFIX + IMAGES] == [f"bytes={len(p.images) // 2}-"], p.server.seen


@full_case
def fetch_gives_up_on_a_truncated_archive(p):
    p.server.short.add(PREFIX + IMAGES)
    has(p.kiln("fetch", ok=False), "cannot fetch k3s-airgap-images v1.35.2+k3s1")
    assert not p.cached(p.images)


@case
def fetch_refuses_a_wrong_digest(p):
    p.lock(sha256=sha(b"other"))
    has(p.kiln("fetch", ok=False), "k3s v1.35.2+k3s1", sha(b"other"), sha(p.binary))
    assert not p.cached(p.binary)
    assert not os.path.exists(f"{p.path}/cache/sha256/{sha(b'other')}")


@case
def fetch_says_404(p):
    del p.server.files[PREFIX + BINARY]
    has(p.kiln("fetch", ok=False), "cannot fetch k3s v1.35.2+k3s1", "404")


@case
def fetch_refuses_an_unknown_ca(p):
    has(p.kiln("fetch", ok=False, SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt"), "certificate")
    assert not p.server.seen


@case
def fetch_names_the_missing_lock(p):
    os.unlink(p.path + "/kiln.lock")
    has(p.kiln("fetch", ok=False), "kiln.lock", "'kiln update' makes it")


@case
def fetch_refuses_a_damaged_lock(p):
    with open(p.path + "/kiln.lock", "w") as f:
        f.write('{"kiln_lock": 2}')
    has(p.kiln("fetch", ok=False), "kiln.lock", "version 2")
    p.lock(sha256="12")
    has(p.kiln("fetch", ok=False), "'12' is no SHA-256")


@case
def offline_names_the_command(p):
    has(p.tool("k3s=" + p.path, "offline", ok=False), "k3s v1.35.2+k3s1", "'kiln fetch' brings it")
    assert not p.server.seen
    has(p.tool("offline", ok=False), "'kiln update' resolves them")


@case
def another_version_asks_for_update(p):
    p.lock(version="v1.34.1+k3s1")
    has(p.tool("k3s=" + p.path, ok=False), "k3s v1.35.2+k3s1", "'kiln update' resolves it")


@case
def k3s_is_installed_as_its_installer_does(p):
    root = p.path + "/root"
    os.mkdir(root)
    p.tool("k3s=" + root)
    with open(root + "/usr/local/bin/k3s", "rb") as f:
        assert f.read() == p.binary
    assert os.stat(root + "/usr/local/bin/k3s").st_mode & 0o7777 == 0o755
    for link in ("kubectl", "crictl", "ctr"):
        assert os.readlink(f"{root}/usr/local/bin/{link}") == "k3s"
    images = root + "/var/lib/rancher/k3s/agent/images"
    assert sorted(os.listdir(images)) == [".cache.json", IMAGES]
    assert os.path.getsize(images + "/.cache.json") == 0
    with open(f"{images}/{IMAGES}", "rb") as f:
        assert f.read() == p.images


@case
def a_damaged_cache_reaches_no_image(p):
    p.kiln("fetch")
    with open(f"{p.path}/cache/sha256/{sha(p.images)}", "r+b") as f:
        f.truncate(1000)
    os.mkdir(p.path + "/root")
    has(p.tool("k3s=" + p.path + "/root", ok=False), "is damaged", sha(p.images), "kiln fetch")


@case
def a_local_binary_needs_no_release(p):
    with open(p.cluster) as f:
        text = f.read()
    with open(p.cluster, "w") as f:
        f.write(text.replace("    version: v1.35.2+k3s1\n", "    version: v1.35.2+k3s1\n    binary: own/k3s\n"))
    has(p.tool("k3s=" + p.path, ok=False), "own/k3s", "No such file")
    os.mkdir(p.path + "/own")
    os.mkdir(p.path + "/root")
    with open(p.path + "/own/k3s", "wb") as f:
        f.write(b"mine")
    p.tool("k3s=" + p.path + "/root")
    with open(p.path + "/root/usr/local/bin/k3s", "rb") as f:
        assert f.read() == b"mine"
    assert not p.server.seen


@case
def update_without_a_mirror_names_the_key(p):
    with open(p.path + "/apt.conf", "w") as f:
        f.write('Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "-";\n')
    has(p.kiln("update", ok=False, APT_CONFIG=p.path + "/apt.conf"), "knows no mirror", "'apt-get update'", "system.mirror")
    assert not os.path.exists(p.path + "/cache/apt")


@case
def update_locks_release_and_packages(p):
    """apt's part is real: needs the mirror."""
    p.server.files = {}
    has(p.kiln("update", ok=False), "no K3s release 'v1.35.2+k3s1'", "404", "cluster.k3s.version")
    p.serve()
    p.kiln("update")
    with open(p.path + "/kiln.lock") as f:
        lock = json.load(f)
    got = {f["name"]: (f["version"], f["arch"], f["sha256"], f["url"]) for f in lock["files"]}
    assert got == {"k3s": (VERSION, ARCH, sha(p.binary), f"{p.url}/v1.35.2%2Bk3s1/{BINARY}"),
                   "k3s-airgap-images": (VERSION, ARCH, sha(p.images), f"{p.url}/v1.35.2%2Bk3s1/{IMAGES}")}, got
    ids = {f"{k['name']}_{k['version']}_{k['arch']}" for k in lock["packages"]}
    assert {s["board"] for s in lock["sets"]} == {"small", "native:small"}
    for s in lock["sets"]:
        assert set(s["packages"]) <= ids and any(k.startswith("systemd_") for k in s["packages"])
    # packages come from where the lock says that nodes get theirs
    mirrors = tuple(lock[k] + "/pool/" for k in ("mirror", "security_mirror") if k in lock)
    assert "mirror" in lock and all(k["url"].startswith(mirrors) for k in lock["packages"]), mirrors
    # a package more in cluster.yaml is not silently left out
    with open(p.data + "/overlays/packages", "a") as f:
        f.write("hello\n")
    has(p.tool("offline", ok=False), "package 'hello' is not in kiln.lock", "'kiln update' resolves it")


def main():
    passed = failed = 0
    for fn in full_cases if "--full" in sys.argv else cases:
        with tempfile.TemporaryDirectory(prefix="kiln-fetch-") as d:
            try:
                fn(Place(d, not fn.__name__.startswith("update_")))
            except (AssertionError, subprocess.CalledProcessError, OSError, KeyError) as e:
                failed += 1
                print(f"not ok {fn.__name__}: {e} {getattr(e, 'stderr', '') or ''}")
            else:
                passed += 1
                print(f"ok {fn.__name__}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())

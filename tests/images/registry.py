"""A registry on loopback: Debian's docker-registry, images made on the spot, and a server in
front of it that counts what is asked and can cut, change or refuse answers."""
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import socket
import ssl
import subprocess
import tarfile
import threading
import time

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest."


def sha(data):
    return hashlib.sha256(data).hexdigest()


def digest(data):
    return "sha256:" + sha(data)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Front(http.server.BaseHTTPRequestHandler):
    """GET and HEAD go on to the registry; server.faults: [path ends with, what, how often]."""
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        s = self.server
        c = http.client.HTTPConnection("127.0.0.1", s.behind, timeout=60)
        c.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for k, v in self.headers.items():  # several lines of Accept
            if k.lower() != "accept-encoding":
                c.putheader(k, v)
        c.endheaders()
        r = c.getresponse()
        data = r.read()
        s.seen.append(self.path)
        fault = None
        for f in s.faults:
            if self.path.endswith(f[0]) and self.command == "GET" and f[2] > 0:
                f[2] -= 1
                fault = f[1]
                break
        self.send_response(503 if fault == "refuse" else r.status)
        for k, v in r.getheaders():
            if k.lower() not in ("content-length", "connection", "date", "transfer-encoding"):
                self.send_header(k, v)
        length = r.getheader("Content-Length") if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == "change":
            data = bytes([data[0] ^ 1]) + data[1:]
        if fault == "cut":
            data = data[:len(data) // 2]
            self.close_connection = True
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Registry:
    def __init__(self, path, tls=False):
        self.path, self.port = path, free_port()
        os.makedirs(path)
        with open(path + "/registry.yml", "w") as f:
            f.write(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {path}/data}}}}\n"
                    f"http: {{addr: '127.0.0.1:{self.port}', secret: x}}\nlog: {{level: error}}\n")
        self.log = open(path + "/log", "w")
        self.process = subprocess.Popen(["docker-registry", "serve", path + "/registry.yml"], stdout=self.log, stderr=self.log)
        self.wait()
        self.front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
        self.front.daemon_threads = True
        self.front.behind, self.front.seen, self.front.faults = self.port, [], []
        if tls:
            self.make_tls()
        threading.Thread(target=self.front.serve_forever, daemon=True).start()
        self.write_conf(tls)

    def wait(self):
        for _ in range(1200):
            try:
                self.request("GET", "/v2/")
                return
            except OSError:
                assert self.process.poll() is None, "docker-registry ended"
                time.sleep(0.1)
        raise AssertionError("docker-registry does not answer")

    def make_tls(self):
        def openssl(*args):
            subprocess.run(["openssl"] + list(args), cwd=self.path, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out",
                "ca.crt", "-subj", "/CN=test", "-days", "2", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(self.path + "/ca.crt", self.path + "/key.pem")
        self.front.socket = ctx.wrap_socket(self.front.socket, server_side=True)

    def write_conf(self, tls):
        """The hosts that pods name, each a path of ours: what a user's mirror would be."""
        self.conf = self.path + "/registries.conf"
        with open(self.conf, "w") as f:
            f.write("unqualified-search-registries = []\n")
            for host in ("quay.io", "docker.io", "registry.k8s.io", "registry.example.org"):
                f.write(f"[[registry]]\nprefix = \"{host}\"\nlocation = \"localhost:{self.front.server_port}/{host}\"\n"
                        f"insecure = {'false' if tls else 'true'}\n")

    def request(self, method, path, data=None, kind=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, data, {"Content-Type": kind} if kind else {})
        r = c.getresponse()
        text = r.read()
        assert r.status < 300, (method, path, r.status, text)
        return r

    def put_blob(self, repo, data):
        where = self.request("POST", f"/v2/{repo}/blobs/uploads/", b"").getheader("Location").split(f":{self.port}", 1)[-1]
        self.request("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest(data)}", data, "application/octet-stream")

    def put_manifest(self, repo, ref, data, kind):
        self.request("PUT", f"/v2/{repo}/manifests/{ref}", data, kind)

    def image(self, repo, arch, docker=False, plain=False, extra=b""):
        """One platform: (manifest, its media type, blobs)"""
        o = io.BytesIO()
        with tarfile.open(fileobj=o, mode="w") as t:
            # incompressible, so that half of it is something
            text = b"".join(hashlib.sha256(f"{repo} {arch} {i}".encode()).digest() for i in range(2000)) + extra
            i = tarfile.TarInfo("hello.txt")
            i.size = len(text)
            t.addfile(i, io.BytesIO(text))
        layer = o.getvalue() if plain else gzip.compress(o.getvalue(), mtime=0)
        config = json.dumps({"architecture": arch, "os": "linux", "config": {"Cmd": ["/hello"]},
                             "rootfs": {"type": "layers", "diff_ids": [digest(o.getvalue())]}}).encode()
        kinds = [DOCKER + "v2+json", "application/vnd.docker.container.image.v1+json",
                 "application/vnd.docker.image.rootfs.diff.tar.gzip"] if docker else [
                 OCI + "manifest.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar" + ("" if plain else "+gzip")]
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kinds[0],
                               "config": {"mediaType": kinds[1], "digest": digest(config), "size": len(config)},
                               "layers": [{"mediaType": kinds[2], "digest": digest(layer), "size": len(layer)}]}, indent=3).encode()
        for b in (config, layer):
            self.put_blob(repo, b)
        return manifest, kinds[0], [config, layer]

    def single(self, repo, tag, arch, **how):
        manifest, kind, blobs = self.image(repo, arch, **how)
        self.put_manifest(repo, tag, manifest, kind)
        return {"top": manifest, arch: (manifest, blobs)}

    def index(self, repo, tag, archs, docker=False, **how):
        """An index as registries have them: white space of its own, an attestation beside the platforms."""
        ret, entries = {}, []
        for arch in archs:
            manifest, kind, blobs = self.image(repo, arch, docker=docker, **how)
            self.put_manifest(repo, digest(manifest), manifest, kind)
            ret[arch] = (manifest, blobs)
            entries.append({"mediaType": kind, "digest": digest(manifest), "size": len(manifest),
                            "platform": {"architecture": arch, "os": "linux", **({"variant": "v8"} if arch == "arm64" else {})}})
        if not docker:
            manifest, kind, _ = self.image(repo, "unknown", extra=b"attestation")
            self.put_manifest(repo, digest(manifest), manifest, kind)
            entries.insert(0, {"mediaType": kind, "digest": digest(manifest), "size": len(manifest),
                               "platform": {"architecture": "unknown", "os": "unknown"}})
        body = {"schemaVersion": 2, "manifests": entries}
        kind = DOCKER + "list.v2+json" if docker else OCI + "index.v1+json"
        if docker:
            body["mediaType"] = kind
        ret["top"] = json.dumps(body, indent=5).encode() + b"\n"
        self.put_manifest(repo, tag, ret["top"], kind)
        return ret

    def close(self):
        self.front.shutdown()
        self.process.terminate()
        self.process.wait()
        self.log.close()

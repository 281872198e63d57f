#!/usr/bin/env python3
"""kiln update, kiln fetch and --offline against a local HTTPS server with a CA of its own.

usage: run.py BUILD_DIR [--full]     --full: the cases that wait for deadlines
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from place import ARCH, BINARY, BUILD, IMAGES, PREFIX, SRC, VERSION, Place, has, sha

cases = []
full_cases = []


def case(fn):
    cases.append(fn)
    return fn


def full_case(fn):
    full_cases.append(fn)
    return fn


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
    # components alone: apt has no sources, the release's server knows nothing, and the base stays
    with open(p.path + "/kiln.lock", "rb") as f:
        before = f.read()
    files, p.server.files = p.server.files, {}
    with open(p.path + "/apt.conf", "w") as f:
        f.write('Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "-";\n')
    has(p.kiln("update", ok=False, APT_CONFIG=p.path + "/apt.conf"), "404")
    p.kiln("update", "--components", APT_CONFIG=p.path + "/apt.conf")
    with open(p.path + "/kiln.lock", "rb") as f:
        assert f.read() == before
    p.server.files = files
    # a package more in cluster.yaml is not silently left out
    with open(p.data + "/overlays/packages", "a") as f:
        f.write("hello\n")
    has(p.tool("offline", ok=False), "package 'hello' is not in kiln.lock", "'kiln update' resolves it")


def lab(p, real, commands, **extra):
    """Commands of a shell that has the demo's functions, in a folder of its own."""
    os.makedirs(p.path + "/lab", exist_ok=True)
    env = p.env(src=SRC, kiln=BUILD + "/kiln", real=real, CURL_CA_BUNDLE=p.path + "/ca.crt", **extra)
    env.pop("KILN_DATADIR")
    return subprocess.run(["bash", "-c", '. "$src/scripts/lab.sh"; ' + commands], env=env, cwd=p.path + "/lab",
                          capture_output=True, text=True)


@case
def lab_takes_the_release_where_its_server_answers(p):
    p.server.files[PREFIX + "sha256sum-amd64.txt"] = b"x"
    assert lab(p, "", "lab_release_answers").returncode == 0
    p.server.files = {}
    assert lab(p, "", "lab_release_answers").returncode != 0
    assert lab(p, "", "lab_release_answers", KILN_K3S_URL="https://localhost:1").returncode != 0


@case
def lab_with_a_real_k3s_has_a_real_network(p):
    os.makedirs(p.path + "/lab")
    for name in ("k3s", "k3s-arm64"):
        shutil.copy("/bin/true", f"{p.path}/lab/{name}")
    for real in ("release", p.path + "/real"):
        r = lab(p, real, "lab_cluster && $kiln check && $kiln plan hen")
        assert r.returncode == 0, r.stdout + r.stderr
        with open(p.path + "/lab/cluster.yaml") as f:
            text = f.read()
        has(text, "- cilium\n")
        assert "- net:" not in text and ("binary: k3s" in text) == (real != "release"), text


@case
def lab_brings_helm_for_a_real_network(p):
    os.makedirs(p.path + "/bin")
    with open(p.path + "/bin/make", "w") as f:
        f.write('#!/bin/sh\necho "built: $*" >&2\necho /opt/helm\n')
    os.chmod(p.path + "/bin/make", 0o755)
    path = p.path + "/bin:/usr/bin:/bin"
    r = lab(p, "release", 'lab_helm && echo "$KILN_HELM"', PATH=path, KILN_HELM="/nowhere/helm")
    assert r.stdout == "/opt/helm\n" and "built" in r.stderr, r.stdout + r.stderr
    assert "built" not in lab(p, "release", "lab_helm", PATH=path, KILN_HELM="/bin/true").stderr
    assert "built" not in lab(p, "", "lab_helm", PATH=path).stderr


@case
def lab_takes_a_folder_with_a_real_k3s(p):
    os.makedirs(p.path + "/real")
    for name in ("k3s", "k3s-arm64"):
        with open(f"{p.path}/real/{name}", "w") as f:
            f.write(name)
    r = lab(p, p.path + "/real", "lab_k3s")
    assert r.returncode == 0, r.stderr
    for name in ("k3s", "k3s-arm64"):
        with open(f"{p.path}/lab/{name}") as f:
            assert f.read() == name and os.access(f.name, os.X_OK)
    os.unlink(p.path + "/real/k3s-arm64")
    assert lab(p, p.path + "/real", "lab_k3s").returncode != 0


@case
def lab_locks_again_when_the_file_has_changed(p):
    do = 'lab_cluster; lab_update() { echo asked; : >kiln.lock; }; lab_lock'
    assert lab(p, "none", do).stdout.endswith("asked\n")
    assert "asked" not in lab(p, "none", do).stdout
    assert "asked" in lab(p, "none", "lab_cluster; echo '# x' >>web/web.yaml; " + do.split("; ", 1)[1]).stdout
    # without a network the old one serves what it was made for, and nothing else
    gone = do.replace(": >kiln.lock", "return 1")
    assert lab(p, "none", gone).returncode == 1
    lab(p, "none", do)
    assert lab(p, "none", "touch -d '8 days ago' lock.of; " + gone).returncode == 0


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

"""Who reads the archive: skopeo, a bake, containerd, and K3s' own import."""
import json
import os
import subprocess
import tarfile

from containerd import Containerd, need_containerd
from place import ARCHS, BUILD, case, has, standard
from registry import digest, sha


@case
def skopeo_reads_the_archive(p):
    made, names = standard(p)
    p.update()
    out = p.fetch()
    for arch in ARCHS:
        path = p.archive(arch, out)
        os.mkdir(f"{p.path}/{arch}")
        with tarfile.open(path) as t:
            # Python 3.11.2, Debian 12's, has no filters; the archive is our own
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            t.extractall(f"{p.path}/{arch}", **safe)
        # by the name with a tag alone: skopeo takes no '@' in a name of a layout
        got = json.loads(p.run("skopeo", "--override-arch", arch, "inspect", f"oci:{p.path}/{arch}:{names['multi']}"))
        assert got["Architecture"] == arch and got["Digest"] == digest(made["multi"]["top"]), got
        p.run("skopeo", "--override-arch", arch, "copy", "-q", f"oci:{p.path}/{arch}:{names['multi']}", f"dir:{p.path}/{arch}-out")
        assert os.path.getsize(f"{p.path}/{arch}-out/{sha(made['multi'][arch][1][1])}") == len(made["multi"][arch][1][1])


@case
def bake_puts_the_archive_where_k3s_imports_it(p):
    standard(p)
    p.update()
    out = p.fetch()
    p.r.front.seen.clear()
    for board, arch in (("m910q", "amd64"), ("rpi5", "arm64")):
        root = f"{p.path}/root-{arch}"
        p.install(board, root, "offline")
        images = root + "/var/lib/rancher/k3s/agent/images"
        assert sorted(os.listdir(images)) == [".cache.json", f"kiln-images-{arch}.tar"]
        assert os.path.getsize(images + "/.cache.json") == 0
        with open(f"{images}/kiln-images-{arch}.tar", "rb") as f, open(p.archive(arch, out), "rb") as g:
            assert f.read() == g.read()
    assert p.r.front.seen == [], p.r.front.seen


@case
def offline_asks_no_registry(p):
    made, _ = standard(p)
    p.update()
    p.r.front.seen.clear()
    has(p.install("rpi5", p.path + "/root", "offline", ok=False), "for arm64 is not in the cache; 'kiln fetch' brings it")
    assert p.r.front.seen == []
    # without the option it is brought
    p.install("rpi5", p.path + "/root2")
    assert p.has_blob(made["multi"]["arm64"][1][1]) and not p.has_blob(made["multi"]["amd64"][1][1])


@case
def a_bake_without_locked_images_says_so(p):
    p.r.index("quay.io/x/multi", "v1", ["amd64", "arm64"])
    p.pods("quay.io/x/multi:v1")
    p.run(BUILD + "/kiln", "init")
    has(p.run(BUILD + "/kiln", "bake", "--offline", ok=False), "app/m.yaml:7:12: component 'app': image 'quay.io/x/multi:v1' is not in kiln.lock",
        "'kiln update' resolves images")
    p.update()
    with open(p.path + "/kiln.lock") as f:
        lock = json.load(f)
    lock["images"][0]["platforms"].pop()
    with open(p.path + "/kiln.lock", "w") as f:
        json.dump(lock, f)
    has(p.run(BUILD + "/kiln", "bake", "--offline", ok=False), "is in kiln.lock without linux/arm64, which board 'rpi5' needs")


@case
def containerd_imports_with_the_very_names(p):
    need_containerd()
    made, names = standard(p)
    p.update()
    arch = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    d = Containerd(p.path + "/containerd")
    try:
        d.ctr("images", "import", "--no-unpack", p.archive(arch))
        rows = {l.split()[0]: l.split() for l in d.ctr("images", "check").decode().splitlines()[1:]}
        for k, name in names.items():
            for n in (name, name.split("@")[0].removesuffix(":v1").removesuffix(":stable") + "@" + digest(made[k]["top"])):
                assert n in rows, (n, list(rows))
                # the index's own digest, and all of this machine's platform there
                assert rows[n][2] == digest(made[k]["top"]) and rows[n][3] == "complete", rows[n]
            for blob in [made[k]["top"], made[k][arch][0], *made[k][arch][1]]:
                assert d.ctr("content", "get", digest(blob)) == blob
        assert len(rows) == 5, list(rows)
    finally:
        d.close()


# of the suite images-k3s
def k3s_imports_both_architectures(p):
    """The very call of K3s, all platforms and missing ones skipped, then each name as a kubelet asks for it."""
    need_containerd()
    program = os.environ["KILN_K3S_IMPORT"]
    made, names = standard(p)
    p.update()
    out = p.fetch()
    for arch in ARCHS:
        d = Containerd(f"{p.path}/containerd-{arch}")
        try:
            rows = p.run(program, d.sock, p.archive(arch, out), "linux/" + arch).splitlines()
        finally:
            d.close()
        got = {r.split()[0]: r.split()[1:] for r in rows}
        for k, name in names.items():
            assert got[name] == [digest(made[k]["top"]), digest(made[k][arch][1][0])], (name, got)

"""What `kiln fetch` brings, keeps, refuses and tries again."""
import json
import os
import shutil
import subprocess
import time

from place import ARCHS, BUILD, case, has, read_tar, standard
from registry import Registry, digest, sha


@case
def fetch_writes_an_archive_for_each_architecture(p):
    made, names = standard(p)
    p.update()
    out = p.fetch()
    for arch in ARCHS:
        members, texts = read_tar(p.archive(arch, out))
        assert members[:2] == ["oci-layout", "index.json"] and members[2:] == sorted(members[2:])
        assert json.loads(texts["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
        want = set()
        for k in made:
            want |= {sha(b) for b in [made[k]["top"], made[k][arch][0], *made[k][arch][1]]}
        assert {m.removeprefix("blobs/sha256/") for m in members[2:]} == want
        for m in members[2:]:
            assert sha(texts[m]) == m.removeprefix("blobs/sha256/")
        got = {m["annotations"]["io.containerd.image.name"]: m for m in json.loads(texts["index.json"])["manifests"]}
        assert set(got) == {"quay.io/x/multi:v1", "quay.io/x/multi@" + digest(made["multi"]["top"]), names["docker"],
                            "docker.io/library/list@" + digest(made["docker"]["top"]), names["plain"]}, list(got)
        for m in got.values():
            top = texts["blobs/" + m["digest"].replace(":", "/")]
            assert m["size"] == len(top)
            assert m["mediaType"] == json.loads(top).get("mediaType", "application/vnd.oci.image.index.v1+json")
            assert m["annotations"]["org.opencontainers.image.ref.name"] == m["annotations"]["io.containerd.image.name"]


@case
def equal_locks_give_equal_archives(p):
    standard(p)
    p.update()
    one = {a: p.archive(a) for a in ARCHS}
    # the digest is the name
    for path in one.values():
        with open(path, "rb") as f:
            assert sha(f.read()) == os.path.basename(path)
    p.cache = p.path + "/other"
    time.sleep(1)
    two = {a: p.archive(a) for a in ARCHS}
    assert {a: os.path.basename(x) for a, x in one.items()} == {a: os.path.basename(x) for a, x in two.items()}


@case
def plan_tells_what_is_to_be_fetched(p):
    made, _ = standard(p)
    p.update()
    size = sum(len(made[k]["arm64"][0]) + sum(map(len, made[k]["arm64"][1])) for k in made)
    inputs = lambda: {i["name"]: (i["state"], i["size_bytes"]) for i in json.loads(p.run(BUILD + "/kiln", "plan", "--json"))["inputs"]}
    assert inputs()["container images (arm64)"] == ("3 locked, to be fetched", size), inputs()
    p.fetch()
    assert inputs()["container images (arm64)"] == ("3 locked, cached", size), inputs()


@case
def a_second_fetch_asks_nothing(p):
    standard(p)
    p.update()
    p.fetch()
    p.r.front.seen.clear()
    p.fetch()
    assert p.r.front.seen == [], p.r.front.seen
    # an archive more or less is made of what is there
    shutil.rmtree(p.cache + "/oci")
    p.fetch()
    assert p.r.front.seen == [], p.r.front.seen


@case
def a_killed_fetch_leaves_nothing_and_two_do_not_meet(p):
    made, _ = standard(p)
    p.update()
    os.makedirs(p.cache + "/oci/fetch-dead01")
    for n in ("oci/fetch-dead01/oci-put-blob1", "oci/.new.dead01"):
        with open(f"{p.cache}/{n}", "w") as f:
            f.write("half")
    e = dict(os.environ, KILN_CACHE=p.cache, KILN_DATADIR=BUILD + "/share/kiln", CONTAINERS_REGISTRIES_CONF=p.r.conf)
    both = [subprocess.Popen([BUILD + "/kiln", "fetch", "-f", "cluster.yaml"], cwd=p.path, env=e, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [b.communicate(timeout=300) for b in both]
    assert [b.returncode for b in both] == [0, 0], said
    assert said[0][0] == said[1][0], said
    names = sorted(os.listdir(p.cache + "/oci"))
    assert len(names) == 3 and "lock" in names and all(len(n) == 64 for n in names if n != "lock"), names
    # each layer was asked for once
    asked = [s.rsplit("/", 1)[1] for s in p.r.front.seen if "/blobs/" in s]
    assert all(asked.count(digest(made[k][a][1][1])) == 1 for k in made for a in ARCHS), asked


@case
def another_desk_fetches_by_the_lock_alone(p):
    """A tag that has moved since: the lock says what was meant."""
    made, _ = standard(p)
    p.update()
    p.r.index("quay.io/x/multi", "v1", ["amd64", "arm64"], extra=b"moved")
    shutil.rmtree(p.cache)
    _, texts = read_tar(p.archive("arm64"))
    assert texts["blobs/sha256/" + sha(made["multi"]["top"])] == made["multi"]["top"]


@case
def what_came_before_a_failure_is_kept(p):
    made, _ = standard(p)
    p.update()
    config, layer = made["multi"]["amd64"][1]
    # cut for as long as it is tried: a truncated layer reaches no cache
    p.r.front.faults.append([f"/blobs/{digest(layer)}", "cut", 99])
    has(p.fetch(ok=False), "image 'quay.io/x/multi:v1' for amd64")
    assert not p.has_blob(layer)
    came = [b for k in made for a in ARCHS for b in made[k][a][1] if p.has_blob(b)]
    assert config in came
    p.r.front.faults.clear()
    p.r.front.seen.clear()
    p.fetch()
    asked = {s.rsplit("/", 1)[1] for s in p.r.front.seen if "/blobs/" in s}
    # configurations are read again, to know the layers
    layers = {digest(made[k][a][1][1]) for k in made for a in ARCHS}
    assert digest(layer) in asked and not asked & layers & {digest(b) for b in came}, asked
    assert layers & {digest(b) for b in came}


@case
def a_cut_transfer_is_tried_again(p):
    made, _ = standard(p)
    p.update()
    layer = made["multi"]["arm64"][1][1]
    p.r.front.faults.append([f"/blobs/{digest(layer)}", "cut", 1])
    p.r.front.faults.append([f"/blobs/{digest(made['plain']['arm64'][1][1])}", "refuse", 1])
    p.fetch()
    assert p.has_blob(layer)
    assert sum(s.endswith(digest(layer)) for s in p.r.front.seen) >= 2


@case
def a_layer_with_another_digest_is_refused(p):
    made, _ = standard(p)
    p.update()
    layer = made["docker"]["amd64"][1][1]
    p.r.front.faults.append([f"/blobs/{digest(layer)}", "change", 99])
    has(p.fetch(ok=False), "image 'docker.io/library/list:stable@", digest(layer))
    assert not p.has_blob(layer)
    assert os.listdir(p.cache + "/oci") == ["lock"]


@case
def a_damaged_cache_is_noticed(p):
    made, _ = standard(p)
    p.update()
    p.fetch()
    layer = made["multi"]["amd64"][1][1]
    path = f"{p.cache}/sha256/{sha(layer)}"
    shutil.rmtree(p.cache + "/oci")
    with open(path, "r+b") as f:
        f.truncate(1000)
    p.fetch()
    assert p.has_blob(layer)
    # the same size: found when it is read, and removed
    shutil.rmtree(p.cache + "/oci")
    with open(path, "r+b") as f:
        f.write(b"\0\0")
    has(p.fetch(ok=False), path, "was damaged and is removed", "kiln fetch")
    p.fetch()
    assert p.has_blob(layer)


@case
def a_registry_with_a_ca_of_its_own(p):
    r = Registry(p.path + "/tls", tls=True)
    try:
        p.r = r
        r.index("quay.io/x/multi", "v1", ["amd64", "arm64"])
        p.pods("quay.io/x/multi:v1")
        has(p.update(ok=False, SSL_CERT_FILE="/dev/null"), "certificate")
        p.update(SSL_CERT_FILE=r.path + "/ca.crt")
        p.fetch(SSL_CERT_FILE=r.path + "/ca.crt")
    finally:
        r.close()

# shellcheck shell=sh
# kiln gc: a cache with what a lock names, what that names in turn, and what nobody does.
# shellcheck disable=SC2154
mkdir -p "$tmp/gc" && cp "$src/examples/home/cluster.yaml" "$tmp/gc/"
cache=$tmp/gc/cache
mkdir -p "$cache/sha256" "$cache/base" "$cache/images" "$cache/oci"
# put FOLDER SUFFIX TEXT: a file named by its digest, unused for 100 days; prints the digest
put() {
	digest=$(printf '%s' "$3" | sha256sum | cut -d' ' -f1)
	printf '%s' "$3" >"$cache/$1/$digest$2"
	touch -d '100 days ago' "$cache/$1/$digest$2"
	echo "$digest"
}
deb=$(put sha256 '' 'a package')
layer=$(put sha256 '' 'a layer')
manifest=$(put sha256 '' "{\"layers\":[{\"digest\":\"sha256:$layer\"}]}")
image=$(put sha256 '' "{\"manifests\":[{\"digest\":\"sha256:$manifest\"}]}")
old=$(put sha256 '' 'an old package')
lately=$(put sha256 '' 'another cluster uses this') && touch "$cache/sha256/$lately"
root=$(put base .tar 'an old root')
touch -d '100 days ago' "$cache/base/native-$root.tar" "$cache/base/readme"
base=$(put images .img 'a base image')
out=$(put images .img 'the base image of out/')
gc() { (cd "$tmp/gc" && KILN_CACHE=$cache "$build/kiln" gc "$@" >"$tmp/gc/told" 2>"$tmp/gc/err"); }
refuses() {
	gc "$@" && return 1
	[ -s "$tmp/gc/err" ]
}
tells() { grep -qF -- "$1" "$tmp/gc/told" "$tmp/gc/err" || { cat "$tmp/gc/told" "$tmp/gc/err" >&2; return 1; }; }
there() { for f; do [ -e "$cache/$f" ] || { echo "'$f' is gone" >&2; return 1; }; done; }
gone() { for f; do [ ! -e "$cache/$f" ] || { echo "'$f' is there" >&2; return 1; }; done; }
check "gc: without a lock it stops" refuses --remove --older-than 0s
check "gc: and says why" tells "nothing was removed"
check "gc: nothing went" there "sha256/$old" "base/$root.tar" "images/$base.img"
# The names that the boards ask for come from kiln itself: each refusal tells the next.
cat >"$tmp/gc/lock.py" <<'P'
import json, re, subprocess, sys
kiln, deb, image = sys.argv[1:]
board = {"rpi5": "arm64", "m910q": "amd64"}
desk = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
sets = {b: {"board": b, "arch": a, "names": [], "packages": []} for b, a in board.items()}
sets |= {f"native:{b}": {"board": f"native:{b}", "arch": desk, "names": [], "packages": []} for b in board}
lock = {"kiln_lock": 1, "mirror": "http://mirror.example.org/debian", "files": [], "sets": list(sets.values()),
        "packages": [{"name": "jq", "version": "1", "arch": "all", "url": "http://mirror.example.org/jq", "size": 9,
                      "sha256": deb}],
        "images": [{"name": "registry.example.org/a:1", "size": 9, "sha256": image, "platforms": []}]}
for _ in range(400):
    with open("kiln.lock", "w") as f:
        json.dump(lock, f)
    r = subprocess.run([kiln, "gc"], capture_output=True, text=True)
    if r.returncode == 0:
        sys.exit(0)
    m = re.search(r"package '([^']+)' is not in kiln.lock for '([^']+)'", r.stderr)
    if not m:
        sys.exit(r.stderr)
    sets[m[2]]["names"].append(m[1])
sys.exit("no end of names")
P
check "gc: a lock" sh -c 'cd "$1" && KILN_CACHE=$2 python3 lock.py "$3" "$4" "$5"' - "$tmp/gc" "$cache" "$build/kiln" "$deb" "$image"
mkdir -p "$tmp/gc/out"
python3 - "$src/tests/golden/formats/image.json" "$tmp/gc/out/cow.image.json" "$out" <<'P'
import json, sys
j = json.load(open(sys.argv[1]))
j["base"] = sys.argv[3]
json.dump(j, open(sys.argv[2], "w"))
P
check "gc: looks" gc
check "gc: lists an old package" tells "sha256/$old"
check "gc: an old root" tells "base/$root.tar"
check "gc: its native half" tells "base/native-$root.tar"
check "gc: an old base image" tells "images/$base.img"
check "gc: counts" tells "to remove: 4 files"
check "gc: removes nothing by itself" there "sha256/$old" "base/$root.tar" "images/$base.img"
check "gc: JSON" sh -c 'cd "$1" && KILN_CACHE=$2 "$3" gc --json >j.json && python3 -c "
import json
d = json.load(open(\"j.json\"))
assert len(d[\"files\"]) == 4 and d[\"removed\"] is False and d[\"bytes\"] == sum(f[\"bytes\"] for f in d[\"files\"]), d
"' - "$tmp/gc" "$cache" "$build/kiln"
# a bake holds the lock of the cache
(
	flock -s 9
	exec sleep 600
) 9>>"$cache/in-use.lock" &
holder=$!
until ! flock -n -x "$cache/in-use.lock" true; do sleep 0.1; done
check "gc: not while a bake is at work" refuses --remove
check "gc: says so" tells "a bake is at work"
kill $holder
wait $holder 2>/dev/null
until flock -n -x "$cache/in-use.lock" true; do sleep 0.1; done
check "gc: nothing went meanwhile" there "sha256/$old" "base/$root.tar"
check "gc: removes" gc --remove
check "gc: what nothing names is gone" gone "sha256/$old" "base/$root.tar" "base/native-$root.tar" "images/$base.img"
check "gc: what the lock names stays" there "sha256/$deb" "sha256/$image" "sha256/$manifest" "sha256/$layer" "images/$out.img"
check "gc: what was used lately, and what is no digest stays" there "sha256/$lately" base/readme
check "gc: at once" gc --remove --older-than 0s
check "gc: takes what was used lately too" gone "sha256/$lately"
check "gc: and no more" there "sha256/$deb" "sha256/$image" "sha256/$manifest" "sha256/$layer" "images/$out.img"

#!/usr/bin/env bash
# examples/home as a user bakes it: from an empty cache, then warm; all three nodes. K3s' release
# comes from an HTTPS server on this machine (testk3s, and an air-gap archive made here), the
# components take the reference manifests instead of charts. Other tools judge the images.
# usage: run.sh BUILD-FOLDER
set -u
build=$(realpath "$1")
kiln=$build/kiln
srcdir=$(cd "$(dirname "$0")/../.." && pwd)
shared=$(realpath -m "${KILN_SHARED:-$srcdir/../shared}")
base=${XDG_CACHE_HOME:-$HOME/.cache}/kiln/tests/home
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)) && echo "ok - $1"; }
not_ok() {
	failed=$((failed + 1))
	echo "not ok - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/#   /'
}
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$out"; fi
}
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}
if ! [ -d "$shared/bundle" ]; then
	skipped=1
	echo "SKIPPED - all of it: no reference manifests (set KILN_SHARED)"
	finish
fi
mkdir -p "$base"
work=$(mktemp -d "$base/run.XXXXXX")
server=
trap '[ -z "$server" ] || { kill $server; wait $server; }; rm -rf "$work"' EXIT

version=v1.35.2+k3s1
release() { # what a release holds, in the form of its download page
	local www=$work/www/releases/$version bin arch layer i=$work/image
	mkdir -p "$www" "$i/l/bin" || return 1
	bin=$(bash "$srcdir/tests/cluster/build.sh" testk3s testk3s-agent kwok) || return 1
	cp "$bin/testk3s" "$www/k3s" && cp "$bin/testk3s-agent-arm64" "$www/k3s-arm64" || return 1
	for arch in amd64 arm64; do
		dpkg-deb --fsys-tarfile "$(sh "$srcdir/tests/init/kernels.sh" $arch busybox-static)" | tar -x -C "$i/l/bin" --strip-components=3 ./usr/bin/busybox &&
			tar -C "$i/l" --sort=name -cf "$i/layer.tar" . || return 1
		layer=$(sha256sum "$i/layer.tar" | cut -d' ' -f1)
		printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' $arch "$layer" >"$i/config.json"
		echo '[{"Config":"config.json","RepoTags":["kiln.test/busybox:1"],"Layers":["layer.tar"]}]' >"$i/manifest.json"
		tar -C "$i" -cf - manifest.json config.json layer.tar | zstd -q -o "$www/k3s-airgap-images-$arch.tar.zst" || return 1
		(cd "$www" && sha256sum "$([ $arch = amd64 ] && echo k3s || echo k3s-$arch)" k3s-airgap-images-$arch.tar.zst >sha256sum-$arch.txt)
	done
}
release || {
	not_ok "a release to serve"
	finish
}
# the reference manifests pin some images by digest; the images of this test are others
mkdir "$work/shared" && cp -r "$shared/bundle" "$work/shared/" && chmod -R u+w "$work/shared" &&
	find "$work/shared" -name '*.yaml' -exec sed -Ei 's/@sha256:[0-9a-f]{64}//g' {} +
{
	grep -v "^#" "$shared/bundle/images.txt" | cut -f1 | sed "s/@.*//"
	grep -rhoE "image: *[a-z][^ ]*:[^ ]+" "$srcdir/bundle" | sed "s/image: *//" # of Kiln's own manifests
} | sort -u >"$work/images"
python3 "$srcdir/tests/home/serve.py" "$work" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 3000); do
	[ -s "$work/url" ] && break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
[ -s "$work/url" ] || {
	not_ok "servers" "$(cat "$work/server.log")"
	finish
}
KILN_K3S_URL=$(cat "$work/url")
export CONTAINERS_REGISTRIES_CONF=$work/registries.conf
export KILN_K3S_URL SSL_CERT_FILE=$work/ca.crt CLOUDFLARE_API_TOKEN=test
python3 "$srcdir/tests/bundle/make-data.py" "$srcdir" "$work/shared" "$work/data" && ln -s "$build/share/kiln/agent" "$work/data/agent" &&
	ln -s "$build/share/kiln/mkfs-repro.so" "$work/data/mkfs-repro.so" || not_ok "data"
export KILN_DATADIR=$work/data KILN_CACHE=$work/cache
mkdir "$work/home" && cp "$srcdir/examples/home/cluster.yaml" "$work/home/" && cd "$work/home" || exit 1

timed() { # name, command...: its output is shown
	local name=$1 start out
	shift
	start=$(date +%s.%N)
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$(tail -n 12 <<<"$out")"; fi
	awk -v n="$name" -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "# %s: %.1f s\n", n, b - a }'
	sed 's/^/#   /' <<<"$out" | tail -n 25
}
timed "kiln init" "$kiln" init
timed "kiln update, empty cache" "$kiln" update
[ "${HOME_STOP:-}" != update ] || finish
# what update fetched to resolve the lock goes again: the bake's own cold start
rm -rf "$work/cache"
timed "kiln bake, empty cache" "$kiln" bake
timed "kiln bake --offline again" "$kiln" bake --offline
sed -i 's/192\.168\.14\.5,/192.168.14.6,/' cluster.yaml
timed "kiln bake after one changed address" "$kiln" bake --offline
sed -i 's/192\.168\.14\.6,/192.168.14.5,/' cluster.yaml
mv out out.old
timed "kiln bake, base images in the cache" "$kiln" bake --offline
rm -rf out.old

judge() { # node, name of K3s' file
	local node=$1 k3s=$2 image=out/$1.img j=$work/$1.json arch number start size
	check "$node: sgdisk -v" sgdisk -v "$image"
	check "$node: inspect --lint --verify" "$kiln" inspect --lint --verify "$image"
	"$kiln" inspect --json "$image" >"$j"
	arch=$([ "$k3s" = k3s ] && echo amd64 || echo arm64)
	while read -r number start size; do
		dd if="$image" of="$work/part$number" bs=1M skip=$((start >> 20)) count=$((size >> 20)) conv=sparse status=none
	done < <(jq -r '.partitions[] | "\(.number) \(.start_bytes) \(.size_bytes)"' "$j")
	check "$node: fsck.vfat -n" fsck.vfat -n "$work/part1"
	check "$node: btrfs check" btrfs check "$work/part2"
	mcopy -n -i "$work/part1" "::/$(jq -r .starts.initrd "$j")" "$work/initrd"
	# the early cpio with microcode ends where zstd begins
	check "$node: cpio -t reads the initrd" python3 - "$work/initrd" <<-'PY'
		import subprocess, sys
		data = open(sys.argv[1], "rb").read()
		at = data.index(bytes.fromhex("28b52ffd"))
		if at:
		    subprocess.run(["cpio", "-t", "--quiet"], input=data[:at], check=True)
		cpio = subprocess.run(["zstd", "-dc"], input=data[at:], stdout=subprocess.PIPE, check=True).stdout
		names = subprocess.run(["cpio", "-t", "--quiet"], input=cpio, stdout=subprocess.PIPE, check=True).stdout.split()
		assert b"init" in names, names
	PY
	rm -rf "$work/tree" && mkdir "$work/tree"
	btrfs restore --path-regex '^/(|@(|/usr(|/local(|/bin(|/k3s))))|@rancher(|/k3s(|/agent(|/images(|/.*)))))$' "$work/part2" "$work/tree" >/dev/null 2>&1
	check "$node: K3s is the release's file" cmp "$work/www/releases/$version/$k3s" "$work/tree/@/usr/local/bin/k3s"
	check "$node: the air-gap archive lies where K3s imports" cmp "$work/www/releases/$version/k3s-airgap-images-$arch.tar.zst" \
		"$work/tree/@rancher/k3s/agent/images/k3s-airgap-images-$arch.tar.zst"
	check "$node: .cache.json beside it" test -e "$work/tree/@rancher/k3s/agent/images/.cache.json"
	rm -rf "$work/tree" "$work"/part? "$work/initrd"
}
judge cow k3s-arm64
judge sheep k3s-arm64
judge duck k3s
# the archive is cut on its way into the cache: named, nothing under a final name
sum=$(jq -r '.files[] | select(.name == "k3s-airgap-images" and .arch == "amd64") | .sha256' kiln.lock)
truncate -s 1000 "$KILN_CACHE/sha256/$sum"
rm -rf "$KILN_CACHE/images" out
said=$("$kiln" bake --offline duck 2>&1)
if grep -q "is damaged" <<<"$said" && grep -q "$sum" <<<"$said" && ! ls out/duck.img "$KILN_CACHE"/images/*.img 2>/dev/null; then
	ok "truncated K3s archive: named, nothing made"
else
	not_ok "truncated K3s archive: named, nothing made" "$said"
fi
rm "$KILN_CACHE/sha256/$sum"
check "truncated K3s archive: fetched again, baked" "$kiln" bake duck
finish

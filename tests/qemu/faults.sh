# shellcheck shell=bash
# Bakes that go wrong (qemu-full): killed in every phase, no room in every phase, a damaged
# .deb, a truncated K3s archive, two clusters on one empty cache, a user without rights.
# Each has a cache of its own whose inputs are links to the real one.

real_cache=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln}

# own_cache NAME: roots and inputs are there, images are not; sets $cache
own_cache() {
	local part
	cache=$work/cache.$1
	rm -rf "$cache"
	mkdir -p "$cache/images" "$cache/tmp"
	for part in base sha256 apt; do ln -s "$real_cache/$part" "$cache/$part"; done
}
bake_here() { KILN_CACHE=$cache "$kiln" bake "$@"; }
# what may never be there: a file under a final name that is not whole
whole_or_nothing() { # label
	local f bad=
	for f in "$cache"/images/*.img; do
		[ ! -e "$f" ] || "$kiln" inspect --lint "$f" >/dev/null 2>&1 || bad="$bad $f"
	done
	[ ! -e out/duck.img ] || "$kiln" inspect --verify out/duck.img >/dev/null 2>&1 || bad="$bad out/duck.img"
	if [ -z "$bad" ]; then ok "$1: nothing half-made under a final name"; else not_ok "$1: nothing half-made under a final name" "$bad"; fi
}

# killed in every phase: as soon as the line of the one before is there
killed_in_phases() {
	local phases=('bundle' 'base root' 'root tree' 'root file system' 'assemble' 'seed')
	local phase pid end log=$work/killed.log left
	own_cache killed
	rm -f out/duck.img
	for phase in "${phases[@]}"; do
		: >"$log"
		(export KILN_CACHE=$cache && exec "$kiln" bake duck) >"$log" 2>&1 &
		pid=$!
		end=$((SECONDS + 300))
		while [ $SECONDS -lt $end ] && kill -0 $pid 2>/dev/null && ! grep -q "$phase" "$log"; do sleep 0.02; done
		sleep 0.1
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		if grep -q "$phase" "$log"; then ok "killed after '$phase'"; else not_ok "killed after '$phase'" "$(cat "$log")"; fi
		whole_or_nothing "killed after '$phase'"
	done
	left=$(find "$cache/images" -mindepth 1 -maxdepth 1 -name 'bake.*' | wc -l)
	echo "# $left folders left by killed bakes"
	find "$cache/images" -mindepth 1 -maxdepth 1 -exec touch -d '2 hours ago' {} +
	check "bake after killed ones" bake_here duck
	check "killed bakes: the image is whole" "$kiln" inspect --lint --verify out/duck.img
	left=$(find "$cache/images" -mindepth 1 -maxdepth 1 ! -name '*.img' ! -name '*.json')
	if [ -z "$left" ]; then ok "what killed bakes left is gone"; else not_ok "what killed bakes left is gone" "$left"; fi
	check "what is left in out/" sh -c '! ls -A -I .gitignore out | grep -q "^\."'
	rm -rf "$cache"
}

# no room: images/ (or out/) on a tmpfs of some size, in a mount namespace; prints phase and words
no_room() { # size, folder below $cache or out, where the root tree is made, option...
	local size=$1 on=$2 scratch=$3
	shift 3
	# shellcheck disable=SC2016
	unshare -m sh -c 'size=$1 on=$2; shift 2; mount -t tmpfs -o size="$size" none "$on" && "$@" 2>&1
		find "$on" -type f | sed "s/^/left: /"' sh "$size" "$on" env KILN_CACHE="$cache" KILN_SCRATCH="$scratch" "$kiln" bake "$@" duck
}
no_room_in_phases() {
	local size said phase scratch seen=
	if ! unshare -m mount -t tmpfs none out 2>/dev/null; then
		skip "no room in every phase" "needs the right to mount"
		return
	fi
	own_cache room
	# with the tree in memory first, where only the image needs room
	for size in 64M:memory 64M:disk 400M:disk 500M:disk 600M:disk 700M:disk 800M:disk 1200M:disk 2500M:disk; do
		scratch=${size#*:} size=${size%:*}
		rm -f out/duck.img
		said=$(no_room "$size" "$cache/images" "$scratch")
		phase=$(sed -n 's/ failed$//p' <<<"$said" | tail -n 1)
		if [ -f out/duck.img ]; then
			echo "# $size is enough"
			whole_or_nothing "room of $size"
			break
		fi
		seen="$seen|$phase"
		if grep -q 'No space left on device' <<<"$said" && ! grep -q '^left: ' <<<"$said"; then
			ok "$size of room, tree: $scratch: $phase says so, leaves nothing"
		else
			not_ok "$size of room, tree: $scratch: $phase says so, leaves nothing" "$said"
		fi
	done
	for phase in 'root tree' 'root file system'; do
		if [[ $seen == *"$phase"* ]]; then ok "no room was met in: $phase"; else not_ok "no room was met in: $phase" "$seen"; fi
	done
	# roots: the native half is there, the board's own has no room
	rm "$cache/base" && mkdir "$cache/base"
	# shellcheck disable=SC2016
	said=$(unshare -m sh -c 'mount -t tmpfs -o size=100M none "$1/base" && for f in "$2"/native-*; do ln -s "$f" "$1/base/"; done
		KILN_CACHE=$1 "$3" bake duck 2>&1; find "$1/base" -type f -size +0 | sed "s/^/left: /"' sh "$cache" "$real_cache/base" "$kiln")
	if grep -q 'No space left on device' <<<"$said" && ! grep -q '^left: ' <<<"$said"; then
		ok "no room for the base root: says so, leaves nothing"
	else
		not_ok "no room for the base root: says so, leaves nothing" "$said"
	fi
	rm -rf "$cache"
	# .zst: the image fits, its compressed form does not
	own_cache zst && rm -r "$cache/images" && ln -s "$real_cache/images" "$cache/images"
	size=$(($(du -m out/duck.img 2>/dev/null | cut -f1 || echo 900) + 100))
	# shellcheck disable=SC2016
	said=$(unshare -m sh -c 'mount -t tmpfs -o size="$1M" none out && KILN_CACHE=$2 "$3" bake --zst duck 2>&1; ls -A -I .gitignore out | sed "s/^/left: /"' \
		sh "$size" "$cache" "$kiln")
	if grep -q 'No space left on device' <<<"$said" && ! grep -qE '^left: (\.|.*zst)' <<<"$said"; then
		ok "no room for .zst: says so, leaves none"
	else
		not_ok "no room for .zst: says so, leaves none" "$said"
	fi
	rm -rf "$cache"
}

# a cached .deb that rotted: offline it is named, online brought again
damaged_deb() {
	local sha name said path
	own_cache deb
	rm "$cache/sha256" "$cache/base"
	mkdir "$cache/sha256" "$cache/base"
	ln -s "$real_cache"/sha256/* "$cache/sha256/"
	ln -s "$real_cache"/base/native-* "$cache/base/"
	read -r sha name < <(jq -r '.packages[] | select(.arch == "amd64" and .name == "hostname") | "\(.sha256) \(.name)"' kiln.lock)
	path=$cache/sha256/$sha
	rot() {
		rm "$path" && cp "$real_cache/sha256/$sha" "$path" && printf 'rot' | dd of="$path" bs=1 seek=3000 conv=notrunc status=none
	}
	rot
	said=$(bake_here --offline duck 2>&1)
	if grep -q '1 package of the cache was damaged' <<<"$said" && grep -q "$name" <<<"$said" && grep -q 'kiln fetch' <<<"$said"; then
		ok "damaged .deb: named, with the command that brings it"
	else
		not_ok "damaged .deb: named, with the command that brings it" "$said"
	fi
	cp "$real_cache/sha256/$sha" "$path" 2>/dev/null
	rot
	check "damaged .deb: brought again, the bake goes on" bake_here duck
	if [ "$(sha256sum <"$path" | cut -d' ' -f1)" = "$sha" ]; then ok "damaged .deb: the cache is sound again"; else not_ok "damaged .deb: the cache is sound again"; fi
	rm -rf "$cache"
}

# two clusters, one empty cache of images, at the same time
two_clusters() {
	local other=$work/other
	own_cache two
	rm -rf "$other" && mkdir "$other" && cp -r cluster.yaml kiln.lock k3s net .kiln "$other/"
	rm -f out/duck.img
	(cd "$other" && KILN_CACHE=$cache "$kiln" bake duck >"$work/other.log" 2>&1) &
	local pid=$!
	check "two clusters on one cache: the first" bake_here duck
	if wait $pid; then ok "two clusters on one cache: the second"; else not_ok "two clusters on one cache: the second"; fi
	check "two clusters on one cache: image one" "$kiln" inspect --lint --verify out/duck.img
	check "two clusters on one cache: image two" "$kiln" inspect --lint --verify "$other/out/duck.img"
	rm -rf "$cache" "$other"
}

# An installed kiln, run by a user who has nothing: no root, no loop device, native half by
# mmdebstrap in a user namespace.
plain_user() {
	local user=kiln-test home=/var/tmp/kiln-test-user said
	if [ "$(id -u)" != 0 ]; then
		skip "a user without rights" "the tests themselves run as one"
		return
	fi
	if ! id $user >/dev/null 2>&1 && ! useradd --system --create-home --home-dir $home --shell /bin/sh \
		--add-subids-for-system $user; then
		not_ok "a user without rights" "useradd failed"
		return
	fi
	rm -rf $home && mkdir -p $home/cache/base $home/cluster
	make -s -C "$srcdir" O="$build" PREFIX=/usr DESTDIR=$home/stage install >/dev/null 2>&1 || not_ok "make install"
	cp -r cluster.yaml kiln.lock k3s net .kiln $home/cluster/
	cp -r --reflink=auto "$real_cache/sha256" $home/cache/sha256
	[ "$1" = full ] || cp "$real_cache"/base/* $home/cache/base/ # the roots, as root made them
	chown -R $user: $home
	if said=$(cd $home/cluster && setpriv --reuid $user --regid $user --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=$home KILN_CACHE=$home/cache SOURCE_DATE_EPOCH=1700000000 $home/stage/usr/bin/kiln bake --offline duck 2>&1); then
		ok "a user without rights bakes"
		sed 's/^/#   /' <<<"$said"
	else
		not_ok "a user without rights bakes" "$said"
	fi
	check "the user's image is sound" "$kiln" inspect --lint --verify $home/cluster/out/duck.img
	own_cache user
	rm -f out/duck.*
	SOURCE_DATE_EPOCH=1700000000 check "root's image of the same" bake_here duck
	# neither who bakes nor what his environment says may show; make bench ROW=same-bytes has more
	said=$(diff <(jq -c '.extents[]' out/duck.image.json) <(jq -c '.extents[]' $home/cluster/out/duck.image.json))
	if [ -z "$said" ]; then ok "both have the same bytes"; else not_ok "both have the same bytes" "$said"; fi
	rm -f out/duck.*
	rm -rf "$cache" $home
	userdel $user 2>/dev/null
}

# The same inputs in another cache: another base, for its times are others. What is in out/ must
# not get the map of a base that it is not made from.
other_base() {
	check "another cache: bake" "$kiln" bake duck
	own_cache other
	check "another cache: bake from there" bake_here duck
	check "another cache: the image is what its map says" "$kiln" inspect --verify out/duck.img
	rm -rf "$cache"
	check "another cache: and back" "$kiln" bake duck
	check "another cache: the image is what its map says again" "$kiln" inspect --verify out/duck.img
}

picked other && other_base
picked killed && killed_in_phases
picked room && no_room_in_phases
picked deb && damaged_deb
picked two && two_clusters
picked user && plain_user full
check "bake as before" "$kiln" bake

# shellcheck shell=bash
# What bake promises beside a good day: unchanged stays unchanged, one address changes one
# seed, two at once, killed, no room, no right to write.

result_of() { "$kiln" bake --json "$@" 2>/dev/null | jq -r '.[].result' | tr '\n' ' '; }
seed_of() { jq -r .seed "out/$1.image.json"; }

# What the image is by another name, or leads to, stays as it is: the image is made anew.
other_names() {
	local how kept
	for how in "ln out/duck.img kept.img" "mv out/duck.img kept.img"; do
		rm -f kept.img
		$how
		[ -e out/duck.img ] || ln -s "$PWD/kept.img" out/duck.img
		kept=$(sha256sum <kept.img)
		sed -i 's/192\.168\.14\.5,/192.168.14.7,/; t; s/192\.168\.14\.7,/192.168.14.5,/' cluster.yaml
		check "bake after $how" "$kiln" bake duck
		if [ "$(sha256sum <kept.img)" = "$kept" ] && [ -f out/duck.img ] && [ ! -L out/duck.img ]; then
			ok "another name of the image: $how"
		else
			not_ok "another name of the image: $how" "$(ls -li out/duck.img kept.img)"
		fi
		check "the image is whole after $how" "$kiln" inspect --verify out/duck.img
	done
	rm -f kept.img
}

bake_cases() {
	local before root_before t seed
	if [ "$(result_of)" = "unchanged unchanged " ]; then ok "bake again: unchanged"; else not_ok "bake again: unchanged" "$(result_of)"; fi

	before=$(seed_of duck)
	root_before=$(jq -c '[.extents[] | select(.offset_bytes >= 1082130432)][:-1]' out/duck.image.json | sha256sum)
	sed -i 's/192\.168\.14\.5,/192.168.14.6,/' cluster.yaml
	t=$(date +%s%N)
	check "bake after one changed address" "$kiln" bake
	t=$((($(date +%s%N) - t) / 1000000))
	echo "# re-bake of all nodes: $t ms"
	if [ "$(seed_of duck)" != "$before" ]; then ok "the seed is another"; else not_ok "the seed is another"; fi
	if [ "$(jq -c '[.extents[] | select(.offset_bytes >= 1082130432)][:-1]' out/duck.image.json | sha256sum)" = "$root_before" ]; then
		ok "the root is the same"
	else
		not_ok "the root is the same"
	fi
	check "the patched image is sound" "$kiln" inspect --lint --verify out/duck.img
	seed=$("$kiln" inspect --json out/duck.img | jq '[.boot_files[].path | select(startswith("kiln/seed-"))] | length')
	if [ "$seed" = 1 ]; then ok "one seed on the boot partition"; else not_ok "one seed on the boot partition" "$seed"; fi

	# two at once, each with another idea of the address
	"$kiln" bake >"$work/one.log" 2>&1 &
	local one=$!
	sed -i 's/192\.168\.14\.6,/192.168.14.5,/' cluster.yaml
	check "two bakes at once: the second" "$kiln" bake
	if wait "$one"; then ok "two bakes at once: the first"; else not_ok "two bakes at once: the first" "$(cat "$work/one.log")"; fi
	check "two bakes at once: the image" "$kiln" inspect --verify out/duck.img

	# killed while it copies: no image, or a whole one; the next run cleans up
	rm -f out/duck.img
	"$kiln" bake duck >/dev/null 2>&1 &
	local victim=$!
	sleep 0.4
	kill -9 "$victim" 2>/dev/null
	wait "$victim" 2>/dev/null
	if [ ! -e out/duck.img ] || "$kiln" inspect --verify out/duck.img >/dev/null 2>&1; then
		ok "a killed bake leaves nothing half-made under the final name"
	else
		not_ok "a killed bake leaves nothing half-made under the final name"
	fi
	check "bake after a killed one" "$kiln" bake duck
	check "nothing of the killed bake is left" sh -c '! ls -A -I .gitignore out | grep -q "^\."'
	check "image after a killed bake" "$kiln" inspect --verify out/duck.img

	# compressed: the same bytes, checked by zstd's own tool
	check "bake --zst" "$kiln" bake --zst duck
	check "the .zst is the image" sh -c 'zstd -dc out/duck.img.zst | cmp - out/duck.img'
	rm -f out/duck.img.zst

	# no room: out/ on a file system of 64 MiB, by a namespace of our own
	if unshare -rm true 2>/dev/null; then
		local said
		# shellcheck disable=SC2016
		said=$(unshare -rm sh -c 'mount -t tmpfs -o size=64M none out && "$1" bake duck 2>&1; ls -A -I .gitignore out | sed "s/^/left: /"' sh "$kiln")
		if grep -q 'No space left on device' <<<"$said" && ! grep -q '^left: ' <<<"$said"; then
			ok "no room: says so, leaves nothing"
		else
			not_ok "no room: says so, leaves nothing" "$said"
		fi
		# shellcheck disable=SC2016
		said=$(unshare -rm sh -c 'mount --bind out out && mount -o remount,ro,bind out && rm -f out/x; "$1" bake duck 2>&1' sh "$kiln")
		if grep -q 'Read-only file system' <<<"$said"; then ok "read-only out/: says so"; else not_ok "read-only out/: says so" "$said"; fi
		check "image after that" "$kiln" inspect --verify out/duck.img
	else
		skip "no room, read-only out/" "no user namespaces"
	fi
	if [ "$what" = full ]; then
		other_names
		# a base image that rotted in the cache: told, dropped, made again
		local base said
		base=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln}/images/$(jq -r .base out/duck.image.json).img
		printf 'rot' | dd of="$base" bs=1 seek=$((1032 * 1048576 + 70000)) conv=notrunc status=none
		rm -f out/duck.img
		said=$("$kiln" bake duck 2>&1)
		if grep -q 'was damaged and is removed; bake again' <<<"$said"; then ok "damaged base image: told"; else not_ok "damaged base image: told" "$said"; fi
		check "damaged base image: made again" "$kiln" bake duck
	fi
	check "usage: unknown node" sh -c "'$kiln' bake nobody 2>&1 | grep -q nobody"
}
bake_cases

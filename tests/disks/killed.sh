# shellcheck shell=bash
# The agent is killed between any two of its steps.

# kill -9 at each write, the journal's and the disk's: the journal came first, a restart
# goes on, once. From the record on it needs no more word from the seed.
wipe_killed() {
	local n begun cut=0 before
	if ! strace -qq -o /dev/null true 2>/dev/null; then
		echo "skipped: strace cannot trace here"
		skipped=$((skipped + 1))
		return
	fi
	before=$(python3 "$digest" foreign.img)
	for ((n = 1; n < 40; n++)); do
		rm -rf k
		mkdir -p k/dev
		cp --sparse=always foreign.img k/dev/sda
		whole k '.storage.wipe = ["CEPH1"] | .storage.root_size_bytes = 1'
		KILN_ROOT=$work/k KILN_CONSOLE=/dev/null timeout -s KILL 20 strace -qq -o /dev/null \
			-e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=$n "$agent" run >log 2>&1
		grep -q 'wipe-end CEPH1' k/var/lib/kiln/journal && break
		begun=$(grep -c 'wipe-begin CEPH1' k/var/lib/kiln/journal)
		if [ "$begun" = 0 ]; then
			same "killed at write $n: nothing was written" "$before" "$(python3 "$digest" k/dev/sda)"
		else
			cut=$((cut + 1))
			jq '.storage.wipe = []' k/etc/kiln/node.json >j && mv j k/etc/kiln/node.json
		fi
		turn k
		has "killed at write $n: goes on" "$ceph $why" "done"
		has "killed at write $n: blank" "$("$agent" probe k/dev/sda)" ": blank ("
	done 2>/dev/null
	if ((cut >= 4)); then passed=$((passed + 1)); else fail "only $cut writes of the wipe were cut"; fi
	# consumed: what comes later is not wiped, even when the seed still asks
	whole k '.storage.wipe = ["CEPH1"] | .storage.root_size_bytes = 1'
	cp --sparse=always foreign.img k/dev/sda
	before=$(python3 "$digest" k/dev/sda)
	turn k
	same "consumed: not a byte" "$before" "$(python3 "$digest" k/dev/sda)"
	same "consumed: one end" 1 "$(grep -c "wipe-end CEPH1" k/var/lib/kiln/journal)"
}

# kill -9 when the n-th record of the journal stands, whatever step wrote it, with the end of the
# journal lost besides: the next run comes to the same table, and nothing else has changed.
records_killed() {
	local n killed=0 d=r/dev/nvme0n1 before
	truncate -s 20G fresh.img
	image fresh.img
	before=$(inner fresh.img)
	for ((n = 1; n < 60; n++)); do
		rm -rf r
		node r .
		cp --sparse=always fresh.img $d
		system_disk r
		KILN_TEST_KILL_AFTER=$n turn r
		[ "$ceph/$disk" != done/done ] || break
		killed=$((killed + 1))
		((n % 2)) || truncate -s -$((n * 5 % 40 + 1)) r/var/lib/kiln/journal
		turn r
		same "killed at record $n" done/done "$ceph/$disk"
		same "killed at record $n: entry" "${guid^^} $(((root_start + 8 * gib) / 512))" "$(entry $d 3 uuid) $(entry $d 3 start)"
		same "killed at record $n: root" $((8 * gib / 512)) "$(entry $d 2 size)"
		same "killed at record $n: nothing but the tables" "$before" "$(inner $d)"
	done 2>/dev/null
	# ceph-disk: begin, accepted, done; disk: begin, grow, entry, done; and the clock's
	if ((killed >= 7)); then passed=$((passed + 1)); else fail "only $killed records were cut"; fi
	echo "killed at each of $killed records"
}

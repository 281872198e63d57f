# lib.sh - the ground of the tests that come to nodes by ssh: a folder of a cluster with its identity, and
# an sshd a node on 127.0.0.1 (bash; source it with $build set)
#
# passed, failed, skipped, ok(), not_ok(), has(), has_not(), is(), finish(); the current folder is $work,
# and all that was started or written goes at the end.
# shellcheck shell=bash
# shellcheck disable=SC2034 # for who sources this
kiln=${build:?}/kiln
src=$PWD
work=$(mktemp -d)
passed=0 failed=0 skipped=0
children=()

ok() { passed=$((passed + 1)) && echo "ok - $1"; }
not_ok() { # name, detail
	failed=$((failed + 1))
	echo "not ok - $1"
	printf '%s\n' "${2:-}" | tail -n 20 | sed 's/^/#   /'
}
has() { if grep -qE -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no '$3' in: $2"; fi; }
has_not() { if grep -qE -- "$3" <<<"$2"; then not_ok "$1" "'$3' in: $2"; else ok "$1"; fi; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$2', not '$3'"; fi; }
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}
cleanup() {
	for p in "${children[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
if [ ! -x /usr/sbin/sshd ] || [ "$(id -u)" != 0 ] && [ ! -d /run/sshd ]; then
	skipped=1
	echo "SKIPPED - all of it: no sshd here"
	finish
fi
mkdir -p /run/sshd 2>/dev/null
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

cd "$work" || exit 1
chmod 0755 "$work"
ssh-keygen -q -t ed25519 -N '' -f key
sed "s|- ssh-ed25519 .*|- $(cat key.pub)|; s|user: lab|user: $(id -un)|; /^ *binary: k3s/d" "$src/examples/lab/cluster.yaml" >cluster.yaml
# sshd lets in who runs this, which may be root: no user name that cluster.yaml would refuse is needed
sed -i "s|user: root|user: lab|" cluster.yaml
for c in net store web; do cp -r "$src/examples/lab/$c" .; done
"$kiln" init >init.log 2>&1 || { not_ok "kiln init" "$(cat init.log)" && finish; }
cat >ssh-as-me <<'END'
#!/bin/bash
# the real ssh; only the user's name is the one that runs this test
args=()
while [ $# -gt 0 ]; do
	if [ "$1" = -l ]; then args+=(-l "$(id -un)") && shift 2; else args+=("$1") && shift; fi
done
exec /usr/bin/ssh "${args[@]}"
END
mkdir bin && install -m 0755 ssh-as-me bin/ssh
export PATH=$work/bin:$PATH

# node NODE KEYS-OF COMMAND: an sshd with the host keys of KEYS-OF that runs COMMAND whatever is asked
declare -A port=() pid=()
node() {
	local name=$1 keys=$2
	port[$name]=$(free_port)
	cp .kiln/secrets/nodes/"$keys"/ssh_host_ed25519_key "$name.key"
	chmod 0600 "$name.key"
	cat >"$name.sshd" <<-END
		Port ${port[$name]}
		ListenAddress 127.0.0.1
		HostKey $work/$name.key
		PidFile none
		AuthorizedKeysFile $work/key.pub
		StrictModes no
		UsePAM no
		PermitRootLogin prohibit-password
		ForceCommand $3
	END
	/usr/sbin/sshd -D -e -f "$work/$name.sshd" 2>"$name.sshd.log" &
	pid[$name]=$!
	children+=($!)
}

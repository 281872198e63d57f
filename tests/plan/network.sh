# shellcheck shell=sh
# NetworkManager's own parser reads the keyfiles; what it understood is what we meant.
# shellcheck disable=SC2154 # golden, nodes, tmp: run.sh
nm_read() {
	nmcli --offline connection modify connection.autoconnect yes <"$1"
}
# nm_says FILE LINE...: every line is in what NetworkManager writes back; the gateway of a section
# stands behind its address1, also where NetworkManager (1.52) writes gateway= by itself
nm_says() {
	nm_read "$1" >"$tmp/nm-own" || return 1
	awk '
		function flush() { if (address != "") print address (gateway != "" ? "," gateway : ""); address = gateway = "" }
		/^\[/ { flush() }
		/^address1=/ { address = $0; next }
		sub(/^gateway=/, "") { gateway = $0; next }
		{ print }
		END { flush() }' "$tmp/nm-own" >"$tmp/nm"
	shift
	for line; do
		grep -qxF -- "$line" "$tmp/nm" || {
			echo "not understood: $line" >&2
			return 1
		}
	done
}
con=etc/NetworkManager/system-connections
for n in $nodes; do
	for f in "$golden/$n/$con"/*; do
		check "$n: NetworkManager reads ${f##*/}" nm_read "$f"
	done
done
check "cow: both families, WoL by magic packet" nm_says "$golden/home/cow/$con/kiln.nmconnection" \
	type=ethernet mac-address=D8:3A:DD:00:00:01 wake-on-lan=64 \
	address1=192.168.14.3/26,192.168.14.1 \
	address1=fd12:3456:789a:14:3161:c474:a553:4ea1/64,fd12:3456:789a:14::1 \
	method=manual autoconnect-retries=0 dad-timeout=3000
parent=$(sed -n 's/^uuid=//p' "$golden/lan4/a/$con/kiln-trunk.nmconnection")
check "a: a VLAN on the trunk, no IPv6" nm_says "$golden/lan4/a/$con/kiln.nmconnection" \
	type=vlan id=30 "parent=$parent" interface-name=vlan30 address1=10.0.30.11/24,10.0.30.1 method=disabled
sed 's/^method=manual/method=manuel/' "$golden/home/cow/$con/kiln.nmconnection" >"$tmp/bad.nmconnection"
refuse "NetworkManager and a wrong method" nm_read "$tmp/bad.nmconnection"

: >"$tmp/nm.conf"
nm_config() {
	NetworkManager --print-config --config="$tmp/nm.conf" --config-dir="$1" \
		--system-config-dir="$tmp/none" --intern-config="$tmp/none" >"$tmp/nm" &&
		grep -q '^unmanaged-devices=.*interface-name:cilium\*.*interface-name:lxc\*.*driver:veth' "$tmp/nm" &&
		grep -qx 'dns=none' "$tmp/nm"
}
check "NetworkManager reads its own configuration" nm_config "$src/overlays/common/etc/NetworkManager/conf.d"
refuse "NetworkManager without our configuration" nm_config "$tmp/none"

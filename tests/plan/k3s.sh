# shellcheck shell=sh
# Python's YAML reads K3s' configuration; tests/plan/k3s.py says what must stand in it.
# shellcheck disable=SC2154
for n in $nodes; do
	check "$n: K3s' configuration" python3 "$here/k3s.py" "$golden/$n"
done
cp -r "$golden/home/cow" "$tmp/cow"
sed -i '/node-cidr-mask/d' "$tmp/cow/etc/rancher/k3s/config.yaml"
refuse "k3s.py and a lost mask" python3 "$here/k3s.py" "$tmp/cow"

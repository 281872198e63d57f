#!/bin/sh
# Copy folders as an installed tree: 0755 and 0644, links of the build folder followed at its top,
# links inside data kept as they are in the source.
# usage: install-tree.sh TARGET [-C FROM] FOLDER...
set -eu
target=$1
shift
from=.
if [ "$1" = -C ]; then
	from=$2
	shift 2
fi
for folder; do
	[ -d "$from/$folder" ] || continue
	(cd "$from" && find -L "$folder" -type d) | while IFS= read -r d; do
		install -d -m 0755 "$target/$d"
	done
	(cd "$from" && find -L "$folder" -type f) | while IFS= read -r f; do
		mode=0644
		[ -x "$from/$f" ] && mode=0755
		install -m $mode "$from/$f" "$target/$f"
	done
done

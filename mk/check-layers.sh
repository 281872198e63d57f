#!/bin/sh
# The layer rule: builder/ and firstboot/ use lib/ and never each other, lib/ uses neither;
# firstboot/init/ uses lib/ alone. An include must be found in its own folder or in lib/.
set -u
bad=0
for dir in lib builder firstboot firstboot/init; do
	for f in "$dir"/*.[ch]; do
		[ -e "$f" ] || continue
		for inc in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\(.*\)".*/\1/p' "$f"); do
			case $inc in
			*/*)
				echo "$f: include \"$inc\": no folders in includes"
				bad=1
				;;
			*)
				if [ ! -e "$dir/$inc" ] && [ ! -e "lib/$inc" ]; then
					echo "$f: include \"$inc\": neither in $dir/ nor in lib/"
					bad=1
				fi
				;;
			esac
		done
	done
done
exit $bad

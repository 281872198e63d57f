# bash completion for kiln(1) and kiln-node(8). Commands and options are read from the
# program's own --help, so that this file never tells of others.

_kiln_commands() {
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  *[^ ].*/\1/p'
}

_kiln_options() { # PROGRAM COMMAND
	"$1" "$2" --help 2>/dev/null |
		sed -n -e '/^usage:/p' -e 's/^  \(-.*\)/\1/p' -e 's/^  [A-Za-z].*  \(--*[a-z].*\)/\1/p' |
		grep -oE -- '(^|[][ |(])--?[a-z][a-z-]*' | tr -d '][ |('
	echo --help
}

# What OPTION takes: the word in capitals behind it in --help, or nothing.
_kiln_takes() { # PROGRAM COMMAND OPTION
	"$1" "$2" --help 2>/dev/null |
		sed -nE "s/^(usage:.*[][ ]|  )$3 ([A-Z]+)([] =].*)?\$/\\2/p" | head -n 1
}

# The names of the nodes in the cluster's file: a look at the text, no check of it.
_kiln_nodes() { # FILE
	awk '/^nodes:/ { on = 1; next } on && /^[^ #]/ { exit }
		on && /^ +[a-z0-9]/ { match($0, /^ +/); if (!n) n = RLENGTH
			if (RLENGTH == n) { sub(/^ +/, ""); sub(/:.*/, ""); print } }' "$1" 2>/dev/null
}

_kiln() {
	local program=$1 cur=$2 prev=$3 command='' file=cluster.yaml takes='' i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-f) file=${COMP_WORDS[i + 1]:-cluster.yaml} ;;
		-*) ;;
		*) [ -n "$command" ] || command=${COMP_WORDS[i]} ;;
		esac
	done
	if [ -z "$command" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_kiln_commands "$program") --help --version" -- "$cur")
		return
	fi
	case $prev in -*) takes=$(_kiln_takes "$program" "$command" "$prev") ;; esac
	case $takes in
	'') ;;
	FILE | PATH | DIR | SOCK)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return
		;;
	*) return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_kiln_options "$program" "$command")" -- "$cur")
		return
	fi
	case $("$program" "$command" --help 2>/dev/null | head -n 1) in
	*' json FILE'*) [ "$prev" != "$command" ] || takes='json diff export' ;;
	*'[cluster|board]'*) takes='cluster board' ;;
	*NODE*) takes=$(_kiln_nodes "$file") ;;
	esac
	if [ -n "$takes" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$takes" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
	fi
}

complete -F _kiln kiln kiln-node

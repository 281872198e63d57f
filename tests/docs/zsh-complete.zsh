# What zsh would offer behind the line $1, one a line: an interactive zsh on a pseudo
# terminal gets the line and a Tab; its compadd also writes the matches into a file.
# The line is typed only when the line editor reads: before, Ctrl-D would end the shell.
zmodload zsh/zpty
tmp=$(mktemp -d)
zpty z zsh -f -i
for line in \
	"export KILN_TMP=$tmp PATH=${(q)PATH}" \
	"PS1=; fpath=(${(q)PWD}/completions \$fpath); autoload -U compinit; compinit -u -D" \
	'compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi; local -a __hits; builtin compadd -A __hits "$@"; [[ -n $__hits ]] && print -rl -- $__hits >>$KILN_TMP/matches; builtin compadd "$@"; }' \
	'done-mark() { print done >$KILN_TMP/done; zle -I }; zle -N done-mark; bindkey "^X^D" done-mark; bindkey "^I" expand-or-complete' \
	'zle-line-init() { print ready >$KILN_TMP/ready }; zle -N zle-line-init'; do
	zpty -w z "$line"
done

wait_for() {
	for ((i = 0; i < 1200; i++)); do
		while zpty -r -t z junk; do :; done
		[[ -e $tmp/$1 ]] && return
		sleep 0.05
	done
	print -u 2 "zsh did not get $1 in a minute"
}
wait_for ready
zpty -n -w z "$1"$'\t'$'\C-X\C-D'
wait_for done
zpty -d z
[[ -e $tmp/matches ]] && cat $tmp/matches
rm -rf $tmp

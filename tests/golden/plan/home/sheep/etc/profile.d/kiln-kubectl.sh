# shellcheck shell=sh
# Workers hold no admin's credential.
kpods() {
	echo 'kpods, kwpods: log in to a control-plane; a worker has no kubeconfig' >&2
	return 1
}
alias kwpods='kpods'

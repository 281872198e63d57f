# shellcheck shell=sh
# Names that the users of the cluster know.
alias klogout='exit'

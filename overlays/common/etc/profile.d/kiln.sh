# shellcheck shell=sh
# Names that the users of the cluster know.
alias koff='sudo systemctl start --no-block k3s-graceful-shutdown.service'
alias klogout='exit'

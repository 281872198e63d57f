# shellcheck shell=sh
# The admin's kubeconfig is root's alone.
alias kpods='sudo kubectl get pods -A -o wide'
alias kwpods='watch sudo kubectl get pods -A -o wide'

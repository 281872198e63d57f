/*
 * qemu-kvm - may a machine have KVM?
 *
 * /dev/kvm may be there and hang (nested virtualization), so the answer is a try: the image's own
 * kernel is booted to its first line, within seconds. Another architecture's board never may.
 */
#pragma once

#include "qemu.h"

bool qemu_kvm_works(const struct qemu_spec *spec);

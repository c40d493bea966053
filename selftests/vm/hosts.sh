#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: hosts.sh MODULE [PARAMETER=VALUE]...
#
# Loads the software NIC, a pair of devices joined by a cable, and makes two
# hosts of this machine: dmnic0 stays here, dmnic1 goes to the network
# namespace "remote".

set -eu

insmod "$@"
ip netns add remote
ip link set dmnic1 netns remote

# host ADDRESS-SUFFIX DEVICE [OPTION-OF-IP...]: addresses and brings up a device, with all else as
# the kernel has it: an IPv6 address can be used once no other host was found to have it, and is gone
# when the device goes down.
host() {
    suffix=$1
    device=$2
    shift 2
    ip "$@" -batch - <<END
link set lo up
address add 192.0.2.$suffix/24 dev $device
address add 2001:db8::$suffix/64 dev $device
link set $device up
END
}

host 1 dmnic0
host 2 dmnic1 -netns remote

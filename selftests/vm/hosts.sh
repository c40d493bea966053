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

# host ADDRESS-SUFFIX DEVICE [COMMAND...]: addresses and brings up a device.
host() {
    suffix=$1
    device=$2
    shift 2
    # A link that goes down and up has both its addresses.
    # shellcheck disable=SC2016 # the inner shell's
    "$@" sh -c 'echo 1 >"/proc/sys/net/ipv6/conf/$1/keep_addr_on_down"' sh "$device"
    "$@" ip address add "192.0.2.$suffix/24" dev "$device"
    "$@" ip address add "2001:db8::$suffix/64" dev "$device" nodad
    "$@" ip link set "$device" up
}

host 1 dmnic0
ip netns exec remote ip link set lo up
host 2 dmnic1 ip netns exec remote

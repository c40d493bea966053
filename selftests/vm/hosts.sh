#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: hosts.sh [--host 1|2] MODULE [PARAMETER=VALUE]...
#
# Loads a NIC's module, which is a file or the name of one of the kernel's, for
# a pair of devices joined by a cable, and makes two hosts of this machine: the
# first device (dmnic0, gve0) stays here, the second one goes to the network
# namespace "remote". With --host this machine has one device and is that host.

set -eu

only=
if [ "$1" = --host ]; then
    only=$2
    shift 2
fi
case $1 in
*/*)
    nic=dmnic
    insmod "$@"
    ;;
*)
    nic=$1
    modprobe "$@"
    number=$((${only:-1} - 1))
    for device in /sys/bus/pci/drivers/"$nic"/*:*; do
        # gve begins with the largest MTU, and a network with less says so by DHCP.
        ip link set "$(ls "$device/net")" name "$nic$number" mtu 1500
        number=$((number + 1))
    done
    ;;
esac

# host ADDRESS-SUFFIX DEVICE: the orders for ip by which a device gets its addresses and comes up,
# with all else as the kernel has it: an IPv6 address can be used once no other host was found to have
# it, and is gone when the device goes down.
host() {
    cat <<END
link set lo up
address add 192.0.2.$1/24 dev $2
address add 2001:db8::$1/64 dev $2
link set $2 up
END
}

if [ -n "$only" ]; then
    host "$only" "$nic$((only - 1))" | ip -batch -
    exit
fi
# In one process for each host: under emulation each takes a tenth of a second.
{
    echo netns add remote
    echo link set "${nic}1" netns remote
    host 1 "${nic}0"
} | ip -batch -
host 2 "${nic}1" | ip -netns remote -batch -

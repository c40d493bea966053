#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: selftests/vm/run -- selftests/nic/smoke.sh
#
# What users of the NIC take for granted: plain traffic arrives intact while
# channels, rings, header split and link change, a rule can stop a flow, and
# the module can be removed under load. The runner fails it for a warning in
# the kernel's log. That rules and hashing choose the right queue is what the
# kernel's own ntuple.py, rss_ctx.py and rss_input_xfrm.py test.

set -eu

fail() {
    echo "smoke: $*" >&2
    exit 1
}

remote() {
    ip netns exec remote "$@"
}

# listen PORT FILE: receives one stream into a file.
listen() {
    timeout 120 socat -u "TCP6-LISTEN:$1,ipv6only=0,reuseaddr" "OPEN:$2,creat,trunc" &
    sleep 1
}

work=$(mktemp -d)
head -c 30000000 /dev/urandom >"$work/sent"

# Change everything that can be changed while two streams run.
listen 5400 "$work/four"
listen 5401 "$work/six"
remote timeout 120 socat -u "OPEN:$work/sent" TCP:192.0.2.1:5400 &
remote timeout 120 socat -u "OPEN:$work/sent" 'TCP:[2001:db8::1]:5401' &
for channels in 1 8 3 4; do
    ethtool -L dmnic0 combined "$channels"
    ethtool -G dmnic0 tcp-data-split on rx 64 tx 32
    remote ethtool -L dmnic1 combined "$channels"
    ethtool -G dmnic0 tcp-data-split off rx 1024 tx 512
    ip link set dmnic0 mtu 9000
    ip link set dmnic0 down
    ip link set dmnic0 up
    ip address replace 2001:db8::1/64 dev dmnic0 nodad
    ip link set dmnic0 mtu 1500
done
wait
cmp "$work/sent" "$work/four" || fail "the IPv4 stream is damaged"
cmp "$work/sent" "$work/six" || fail "the IPv6 stream is damaged"

# A rule that leads nowhere stops its flow and no other.
ethtool -N dmnic0 flow-type tcp4 dst-port 5402 action -1 loc 7
listen 5402 "$work/none"
remote timeout 3 socat -u OPEN:/dev/null TCP:192.0.2.1:5402 && fail "the rule stops nothing"
ping -q -c 1 192.0.2.2 >/dev/null || fail "the rule stops more than its flow"
ethtool -N dmnic0 delete 7
remote timeout 10 socat -u OPEN:/dev/null TCP:192.0.2.1:5402 || fail "the rule is still there"
wait

# Removal under load, in both directions.
listen 5403 /dev/null
remote timeout 60 socat -u OPEN:/dev/zero TCP:192.0.2.1:5403 &
ping -q -f -w 5 192.0.2.2 >/dev/null &
sleep 2
rmmod dmnic
ip link show dmnic0 2>/dev/null && fail "dmnic0 is still there"
echo "smoke: passed"

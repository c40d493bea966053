#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Shows the main job, inside the VM: is the NIC able, and 16 MiB into device
# memory, every byte checked.

set -eu

tool=.build/release/ncdevmem
address=192.0.2.1
port=5201
size=$((16 << 20))

say() {
    printf '\n\033[1m%s\033[0m\n' "$*"
}

say "Linux $(uname -r), interface dmnic0 (driver $(ethtool -i dmnic0 | sed -n 's/^driver: //p'))"

say "Can it receive into device memory?   ncdevmem -f dmnic0"
$tool -f dmnic0 && echo "yes"

say "Receive and validate 16 MiB:         ncdevmem -l -f dmnic0 -s $address -p $port -v 7"
$tool -l -f dmnic0 -s $address -p $port -v 7 --expect-bytes $size &
receiver=$!
tries=100
until ss -Hltn "sport = :$port" | grep -q .; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || exit 1
    sleep 0.1
done
yes "$(printf '\001\002\003\004\005\006')" | head -c $size |
    timeout 120 ip netns exec remote socat -u - TCP:$address:$port
wait $receiver

say "And the NIC is as it was:"
ethtool -g dmnic0 | sed -n '/TCP data split/p'
ethtool -n dmnic0 | sed -n '/rules/p'

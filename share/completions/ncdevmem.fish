# SPDX-License-Identifier: GPL-2.0-only
# Completes ncdevmem's options and their values in fish.

function __ncdevmem_interfaces
    for path in /sys/class/net/*/
        string replace -r '^.*/([^/]+)/$' '$1' -- $path
    end
end

function __ncdevmem_memory
    printf '%s\n' $__ncdevmem_memory_kinds
    for path in /dev/dma_heap/*
        string replace -r '^.*/' heap: -- $path
    end
    for path in /dev/dri/card*
        echo drm:$path
    end
end

# The RX queues of the interface among the words.
function __ncdevmem_queues
    set -l words (commandline -opc)
    set -l interface
    for place in (seq 2 (count $words))
        switch $words[$place]
            case '--interface=*'
                set interface (string replace -r '^[^=]*=' '' -- $words[$place])
            case --interface -f
                set interface $words[(math $place + 1)]
            case '-f*'
                set interface (string sub -s 3 -- $words[$place])
        end
    end
    test -n "$interface"; or return
    for path in /sys/class/net/$interface/queues/rx-*
        string replace -r '^.*/rx-' '' -- $path
    end
end

function __ncdevmem_cpus
    cat /sys/devices/system/cpu/online
end

function __ncdevmem_congestion_controls
    string split ' ' </proc/sys/net/ipv4/tcp_available_congestion_control
end

complete -c ncdevmem -f
# Made from the option table: options
set -g __ncdevmem_memory_kinds udmabuf udmabuf:huge=2M udmabuf:huge=1G host host:huge=2M host:huge=1G heap: drm fd: cuda
complete -c ncdevmem -s l -l listen -d 'wait for a connection and receive'
complete -c ncdevmem -s s -l server -x -d 'the address or name to listen at, or to connect to'
complete -c ncdevmem -s p -l port -x -d 'the TCP port, 1 to 65535'
complete -c ncdevmem -s c -l client -x -d 'the sender\'s address'
complete -c ncdevmem -l mss -x -d 'send, and ask for, segments of no more payload than this'
complete -c ncdevmem -l tcp-congestion -x -a '(__ncdevmem_congestion_controls)' -d 'the congestion control to send with, such as cubic'
complete -c ncdevmem -l timeout -x -d 'how long to wait for the peer each time'
complete -c ncdevmem -s f -l interface -x -a '(__ncdevmem_interfaces)' -d 'the network interface, by any of its names'
complete -c ncdevmem -l all -d 'instead of -f: every interface of this network namespace that has a device'
complete -c ncdevmem -s t -l first-queue -x -a '(__ncdevmem_queues)' -d 'the first RX queue to bind'
complete -c ncdevmem -s q -l queues -x -d 'how many RX queues to bind'
complete -c ncdevmem -s n -l no-nic-config -d 'leave header split, RSS and flow rules alone'
complete -c ncdevmem -l restore -d 'undo the changes of a run that was killed together with its guard'
complete -c ncdevmem -l force -d 'with --restore: report what cannot be undone, and forget it'
complete -c ncdevmem -l engine -x -d 'what the payload comes or goes by'
complete -c ncdevmem -l memory -x -a '(__ncdevmem_memory)' -d 'source of the device memory'
complete -c ncdevmem -l memory-size -x -d 'how much device memory to bind'
complete -c ncdevmem -s b -l rx-page-size -x -d 'size of the NIC\'s RX buffers'
complete -c ncdevmem -s a -l autorelease -x -a '0 1' -d 'whether closing a socket returns its tokens'
complete -c ncdevmem -l autorelease-attribute -x -d 'the number of the kernel\'s autorelease attribute'
complete -c ncdevmem -s U -l unbind -x -a '0 1 2' -d 'when to unbind'
complete -c ncdevmem -l busy-poll -x -d 'how long a receive polls the NIC\'s queue for packets'
complete -c ncdevmem -s z -l chunk -x -d 'split each send into pieces of this size'
complete -c ncdevmem -l check -d 'report what a run on the interface would lack, and change nothing'
complete -c ncdevmem -l probe -d 'with --check: try a bind as well, and undo it'
complete -c ncdevmem -l format -x -a 'text json ktap' -d 'with --check: how to report'
complete -c ncdevmem -l flows -x -d 'measure with N connections, 1 to 1024, each with a stream of its own'
complete -c ncdevmem -l duration -x -d 'end after this time'
complete -c ncdevmem -l omit -x -d 'leave out this much of the start, as a warm-up'
complete -c ncdevmem -l interval -x -d 'how often to report'
complete -c ncdevmem -l control -x -d 'agree with the peer over a separate connection, and exchange figures'
complete -c ncdevmem -s R -l reverse -d 'have the end that listens send, and receive its flows here'
complete -c ncdevmem -l bidir -d 'have both ends send that many flows to each other at once'
complete -c ncdevmem -l latency -d 'exchange messages instead of sending streams, one at a time in each flow, and report how long that takes'
complete -c ncdevmem -l request -x -d 'with --latency: the size of what this end asks'
complete -c ncdevmem -l response -x -d 'with --latency: the size of what the other end answers'
complete -c ncdevmem -l threads -x -d 'share the flows among N threads'
complete -c ncdevmem -l cpus -x -a '(__ncdevmem_cpus)' -d 'pin the threads to these CPUs in turn, such as 0-3,8'
complete -c ncdevmem -l bytes -x -d 'end each flow after this many bytes'
complete -c ncdevmem -l pattern -x -d 'send the pattern that -v N expects'
complete -c ncdevmem -l rate -x -d 'limit each flow to this many bits a second'
complete -c ncdevmem -l host-memory -d 'send from host memory, not device memory'
complete -c ncdevmem -s v -l validate -x -d 'expect bytes 1 to N-1 and a newline, repeated'
complete -c ncdevmem -l validate-every -x -d 'with -v, check the first of every N fragments'
complete -c ncdevmem -l expect-bytes -x -d 'fail unless the stream has this length'
complete -c ncdevmem -l allow-plain -d 'pass although some payload came outside of device memory, in frames left whole'
complete -c ncdevmem -s L -l fail-on-linear -d 'fail at the first payload in host memory, in a frame split wrongly or left whole'
complete -c ncdevmem -l json -d 'print one JSON document, whatever the run ends with'
complete -c ncdevmem -l json-stream -d 'print JSON while measuring, an object a line'
complete -c ncdevmem -l quiet -d 'print what is wrong and what was asked for, and nothing else'
complete -c ncdevmem -l trace -d 'print each received fragment on standard error'
complete -c ncdevmem -s h -l help -d 'print the options and exit'
complete -c ncdevmem -l version -d 'print the version and what it can do, and exit'
# End of options

# SPDX-License-Identifier: GPL-2.0-only
# Completes ncdevmem's options and their values in bash.
# shellcheck shell=bash

# Made from the option table: options
_ncdevmem_memory_kinds="udmabuf udmabuf:huge=2M udmabuf:huge=1G host host:huge=2M host:huge=1G heap: drm fd: cuda"
_ncdevmem_options="
    -l --listen
    -s --server
    -p --port
    -c --client
    --mss
    --tcp-congestion
    --timeout
    -f --interface
    --all
    -t --first-queue
    -q --queues
    -n --no-nic-config
    --restore
    --force
    --engine
    --memory
    --memory-size
    -b --rx-page-size
    -a --autorelease
    --autorelease-attribute
    -U --unbind
    --busy-poll
    -z --chunk
    --check
    --probe
    --format
    --flows
    --duration
    --omit
    --interval
    --control
    -R --reverse
    --bidir
    --latency
    --request
    --response
    --threads
    --cpus
    --bytes
    --pattern
    --rate
    --host-memory
    -v --validate
    --validate-every
    --expect-bytes
    --allow-plain
    -L --fail-on-linear
    --json
    --json-stream
    --quiet
    --trace
    -h --help
    --version
"
_ncdevmem_value() {
    case $1 in
    -s | --server) echo "words" ;;
    -p | --port) echo "words" ;;
    -c | --client) echo "words" ;;
    --mss) echo "words" ;;
    --tcp-congestion) echo "congestion_controls" ;;
    --timeout) echo "words" ;;
    -f | --interface) echo "interfaces" ;;
    -t | --first-queue) echo "queues" ;;
    -q | --queues) echo "words" ;;
    --engine) echo "words" ;;
    --memory) echo "memory" ;;
    --memory-size) echo "words" ;;
    -b | --rx-page-size) echo "words" ;;
    -a | --autorelease) echo "words 0 1" ;;
    --autorelease-attribute) echo "words" ;;
    -U | --unbind) echo "words 0 1 2" ;;
    --busy-poll) echo "words" ;;
    -z | --chunk) echo "words" ;;
    --format) echo "words text json ktap" ;;
    --flows) echo "words" ;;
    --duration) echo "words" ;;
    --omit) echo "words" ;;
    --interval) echo "words" ;;
    --control) echo "words" ;;
    --request) echo "words" ;;
    --response) echo "words" ;;
    --threads) echo "words" ;;
    --cpus) echo "cpus" ;;
    --bytes) echo "words" ;;
    --pattern) echo "words" ;;
    --rate) echo "words" ;;
    -v | --validate) echo "words" ;;
    --validate-every) echo "words" ;;
    --expect-bytes) echo "words" ;;
    *) return 1 ;;
    esac
}
# End of options

# What the host has, a word a line.

_ncdevmem_interfaces() {
    local path
    for path in /sys/class/net/*/; do
        [[ -d $path ]] && basename "$path"
    done
}

_ncdevmem_memory() {
    local path
    # shellcheck disable=SC2086 # one word a kind
    printf '%s\n' $_ncdevmem_memory_kinds
    for path in /dev/dma_heap/*; do
        [[ -e $path ]] && echo "heap:${path##*/}"
    done
    for path in /dev/dri/card*; do
        [[ -e $path ]] && echo "drm:$path"
    done
}

# The RX queues of the interface among the words.
_ncdevmem_queues() {
    local path
    for path in "/sys/class/net/$_ncdevmem_interface/queues"/rx-*; do
        [[ -e $path ]] && echo "${path##*/rx-}"
    done
}

_ncdevmem_cpus() {
    cat /sys/devices/system/cpu/online
}

_ncdevmem_congestion_controls() {
    tr ' ' '\n' </proc/sys/net/ipv4/tcp_available_congestion_control
}

_ncdevmem_words() {
    [[ $# -eq 0 ]] || printf '%s\n' "$@"
}

# _ncdevmem_split WORD: set "option", "value" and "front" (what of the word is before the value) if
# the word is an option that takes a value; "has_value" if it has that, too. They are the caller's,
# so nothing unsets them here: that would bring those of an outer scope to light.
_ncdevmem_split() {
    local place letter
    option='' value='' front='' has_value=''
    case $1 in
    --*=*)
        option=${1%%=*} value=${1#*=} front=${1%%=*}= has_value=1
        ;;
    --*)
        option=$1
        ;;
    -?*)
        # Letters cluster, up to one that takes a value.
        for ((place = 1; place < ${#1}; place++)); do
            letter=-${1:place:1}
            if _ncdevmem_value "$letter" >/dev/null; then
                option=$letter
                if ((place + 1 < ${#1})); then
                    value=${1:place+1} front=${1:0:place+1} has_value=1
                fi
                break
            fi
        done
        ;;
    esac
    [[ -n $option ]] && _ncdevmem_value "$option" >/dev/null
}

_ncdevmem() {
    local line word words head kind='' option value front has_value previous='' candidates=()
    local _ncdevmem_interface=''
    COMPREPLY=()
    # The words as they were typed: bash divides them at = and : as well.
    line=${COMP_LINE:0:COMP_POINT}
    word=${line##*[[:blank:]]}
    read -ra words <<<"${line%"$word"}"
    unset 'words[0]'
    for previous in "${words[@]}"; do
        # A value is no option, whatever it looks like.
        if [[ -n $kind ]]; then
            [[ $kind == interfaces ]] && _ncdevmem_interface=$previous
            kind=
        elif _ncdevmem_split "$previous"; then
            kind=$(_ncdevmem_value "$option")
            if [[ -n $has_value ]]; then
                [[ $kind == interfaces ]] && _ncdevmem_interface=$value
                kind=
            fi
        fi
    done

    if [[ -n $kind ]]; then
        value=$word front=
    elif _ncdevmem_split "$word" && [[ -n $has_value ]]; then
        kind=$(_ncdevmem_value "$option")
    else
        kind="words $_ncdevmem_options" value=$word front=
    fi
    # Of the word, readline replaces what is behind the last character that divides words.
    head=${word%"${word##*["$COMP_WORDBREAKS"]}"}
    # shellcheck disable=SC2086 # a function and its words
    mapfile -t candidates < <(_ncdevmem_$kind 2>/dev/null)
    for line in "${candidates[@]}"; do
        # What ends with a colon is no help once it is there.
        [[ $line == "$value" && $line == *: ]] && continue
        [[ $line == "$value"* ]] && COMPREPLY+=("${front}${line}")
    done
    COMPREPLY=("${COMPREPLY[@]#"$head"}")
    # Behind a colon there is more to type.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _ncdevmem ncdevmem

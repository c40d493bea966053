# SPDX-License-Identifier: GPL-2.0-only
# Runs steps, each in spite of failures of others, and counts their tests. Sourced after lib.sh,
# in the checkout's root, with "logs" set to the directory for their output.
# shellcheck shell=sh disable=SC2154,SC2034

rm -rf "$logs"
mkdir -p "$logs"
passed=0
failed=0
skipped=0

# step NAME COMMAND...: run a step and count its tests.
step() {
    printf '\n=== %s\n' "$1"
    run "$@"
    count "$1"
}

# run NAME COMMAND...: run a step, whose output, exit status and seconds then lie in $logs.
run() {
    name=$1
    shift
    started=$(date +%s)
    {
        code=0
        "$@" || code=$?
        echo "$code $(($(date +%s) - started))" >"$logs/$name.status"
    } 2>&1 | tee "$logs/$name.log"
}

# count NAME: count the tests of a step that has run. One whose output ends with a line such as
# "5 passed, 0 failed, 1 skipped" counts as that many tests, any other as one.
count() {
    read -r code seconds <"$logs/$1.status"
    tally=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
        "$logs/$1.log" | tail -n 1)
    echo "=== $1: exit status $code after $seconds s"
    [ -n "$tally" ] || tally="1 0 0"
    # shellcheck disable=SC2086 # three numbers
    set -- $tally
    # A failure counts, whatever the step says of it.
    if [ "$code" != 0 ] && [ "$2" = 0 ]; then
        set -- $(($1 - ($1 == 1))) 1 "$3"
    fi
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

# beside NAME COMMAND...: as `run`, for a step that others run beside: each line begins with its
# name.
beside() {
    run "$@" | sed -u "s/^/$1: /"
}

# side_by_side LANE LANE: run two functions at once, which do steps by `beside`, until both are done.
# Their steps are to be counted afterwards.
side_by_side() {
    "$2" &
    second=$!
    # An interrupt reaches no process in the background: that one goes with this one.
    trap 'kill $second 2>/dev/null || true' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    "$1"
    wait $second || true
    trap - EXIT INT TERM
}

# kernel_tests KERNEL: run the tests for a real kernel in the VM.
kernel_tests() {
    step "kernel-$1" in_kernel "$1"
}

# share NAME: make an empty directory by which machines share tests.
share() {
    rm -rf "$logs/share-$1"
    mkdir "$logs/share-$1"
}

# in_kernel KERNEL [OPTION...]: run the tests for a real kernel, with options of selftests/run.
in_kernel() {
    booted=$1
    shift
    selftests/vm/run --kernel "$booted" --timeout 1800 --kernel-log "$logs/$name.dmesg" -- \
        selftests/run "$@" "$(scripts/upstream)" "${CASES:-}"
}

# lacks_gve KERNEL: whether there can be no machine with a gVNIC, and why.
lacks_gve() {
    reason=$(scripts/qemu 2>&1 >/dev/null) || return 0
    tree=$(scripts/kernel "$1")
    reason="the kernel $(basename "$tree") has no driver gve"
    ! ls "$tree"/usr/lib/modules/*/kernel/drivers/net/ethernet/google/gve/gve.ko* >/dev/null 2>&1
}

# on_gve KERNEL OPTION... -- COMMAND...: run a command in a machine with gVNICs.
on_gve() {
    booted=$1
    shift
    selftests/vm/run --kernel "$booted" --nic gve --kernel-log "$logs/$name.dmesg" "$@"
}

# jobs_on_gve KERNEL: do the tool's jobs on the kernel's own gve driver.
jobs_on_gve() {
    on_gve "$1" --timeout 900 -- selftests/drivers "$(scripts/upstream)"
}

# two_machines KERNEL: have the tool in two machines measure over a cable of gVNICs.
two_machines() {
    on_gve "$1" --timeout 900 --two -- selftests/run "$(scripts/upstream)" 'two machines: '
}

# skip NAME REASON: count a step that cannot be run here.
skip() {
    printf '\n=== %s: skipped: %s\n' "$1" "$2"
    skipped=$((skipped + 1))
}

# slowest: print how long the steps took, and the ten cases for a real kernel that took longest.
slowest() {
    printf '\n=== seconds of each step\n'
    for status in "$logs"/*.status; do
        read -r code seconds <"$status"
        step=${status##*/}
        echo "$seconds ${step%.status}"
    done | sort -rn
    printf '\n=== seconds of the slowest cases\n'
    for log in "$logs"/kernel-*.log; do
        step=${log##*/}
        sed -n "s/^\(.*\): \(ok\|FAIL: .*\) \[\([0-9.]*\) s\]\$/\3 ${step%.log}: \1/p" "$log"
    done | sort -rn | head
}

# failures: print what the steps that failed say of it. Who sees only the end of a run's output sees
# this.
failures() {
    for status in "$logs"/*.status; do
        read -r code seconds <"$status"
        [ "$code" != 0 ] || continue
        step=${status##*/}
        step=${step%.status}
        printf '\n=== %s failed: exit status %s after %s s\n' "$step" "$code" "$seconds"
        said=$(grep -aE '(^|: )FAIL(ED)?: |^✘ |: error: |the kernel complained' "$logs/$step.log") ||
            said=$(tail -n 20 "$logs/$step.log")
        echo "$said" | tail -n 20
    done
}

# sum: print what failed and the count, and fail if a test did.
sum() {
    failures
    printf '\n%s passed, %s failed, %s skipped\n' $passed $failed $skipped
    [ $failed = 0 ]
}

# SPDX-License-Identifier: GPL-2.0-only
# Runs steps, each in spite of failures of others, and counts their tests. Sourced after lib.sh,
# in the checkout's root, with "logs" set to the directory for their output.
# shellcheck shell=sh disable=SC2154

rm -rf "$logs"
mkdir -p "$logs"
passed=0
failed=0
skipped=0

# step NAME COMMAND...: run a step. One whose output ends with a line such as "5 passed, 0 failed,
# 1 skipped" counts as that many tests, any other as one.
step() {
    name=$1
    shift
    printf '\n=== %s\n' "$name"
    started=$(date +%s)
    {
        code=0
        "$@" || code=$?
        echo $code >"$logs/$name.status"
    } 2>&1 | tee "$logs/$name.log"
    code=$(cat "$logs/$name.status")
    tally=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
        "$logs/$name.log" | tail -n 1)
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
    echo "=== $name: exit status $code after $(($(date +%s) - started)) s"
}

# kernel_tests KERNEL: run the tests for a real kernel in the VM.
kernel_tests() {
    step "kernel-$1" selftests/vm/run --kernel "$1" --timeout 1800 \
        --kernel-log "$logs/kernel-$1.dmesg" -- selftests/run "$(scripts/upstream)"
}

# sum: print the count, and fail if a test did.
sum() {
    printf '\n%s passed, %s failed, %s skipped\n' $passed $failed $skipped
    [ $failed = 0 ]
}

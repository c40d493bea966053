# SPDX-License-Identifier: GPL-2.0-only
# Shared by the scripts beside it: where things are cached, and how they get there.
# shellcheck shell=sh disable=SC2034

set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ncdevmem
mkdir -p "$cache"
cache=$(cd "$cache" && pwd -P)

say() {
    echo "${0##*/}: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# archive NAME: where this machine's apt gets an archive of Debian's from, "debian"
# or "debian-security".
archive() {
    # shellcheck disable=SC2016 # apt's variable
    uri=$(apt-get indextargets --format '$(REPO_URI)' | sed -n "s:/$1/*\$:/$1:p" | head -n 1)
    [ -n "$uri" ] || die "apt's sources have no archive $1: set DEBIAN_MIRROR, DEBIAN_SECURITY_MIRROR"
    echo "$uri"
}

# once TARGET COMMAND...: run COMMAND with a temporary path as its last
# argument and rename the result to TARGET, unless TARGET exists. Two runs at
# once wait for each other, and an interrupted one leaves no TARGET.
once() {
    target=$1
    shift
    [ ! -e "$target" ] || return 0
    mkdir -p "${target%/*}"
    exec 9>"$target.lock"
    flock -n 9 || {
        say "waiting for another run to make $target"
        flock 9
    }
    if [ ! -e "$target" ]; then
        rm -rf "$target.tmp"
        "$@" "$target.tmp"
        mv "$target.tmp" "$target"
    fi
    exec 9>&-
}

# daily FILE COMMAND...: what COMMAND prints, which is asked once a day and kept
# in FILE. Fails where that is nothing.
daily() {
    file=$1
    shift
    if [ -z "$(find "$file" -mtime -1 2>/dev/null)" ]; then
        answer=$("$@")
        [ -n "$answer" ] || return 1
        mkdir -p "${file%/*}"
        echo "$answer" >"$file.$$"
        mv "$file.$$" "$file"
    fi
    cat "$file"
}

# unpack_packages DIRECTORY PACKAGE...: fetch packages of the testbed's Debian and
# unpack them in a directory.
unpack_packages() {
    directory=$1
    shift
    mkdir "$directory" "$directory/debs"
    (cd "$directory/debs" && "$checkout/scripts/debian" apt-get download "$@" >&2)
    say "unpacking it"
    for deb in "$directory"/debs/*.deb; do
        dpkg-deb -x "$deb" "$directory"
    done
    rm -r "$directory/debs"
}

# unpack_source PACKAGE DIRECTORY [MEMBER...]: the tree, or these of its files, in a linux-source
# package.
unpack_source() {
    package=$1
    directory=$2
    shift 2
    name=$(dpkg-deb --field "$package" Package)
    for member; do
        set -- "$@" "$name/$member"
        shift
    done
    dpkg-deb --fsys-tarfile "$package" | tar -x -O "./usr/src/$name.tar.xz" |
        tar -x -J --strip-components=1 -C "$directory" "$@"
}

# digest FILE...: a short name for these files' contents.
digest() {
    cat -- "$@" | sha256sum | cut -c1-16
}

# source_date: when the sources changed last, in seconds: what is packed from the same sources is
# the same.
source_date() {
    [ -z "${SOURCE_DATE_EPOCH:-}" ] || {
        echo "$SOURCE_DATE_EPOCH"
        return
    }
    own_git log -1 --format=%ct 2>/dev/null || date -r "$checkout/CHANGELOG.md" +%s
}

# own_git ARGUMENT...: git on this checkout; fails where it has no repository of its own.
own_git() {
    GIT_CEILING_DIRECTORIES=${checkout%/*} git -C "$checkout" "$@"
}

#!/bin/sh
# Installs the system packages that some tests use, where they are missing and we may: strace (crash states, failing
# system calls). Without it, or without the right to install it, those tests are skipped and say so.
set -eu
command -v strace >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get install -y -qq strace >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq strace >/dev/null; }
else
    echo "strace is missing: the tests that trace system calls will be skipped (install it as root to run them)" >&2
fi

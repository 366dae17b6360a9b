#!/bin/sh
# Installs the system packages that some tests use, where they are missing and we may: strace (crash states, failing
# system calls), PostgreSQL (states of another saver), zsh and fish (completion). Without one, or without the right to
# install it, those tests are skipped and say so. PostgreSQL is installed without the server that Debian would start:
# tests start their own (tools/postgres.py).
set -eu
missing=""
for name in strace zsh fish; do
    command -v $name >/dev/null 2>&1 || missing="$missing $name"
done
command -v pg_ctl >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1 || missing="$missing postgresql"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    # shellcheck disable=SC2086  # names of packages, one a word
    apt-get install -y -qq $missing >/dev/null 2>&1 && exit 0
    apt-get update -qq || true
    failed=""
    for name in $missing; do
        apt-get install -y -qq "$name" >/dev/null || failed="$failed $name"
    done
    missing=$failed
fi
[ -z "$missing" ] ||
    echo "missing:$missing: the tests that use it will be skipped (install it as root to run them)" >&2

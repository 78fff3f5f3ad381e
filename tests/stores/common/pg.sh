#!/usr/bin/env bash
# A private PostgreSQL for the store rigs.
#   pg.sh up            start it (makes it on first use); prints PGHOST/PGPORT/PGUSER lines
#   pg.sh db NAME       make database NAME where it is missing
#   pg.sh drop NAME     drop database NAME
#   pg.sh down          stop it
# Binaries: Debian's /usr/lib/postgresql/*/bin, or what STORES_PG_BIN names.
# PostgreSQL refuses to run as root, so for root it runs as an unprivileged user.
# To use a server you already have: set STORES_PG_EXTERNAL=1 with PGHOST, PGPORT, PGUSER.
set -euo pipefail
STORES_HOME="${STORES_HOME:-$HOME/.cache/stores}"
export PGHOST="${PGHOST:-127.0.0.1}" PGPORT="${STORES_PG_PORT:-${PGPORT:-5439}}" PGUSER="${PGUSER:-postgres}"

find_bin() {
    if [ -n "${STORES_PG_BIN:-}" ]; then echo "$STORES_PG_BIN"; return; fi
    local d
    for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
        [ -x "$d/initdb" ] && { echo "$d"; return; }
    done
    echo "pg.sh: no PostgreSQL programs: install Debian's, or set STORES_PG_BIN" >&2; exit 1
}
pg_home() {
    if [ -n "${STORES_PG_HOME:-}" ]; then echo "$STORES_PG_HOME"
    elif [ "$(id -u)" = 0 ]; then echo /var/tmp/stores-pg
    else echo "$STORES_HOME/pg"; fi
}
as_pg() {
    if [ "$(id -u)" = 0 ]; then
        local who=nobody; getent passwd postgres >/dev/null && who=postgres
        (cd / && setpriv --reuid="$who" --regid="$(id -gn "$who")" --clear-groups env HOME=/tmp "$@")
    else "$@"; fi
}
up() {
    if [ -n "${STORES_PG_EXTERNAL:-}" ]; then return; fi
    local home bin data; home="$(pg_home)"; bin="$(find_bin)"; data="$home/data-$("$bin/postgres" --version | grep -oE '[0-9]+' | head -1)"
    mkdir -p "$home"
    if [ "$(id -u)" = 0 ]; then
        chmod 755 "$home"
        mkdir -p "$data"; local who=nobody; getent passwd postgres >/dev/null && who=postgres
        chown "$who" "$data"
    fi
    [ -s "$data/PG_VERSION" ] || as_pg "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
    if ! as_pg "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
        # A test rig: fsync off is on purpose.
        as_pg "$bin/pg_ctl" -D "$data" -w -t 60 -l "$data/server.log" \
            -o "-p $PGPORT -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c synchronous_commit=off -c max_connections=200" start >/dev/null
    fi
}
sql() { "$(find_bin)/psql" -X -q -At -d "${DB:-postgres}" "$@"; }
case "${1:-}" in
    up) up; echo "PGHOST=$PGHOST PGPORT=$PGPORT PGUSER=$PGUSER" ;;
    db) up; [ -n "$(sql -c "select 1 from pg_database where datname='$2'")" ] || sql -c "create database \"$2\"" ;;
    drop) up; sql -c "drop database if exists \"$2\" with (force)" ;;
    psql) shift; DB="$1"; shift; sql "$@" ;;
    down) [ -n "${STORES_PG_EXTERNAL:-}" ] || as_pg "$(find_bin)/pg_ctl" -D "$(pg_home)/data-$("$(find_bin)/postgres" --version | grep -oE '[0-9]+' | head -1)" -m fast stop ;;
    *) sed -n 2,12p "$0"; exit 2 ;;
esac

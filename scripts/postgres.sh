#!/bin/sh
# Starts, stops or names a throw-away PostgreSQL for tests: unix socket only, fsync off.
#   eval "$(scripts/postgres.sh start)"   sets STAGEDOOR_TEST_POSTGRES
#   scripts/postgres.sh stop
set -eu
dir=${STAGEDOOR_TEST_POSTGRES_DIR:-/tmp/stagedoor-postgres}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "PostgreSQL is not installed: scripts/setup.sh" >&2; exit 1; }
run() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
case "${1:-}" in
start)
  if ! { [ -s "$dir/data/postmaster.pid" ] && run "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; }; then
    rm -rf "$dir"; mkdir -p "$dir"
    [ "$(id -u)" != 0 ] || chown postgres:postgres "$dir"
    run "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync >/dev/null
    run "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" -o "-c listen_addresses= -c unix_socket_directories=$dir -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" start >/dev/null
  fi
  echo "export STAGEDOOR_TEST_POSTGRES='postgres:///postgres?host=$dir&user=postgres'"
  ;;
stop) run "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir" ;;
*) sed -n '2,4p' "$0" >&2; exit 2 ;;
esac

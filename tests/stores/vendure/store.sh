#!/usr/bin/env bash
# Vendure store: store.sh start|stop|reset|status|run|install
HERE="$(cd "$(dirname "$0")" && pwd)"
RIG=vendure
export PORT="${PORT:-3901}"
. "$HERE/../common/rig.sh"

rig_env() {
    export VENDURE_DISABLE_TELEMETRY=true STORE_DB="${STORE_DB:-postgres}"
    if [ "$STORE_DB" = postgres ]; then
        "$PG" db "$DB_NAME"
        eval "export $("$PG" up)"
        export PGDATABASE="$DB_NAME"
    fi
}
# Our plug-in, as a merchant installs it.
rig_files() { cp -r "$HERE/../../../connector/platforms/vendure/plugin" "$APP/src/connector-vendure-plugin"; }
rig_serve() { exec node src/server.js; }
rig_ready() { grep -q '^READY' "$STORE_DATA/log.server" 2>/dev/null && curl -fs -o /dev/null "http://127.0.0.1:$PORT/health"; }
rig_main "$@"

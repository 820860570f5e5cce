#!/usr/bin/env bash
# Installs the relay of this checkout as a systemd service, or updates it. As root, after `npm install` as yourself:
#   sudo relay/deploy/install.sh
# With DESTDIR=<folder> it only puts the files there: no user, no service.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly NAME=claude-spread-relay
root=${DESTDIR:-}
app=$root/opt/$NAME
etc=$root/etc/$NAME
unit=$root/etc/systemd/system/$NAME.service

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

node=$(command -v node) || fail "there is no node; 20.11 or later is needed"
"$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 11) ? 0 : 1)' ||
  fail "$node is $("$node" --version); 20.11 or later is needed"
[ -f relay/dist/index.js ] || fail "the relay is not built: run npm install first"
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "to be run as root"
# The service sees neither: a node of nvm in somebody's home would start here and not there.
case $node in
/home/* | /root/*) [ -n "$root" ] || fail "$node is out of the service's sight; install Node for the whole machine" ;;
esac

# Everything beside the old one first, so that a failure leaves the old one whole.
rm -rf "$app.new"
mkdir -p "$app.new/relay"
cp package.json package-lock.json "$app.new/"
cp -R relay/package.json relay/LICENSE relay/README.md relay/dist "$app.new/relay/"
(cd "$app.new" && npm ci --workspace relay --omit=dev --ignore-scripts --no-audit --no-fund)
chmod -R u=rwX,go=rX "$app.new"

if [ -z "$root" ] && ! id "$NAME" >/dev/null 2>&1; then
  useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin "$NAME"
fi

# Tokens and a key may come to lie here: root writes, the service reads, nobody else does either.
mkdir -p "$etc" "$(dirname "$unit")"
if [ ! -e "$etc/relay.env" ]; then
  (
    umask 077
    sed '/docker-compose.yml alone/,/^$/d' relay/deploy/.env.example >"$etc/relay.env"
    echo "# Lets senders take their rooms back after a restart, an update for example." >>"$etc/relay.env"
    "$node" -p '"RELAY_SECRET=" + require("node:crypto").randomBytes(16).toString("hex")' >>"$etc/relay.env"
  )
fi
chmod 0750 "$etc"
chmod 0640 "$etc/relay.env"
[ -n "$root" ] || chown -R "root:$NAME" "$etc"

sed "s|/usr/bin/node|$node|" "relay/deploy/$NAME.service" >"$unit"

rm -rf "$app.old"
[ ! -e "$app" ] || mv "$app" "$app.old"
mv "$app.new" "$app"
rm -rf "$app.old"

[ -z "$root" ] || exit 0
systemctl daemon-reload
systemctl enable "$NAME"
systemctl restart "$NAME"
systemctl --no-pager --lines=5 status "$NAME"

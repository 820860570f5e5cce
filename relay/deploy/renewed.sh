#!/bin/sh
# A deploy hook of certbot: gives the relay, which must not read /etc/letsencrypt, its new certificate (DEPLOY.md).
set -eu
umask 077
for file in fullchain.pem privkey.pem; do
  # Put beside first, so that the relay never reads half a file.
  install -m 0640 -g claude-spread-relay "$RENEWED_LINEAGE/$file" "/etc/claude-spread-relay/$file.new"
  mv "/etc/claude-spread-relay/$file.new" "/etc/claude-spread-relay/$file"
done
# Not there yet at the first certificate.
systemctl try-reload-or-restart claude-spread-relay

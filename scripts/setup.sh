#!/usr/bin/env bash
# Installs on Debian what the tests need beside Go and Node: PostgreSQL, Chromium, strace, and a C compiler for the race
# detector. Installs only what is missing and says nothing when all is there.
set -euo pipefail

say() { echo "setup: $*" >&2; }
need() { command -v "$1" >/dev/null 2>&1 || { say "$1 is missing: $2"; exit 1; }; }

need go "install Go 1.26 or newer, https://go.dev/dl/"
need node "install Node.js 20.19 or newer, https://nodejs.org/"
need npm "it comes with Node.js, https://nodejs.org/"

missing=()
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
command -v chromium >/dev/null 2>&1 || missing+=(chromium)
# The browser tests take screenshots: emoji need a font, or they are boxes.
[ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || missing+=(fonts-noto-color-emoji)
# internal/provision/crash kills processes at the system call of its choice.
command -v strace >/dev/null 2>&1 || missing+=(strace)
# go test -race needs cgo (https://go.dev/doc/articles/race_detector#Requirements).
command -v "${CC:-gcc}" >/dev/null 2>&1 || missing+=(gcc libc6-dev)
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  say "please install: ${missing[*]} (these are the Debian names; this system has no apt-get)"
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  say "${missing[*]} must be installed, which needs root: sudo scripts/setup.sh"
  exit 1
fi

say "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  say "apt-get failed; the whole log is in $log"
  exit 1
fi
rm -f "$log"

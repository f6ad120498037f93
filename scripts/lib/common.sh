# Sourced by the scripts beside it: where things are, and three helpers.
# shellcheck shell=bash disable=SC2034
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$lib/../.." && pwd)
cache=${DEPLOYER_CACHE:-$project/.cache}
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*" >&2; }

# limit SECONDS COMMAND...: macOS has no `timeout`; there, commands run without a limit.
limit() {
  if command -v timeout >/dev/null; then timeout "$@"; else shift && "$@"; fi
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# one_at_a_time NAME: waits until no other run is inside the same part.
one_at_a_time() {
  mkdir -p "$cache"
  exec 9>"$cache/$1.lock"
  if command -v flock >/dev/null; then flock 9; fi
}

# fetch_package PACKAGE FOLDER: unpacks a Debian package without installing it, so that no service
# starts and no root is needed.
fetch_package() {
  local into
  into=$(mktemp -d)
  (cd "$into" && { apt-get download -qq "$1" || { apt-get update -qq && apt-get download -qq "$1"; }; }) \
    </dev/null >/dev/null 2>&1 || { rm -rf "$into"; return 1; }
  mkdir -p "$2"
  dpkg -x "$into"/*.deb "$2"
  rm -rf "$into"
}

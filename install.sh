#!/bin/sh
# Installs the program vrpc of a release, after a check of its SHA-256:
#
#     curl -fsSL https://github.com/vrpc/vrpc/releases/latest/download/install.sh | sh
#
# Variables: VRPC_VERSION (a tag such as v0.1.0; default the latest), VRPC_INSTALL (the folder; default ~/.local/bin),
# VRPC_PROGRAM (vrpc, server, client, benchmark, enclave or host; default vrpc), VRPC_RELEASES (address of the releases).
set -eu

releases=${VRPC_RELEASES:-https://github.com/vrpc/vrpc/releases}
folder=${VRPC_INSTALL:-$HOME/.local/bin}
program=${VRPC_PROGRAM:-vrpc}

fail() {
  echo "install: $1" >&2
  exit 1
}

fetch() {
  if command -v curl >/dev/null; then
    curl -fsSL --retry 2 -o "$2" "$1" || fail "cannot download $1"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1" || fail "cannot download $1"
  else
    fail "needs curl or wget"
  fi
}

sha256() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  else
    fail "needs sha256sum or shasum"
  fi
}

# Everything in a function: a script that is cut off in its download does nothing.
main() {
  case "$(uname -s) $(uname -m)" in
    "Linux x86_64") target=x86_64-unknown-linux-gnu ;;
    "Linux aarch64" | "Linux arm64") target=aarch64-unknown-linux-gnu ;;
    "Darwin x86_64") target=x86_64-apple-darwin ;;
    "Darwin arm64") target=aarch64-apple-darwin ;;
    *) fail "there is no program for $(uname -s) on $(uname -m); use deno install or npx @vrpc/vrpc" ;;
  esac
  if [ -n "${VRPC_VERSION:-}" ]; then
    files=$releases/download/$VRPC_VERSION
  else
    files=$releases/latest/download
  fi
  temporary=$(mktemp -d)
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 1' HUP INT TERM

  fetch "$files/SHA256SUMS" "$temporary/sums"
  # Lines are "HASH  ./vrpc-PROGRAM-TAG-TARGET.tar.gz".
  line=$(grep -m 1 -E "[ /*]vrpc-$program-v[^ /]*-$target\.tar\.gz\$" "$temporary/sums") ||
    fail "the release has no $program for $target"
  expected=${line%% *}
  name=${line##*[ /*]}
  fetch "$files/$name" "$temporary/archive.tar.gz"
  actual=$(sha256 "$temporary/archive.tar.gz")
  [ "$actual" = "$expected" ] || fail "the SHA-256 of $name is $actual, but the release says $expected; nothing was installed"

  tar -xzf "$temporary/archive.tar.gz" -C "$temporary" "$program" || fail "$name has no $program"
  mkdir -p "$folder"
  chmod 755 "$temporary/$program"
  # Through a file in the same folder, so that a running program is replaced at once.
  mv "$temporary/$program" "$folder/.$program.new"
  mv -f "$folder/.$program.new" "$folder/$program"
  echo "installed $folder/$program ($name)"
  case ":$PATH:" in
    *":$folder:"*) ;;
    *) echo "add $folder to PATH to run it by its name" ;;
  esac
}

main

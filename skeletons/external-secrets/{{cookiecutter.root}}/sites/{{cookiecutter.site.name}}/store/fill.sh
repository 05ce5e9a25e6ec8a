#!/bin/sh
# Brings the values of {{ cookiecutter.site.name }} into the store: sh sites/{{ cookiecutter.site.name }}/store/fill.sh [NAME...]
#
# Without names it writes what the store lacks and leaves the rest; a name is written even if it is there.
# A value goes from sops to the store's client through pipes: it is never an argument, in a file, or printed.
# Needs sops with SOPS_AGE_KEY_FILE, and bao or vault with its address (BAO_ADDR, VAULT_ADDR), logged in.
set -eu +x

mount={{ cookiecutter.site.secrets.externalSecrets.mount }}
folder={{ cookiecutter.site.name }}
values=$(dirname "$0")/values.sops.yaml

if command -v bao >/dev/null; then client=bao
elif command -v vault >/dev/null; then client=vault
else echo "neither bao nor vault is there" >&2; exit 1
fi

put() { # NAME [OPTION]; prints what the client says when it fails
  name=$1; shift
  # The x keeps line ends at the end, which $() would take away.
  value=$(sops decrypt --extract "[\"$name\"]" "$values" && echo x) || return 1
  printf %s "${value%x}" | "$client" kv put "-mount=$mount" "$@" "$folder/$name" value=- 2>&1 >/dev/null
}

fill() { # NAME; -cas=0 writes only where nothing is
  if said=$(put "$1" -cas=0); then
    echo "$1: written"
    return
  fi
  case $said in
    *check-and-set*) echo "$1: there already, left alone" ;;
    *) echo "$1: $said" >&2; return 1 ;;
  esac
}

if [ $# -gt 0 ]; then
  for name; do
    said=$(put "$name") || { echo "$name: $said" >&2; exit 1; }
    echo "$name: written"
  done
else
  # The names are in clear; `sops:` ends them.
  sed -n '/^sops:/q; s/^\([a-z0-9-]*\):.*/\1/p' "$values" | while read -r name; do
    fill "$name"
  done
fi

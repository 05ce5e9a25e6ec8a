#!/usr/bin/env bash
# Copies what a site needs from the internet into its mirrors: run it where both can be reached. What is there
# already is skipped, so run it again after a failure. Log in beforehand, nothing here holds a password:
#   skopeo login REGISTRY; helm registry login REGISTRY; a credential helper of git
# MIRROR_WORK    where downloads are kept (./mirror)
# MIRROR_TRIES   how often each step is tried (3)
# MIRROR_PAUSE   seconds before the second try, twice as many before the third (5)
set -euo pipefail

work=${MIRROR_WORK:-mirror}
tries=${MIRROR_TRIES:-3}
pause=${MIRROR_PAUSE:-5}
failed=()
mkdir -p "$work/charts" "$work/git"

need() {
  if ! command -v "$1" >/dev/null; then
    echo "needs $1" >&2
    exit 127
  fi
}

attempt() {
  local n
  for ((n = 1; n <= tries; n++)); do
    if "$@"; then return 0; fi
    if ((n < tries)); then sleep $((n * pause)); fi
  done
  return 1
}

# WHAT HAS-IT COPY: one step, each of the two a function with the arguments of the step.
step() {
  local what=$1 has=$2 copy=$3
  shift 3
  if "$has" "$@"; then
    echo "there: $what"
  elif attempt "$copy" "$@"; then
    echo "copied: $what"
  else
    echo "failed: $what" >&2
    failed+=("$what")
  fi
}

# skopeo takes no tag beside a digest; what is fetched by digest needs none.
address() {
  local name=${1%%@*} last
  last=${name##*/}
  case $1 in
    *@*) echo "docker://${name%/*}/${last%%:*}@${1#*@}" ;;
    *) echo "docker://$1" ;;
  esac
}
manifest() { skopeo inspect --raw "$(address "$1")" 2>/dev/null; }
# A tag can move: the same manifest, or it is copied again. One that has a digest cannot.
has_image() {
  local there here
  there=$(manifest "$2") || return 1
  case $1 in *@sha256:*) return 0 ;; esac
  here=$(manifest "$1") || return 1
  [ "$there" = "$here" ]
}
copy_image() { skopeo copy --quiet --all --preserve-digests "$(address "$1")" "$(address "$2")"; }
image() { step "image $1" has_image copy_image "$1" "$2"; }

# NAME VERSION SOURCE MIRROR
has_file() { [ -f "$work/charts/$1-$2.tgz" ]; }
pull() {
  local part="$work/charts/part"
  rm -rf "$part"
  mkdir "$part"
  case $3 in
    oci://*) helm pull "$3/$1" --version "$2" --destination "$part" ;;
    *) helm pull "$1" --repo "$3" --version "$2" --destination "$part" ;;
  esac && mv "$part/$1-$2.tgz" "$work/charts/"
}
file_chart() { step "chart $1 $2" has_file pull "$@"; }

has_chart() { helm show chart "$4/$1" --version "$2" >/dev/null 2>&1; }
push() { { has_file "$@" || pull "$@"; } && helm push "$work/charts/$1-$2.tgz" "$4"; }
oci_chart() { step "chart $1 $2" has_chart push "$@"; }

# The folder of the charts is the repository: serve it at this URL.
write_index() { helm repo index "$work/charts" --url "$1"; }
index() { step "index of the charts" false write_index "$1"; }

# URL TAG COMMIT MIRROR
has_commit() { git ls-remote "$4" "refs/tags/$2" "refs/tags/$2^{}" 2>/dev/null | grep -q "^$3"; }
copy_commit() {
  local clone
  clone="$work/git/$(basename "$1" .git).git"
  if [ ! -d "$clone" ]; then git init --quiet --bare "$clone"; fi
  git -C "$clone" fetch --quiet "$1" "refs/tags/$2:refs/tags/$2" &&
    git -C "$clone" cat-file -e "$3^{commit}" &&
    git -C "$clone" push --quiet "$4" "refs/tags/$2" "$3:refs/heads/$2"
}
repository() { step "repository $1 $2" has_commit copy_commit "$@"; }

finish() {
  if ((${#failed[@]})); then
    echo "${#failed[@]} failed; run this again:" >&2
    printf '  %s\n' "${failed[@]}" >&2
    exit 1
  fi
  echo "all there"
}

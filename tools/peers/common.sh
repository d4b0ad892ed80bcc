# Sourced by the comparisons beside it: the peers' packages in a virtual environment of their own.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
read -r version <"$root/tools/libtorch.version"
torchvision=0.26.0 # goes with the version in tools/libtorch.version
venv=$root/build/peers/venv
programs=$root/build/release/bin

say() { echo "tools/peers/${0##*/}: $*" >&2; }
fail() {
  say "$@"
  exit 1
}

install_peers() {
  if "$venv/bin/python" -c 'import numpy, PIL, safetensors, torch, torchvision' 2>/dev/null; then return; fi
  say "installs torch $version and torchvision $torchvision into $venv"
  python3 -m venv "$venv" || fail "$venv: no virtual environment can be made; install the Debian package python3-venv"
  "$venv/bin/python" -m pip install --quiet "torch==$version" "torchvision==$torchvision" numpy pillow safetensors
}

# Builds the named programs.
build() {
  (cd "$root" && cmake --preset release >/dev/null && cmake --build --preset release --target "$@" >&2)
}

refuse() {
  say "$@" "(see tools/peers/${0##*/} --help)"
  exit 2
}

# Takes --help and --venv DIR from the arguments; the others are in `rest`. What flags there are, and which of them are
# needed, the first line of `usage` says: a wrong or missing flag is told before anything is installed.
read_options() {
  local line flag
  line=$(usage | head -n 1)
  rest=()
  while (($# > 0)); do
    case $1 in
      -h | --help) usage && exit ;;
      --venv=*) venv=${1#*=} ;;
      --venv)
        venv=${2:-}
        shift
        ;;
      --*)
        grep -o -e '--[a-z-]*' <<<"$line" | grep -qxF -e "${1%%=*}" || refuse "unknown argument: ${1%%=*}"
        rest+=("$1")
        ;;
      -*) refuse "unknown argument: $1" ;;
      *) rest+=("$1") ;;
    esac
    (($# == 0)) || shift
  done
  [[ -n $venv && $venv != -* ]] || refuse "--venv needs a folder"
  for flag in $(sed 's/\[[^]]*\]//g' <<<"$line" | grep -o -e '--[a-z-]*'); do
    [[ " ${rest[*]} " == *" $flag"[\ =]* ]] || refuse "$flag is missing"
  done
}

# Shared by .ci/run and .ci/nightly: stages, their times, and what did not run.
failed=() passed=() notrun=()
export PATH="$PWD/.cache/bin:$PATH"
export GOFLAGS="${GOFLAGS:-} -trimpath"

# stage NAME COMMAND…: runs a stage, times it, remembers the outcome and goes on, so that one run shows every failure.
stage() {
  local name=$1 start=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if (set -euo pipefail; "$@"); then
    passed+=("$name")
    printf '=== %s: passed in %d s\n' "$name" $((SECONDS - start))
  else
    failed+=("$name")
    printf '=== %s: FAILED after %d s\n' "$name" $((SECONDS - start))
  fi
}

# not_run NAME REASON: a stage that this machine or this version cannot run is said, never left silent.
not_run() { notrun+=("$1: $2"); }

# need PROGRAM PACKAGE: installs a Debian package where its program is missing; fails if it cannot.
need() {
  command -v "$1" >/dev/null && return 0
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
  [ -e /tmp/.firewatch-apt ] || { apt-get update -qq >/dev/null && touch /tmp/.firewatch-apt; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null 2>&1
  command -v "$1" >/dev/null
}

# tool MODULE@VERSION: builds a Go tool into .cache/bin.
tool() {
  local name=${1##*/}
  name=${name%@*}
  local stamp=".cache/bin/.${name}-${1##*@}"
  [ -e "$stamp" ] && return 0
  mkdir -p .cache/bin
  GOBIN="$PWD/.cache/bin" GOFLAGS=-trimpath go install "$1" && touch "$stamp"
}

finish() {
  printf '\n'
  for s in "${passed[@]}"; do printf 'passed   %s\n' "$s"; done
  for s in "${failed[@]}"; do printf 'FAILED   %s\n' "$s"; done
  printf '\nStages that did not run: %s\n' "${#notrun[@]}"
  for s in "${notrun[@]}"; do printf '  %s\n' "$s"; done
  printf 'took %d s\n' "$SECONDS"
  printf '\n%d passed, %d failed\n' "${#passed[@]}" "${#failed[@]}"
  [ "${#failed[@]}" -eq 0 ]
}

# fuzz TIME: every fuzz target for so long, one for each core at a time, found by name so that a new one cannot be
# forgotten.
fuzz() {
  local list n
  list=$(git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/func //')
  n=$(wc -l <<< "$list")
  export -f fuzz_one fuzz_target
  tr ':' ' ' <<< "$list" | xargs -P "$(nproc)" -L 1 bash -c 'fuzz_target "$2" "./$(dirname "$1")" "$0"' "$1" || return 1
  echo "fuzz: $n targets, $1 each"
  [ "$n" -gt 0 ]
}

# fuzz_target NAME PACKAGE TIME
fuzz_target() {
  local log
  log=$(mktemp)
  fuzz_one "$@" > "$log" 2>&1 && return 0
  cat "$log"
  # Go before 1.27 at times takes its own deadline for a failure (golang/go#75804); no input is written
  # then. Once more: whatever is found, or a second such end, fails.
  grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log" || return 1
  echo "fuzz: $1 ended at Go's own deadline: once more"
  fuzz_one "$@" > "$log" 2>&1 || { cat "$log"; return 1; }
}

fuzz_one() { go test -run '^$' -fuzz "^$1\$" -fuzztime "$3" -fuzzminimizetime 10x -parallel 1 "$2"; }

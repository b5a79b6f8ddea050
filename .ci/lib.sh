# Shared by .ci/run and .ci/nightly: stages, their times, and what did not run.
results=$(mktemp) # a line a stage: passed, FAILED or not-run, and what
export PATH="$PWD/.cache/bin:$PATH"
export GOFLAGS="${GOFLAGS:-} -trimpath"

# stage NAME COMMAND…: runs a stage, times it, remembers the outcome and goes on, so that one run shows every failure.
# The command stands in no condition: there bash would ignore its -e, and a stage would be as good as its last line.
stage() {
  local name=$1 start=$SECONDS outcome=passed
  shift
  printf '\n=== %s\n' "$name"
  (set -euo pipefail; "$@")
  [ $? -eq 0 ] || outcome=FAILED
  printf '%-8s %4d s  %s\n' "$outcome" $((SECONDS - start)) "$name" >> "$results"
  printf '=== %s: %s after %d s\n' "$name" "$outcome" $((SECONDS - start))
}

# not_run NAME REASON: a stage that this machine or this version cannot run is said, never left silent.
not_run() { printf 'not run          %s: %s\n' "$1" "$2" >> "$results"; }

# beside FUNCTION: runs stages that wait more than they compute beside those that follow; together waits for all of them
# and shows what they printed.
aside=()
beside() {
  aside+=("$(mktemp)")
  "$1" > "${aside[-1]}" 2>&1 &
}
together() {
  wait
  cat "${aside[@]}"
}

# need PROGRAM PACKAGE: installs a Debian package where its program is missing; fails if it cannot.
need() {
  command -v "$1" > /dev/null && return 0
  [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null || return 1
  flock /tmp/.firewatch-apt.lock bash -c '
    [ -e /tmp/.firewatch-apt ] || { apt-get update -qq && touch /tmp/.firewatch-apt; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1"' - "$2" > /dev/null 2>&1
  command -v "$1" > /dev/null
}

# have PROGRAM…: whether all are there.
have() {
  local program
  for program; do command -v "$program" > /dev/null || return 1; done
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
  cat "$results"
  printf 'took %d s: %d passed, %d failed, %d not run\n' "$SECONDS" "$(grep -c ^passed "$results")" "$(grep -c ^FAILED "$results")" "$(grep -c ^not "$results")"
  grep -q ^passed "$results" && ! grep -q ^FAILED "$results"
}

# simulate N: so many simulated lives of the outbox, in memory. A life is short: less garbage collection is a seventh of the time.
simulate() { GOGC=400 go test ./alert -run '^TestSimulation$' -sim.seeds "$1" -timeout 4h; }

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

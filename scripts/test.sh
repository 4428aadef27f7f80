#!/usr/bin/env bash
# Runs the tests: scripts/test.sh [go] [ui] [e2e], all three without arguments. Every section runs even when an earlier
# one failed; the table at the end says what happened and how long it took, and the exit status is 1 if anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- go ui e2e
parts=" $* "

# CI=true: a test that cannot run (no PostgreSQL, no browser) fails instead of being skipped.
export CI=true PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
# A PostgreSQL of this run's own. The user postgres must be able to reach the folder, so mktemp -d will not do.
export STAGEDOOR_TEST_POSTGRES_DIR=${TMPDIR:-/tmp}/stagedoor-postgres.$$

wanted() { [[ $parts == *" $1 "* ]]; }

failed=0
summary=()
section() { # title command… – answers whether the command succeeded
  local title=$1 began=$SECONDS status=ok
  shift
  printf '\n\033[1m=== %s\033[0m\n' "$title"
  "$@" || { status=FAILED; failed=1; }
  summary+=("$(printf '%-7s %4d s  %s' "$status" $((SECONDS - began)) "$title")")
  [ $status = ok ]
}

finish() {
  scripts/postgres.sh stop 2>/dev/null
  printf '\n\033[1m=== Result\033[0m\n'
  printf '%s\n' "${summary[@]}"
  printf '%-7s %4d s  %s\n' "$([ $failed = 0 ] && echo ok || echo FAILED)" $SECONDS all
  exit $failed
}
trap finish EXIT
trap 'failed=1; exit 1' INT TERM

start_postgres() {
  local variables
  variables=$(scripts/postgres.sh start) && eval "$variables"
}

# The race detector looks at everything but SQLite itself and its C library, which were translated from C: that would take half of
# the time. (The driver, which touches our bytes, is looked at.)
race() { go test -race -gcflags='modernc.org/sqlite/lib=-race=false' -gcflags='modernc.org/libc/...=-race=false' "$@"; }

# Builds also the program that internal/provision/crash kills.
compile() { race -run '^$' ./... >/dev/null; }

# Plays simulated worlds. Goroutines that are due at the same virtual moment run in an order that no seed chooses: a world that
# failed is played ten times more, and only one that fails again fails the run. The other is printed, for make sim.
worlds() {
  local log seeds seed
  log=$(mktemp)
  STAGEDOOR_SIM_RUNS=2000 go test -run '^TestSimulation$' -timeout 15m ./internal/provision 2>&1 | tee "$log" && { rm -f "$log"; return; }
  seeds=$(grep -ao 'STAGEDOOR_SIM_SEED=[0-9]*' "$log" | sort -u)
  rm -f "$log"
  [ -n "$seeds" ] || return 1
  for seed in $seeds; do
    env "$seed" STAGEDOOR_SIM_REPEAT=10 go test -run '^TestSimulation$' ./internal/provision || return 1
    echo "$seed failed once and not again"
  done
}

go_tests() {
  section "Start PostgreSQL" start_postgres
  section "Install Amazon's JavaScript clients, which judge the engine" make --no-print-directory engine/conformance/node_modules/.package-lock.json
  section "Go: vet" go vet ./...
  # Everything is compiled first, so that no test with a deadline shares the processors with a compiler.
  section "Go: compile with the race detector" compile
  # Two thousand tickets at ten calls a second, ten thousand members, and disks that lose their power, take minutes under the race
  # detector; smaller shows and halls, and engines that are killed, run the same code there.
  local long='^(TestTwoThousandTickets|TestThrottlingSlowsDown|TestReadyAtIs|TestShowsThatDoNotFit|TestAHallIsReady|TestTwentyShowsFill|TestShowsGetWhat|TestALateBuyer|TestTroubleIsNot|TestEverybodyTogetherKeeps|TestUrgentCallsLeave|TestASweepBesideABacklog|TestASweepTakesAFifth|TestWhatVanishedIsBack|TestAVanishedAppInstance|TestASweepBeginsAnew|TestNothingIsDeletedBefore|TestALeavingShowIsLeft|TestAnImportIsPlanned|TestManyThatAreRefused|TestWhatIsRefusedFor|TestAStormOfMemberships|TestPowerCuts|TestADiskThatFails|TestAFailedSync|TestNoSlidingSecond|TestTheForecastKnows)'
  # Many tests wait for a clock: one package more than there are processors keeps them busy.
  section "Go: tests on both databases, race detector, random order" race -shuffle=on -p $(($(nproc) + 1)) -skip "$long" -timeout 10m ./...
  # Counted, not timed: what is found does not depend on the machine, and no input is cut off by the clock.
  section "Go: a moment of fuzzing for every target" scripts/fuzz.sh 500x
  section "Go: the long simulations, without the race detector" go test -run "$long" -timeout 10m ./internal/pace ./internal/provision ./internal/readiness ./internal/app ./engine/crash
  # The race detector saw a few of these worlds above; here are many, in virtual time. make sim plays a million.
  section "Go: two thousand simulated worlds of provisioning" worlds
}

page_tests() {
  section "Pages: types (svelte-check)" npm --prefix ui run --silent check
  section "Pages: lint (eslint)" npm --prefix ui run --silent lint
  section "Pages: unit tests (vitest)" npm --prefix ui run --silent test
}

browser() { (cd ui && npx playwright test); }

browser_tests() {
  section "Build bin/stagedoor" make --no-print-directory build || return
  section "Browser: the whole story" browser
}

section "Install what is missing" scripts/setup.sh || exit
if wanted ui || wanted e2e; then
  section "Build the pages, within their size budget" make --no-print-directory ui || exit
fi
! wanted go || go_tests
! wanted ui || page_tests
! wanted e2e || browser_tests

#!/usr/bin/env bash
# Runs every fuzz target for a moment: scripts/fuzz.sh [time per target or number of inputs, 10s or 500x; default 10s].
# Inputs that broke something are kept by go test in testdata/fuzz/ and run with the ordinary tests from then on: commit
# them. What is there already is the corpus of earlier runs.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file func; do
  dir=$(dirname "$file")
  echo "=== $dir ${func#func }"
  go test -run '^$' -fuzz "^${func#func }\$" -fuzztime "$time" "$dir"
done

# One command for each thing you do every day. `make` alone explains itself.
# Nothing here needs more than Go, Node with npm, and make; `make test` installs the rest on Debian (scripts/setup.sh).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run build ui api wire test check race crash crash-provision sim sim-full ready-at fuzz bench bench-recovery storm lint fmt e2e screenshots images clean bench-fanout bench-slow bench-moving soak

GO ?= go
# Arguments for `make run`, e.g. make run ARGS="--listen 0.0.0.0:8080"
ARGS ?=
# How long each fuzz target runs in `make fuzz`, and which benchmarks `make bench` runs.
FUZZTIME ?= 10s
BENCH ?= .
COUNT ?= 6
# How many times `make crash` looks at what a killed engine leaves, and `make crash-provision` kills a provisioner.
crash: KILLS ?= 2000
crash-provision: KILLS ?= 1000
# How many clients are connected when `make storm` kills the engine.
storm: N ?= 15000
# How many sessions listen in `make bench-fanout` and `make bench-slow` (N="1000 5000 19500" is the whole table), how often each
# server takes its turn, and how long one act lasts. COMPRESS=1 has the engine play twice, with and without compression.
# `make soak` and `make bench-moving` last DURATION.
bench-fanout bench-slow: N ?= 1000
bench-moving: N ?= 5000
bench-moving: DURATION = 60s
ROUNDS ?= 3
ACT ?= 1s
DURATION ?= 60m
# How many worlds `make sim` plays, and from which seed on.
RUNS ?= 1000000
SEED ?= 1

# The version is stamped into the binary where git can be asked; a plain source archive builds too.
VCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo true || echo false)

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build everything and serve a demo show on http://127.0.0.1:8080 (data in ./data)
	bin/stagedoor serve $(ARGS)

build: ui ## bin/stagedoor, with the pages inside
	$(GO) build -buildvcs=$(VCS) -o bin/stagedoor ./cmd/stagedoor

ui: ui/dist/.built ## build the pages into ui/dist (only when their sources changed)

# npm leaves a copy of the lock file inside node_modules: that is our proof that the packages are those of the lock file.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

UI_SOURCES := $(shell find ui -type d \( -name node_modules -o -name dist -o -name e2e -o -name test-results \
	-o -name playwright-report \) -prune -o -type f ! -name "*.go" -print 2>/dev/null)

ui/dist/.built: ui/node_modules/.package-lock.json $(UI_SOURCES)
	cd ui && npm run build
	@touch $@

api: ui/node_modules/.package-lock.json ## ui/openapi.json and the pages' types, from the Go types of the JSON API
	$(GO) run ./cmd/stagedoor openapi > ui/openapi.json
	cd ui && npm run types

wire: ## the list of operations in docs/wire.md, from the engine's table
	STAGEDOOR_WRITE_WIRE=1 $(GO) test -count=1 -run TestTheWireDocumentIsTheTable ./engine/api

test: ## everything that CI runs but lint: both databases, race detector, pages, browser (installs what it needs)
	scripts/test.sh

check: ui/node_modules/.package-lock.json ## the quick look before a commit: vet, unit tests on SQLite, types of the pages
	$(GO) vet ./...
	$(GO) test -short ./...
	cd ui && npm run check && npm test

race: ## Go tests with the race detector, in random order, on both databases
	scripts/test.sh go

crash: ## kill the engine and cut its power KILLS=2000 times, and compare what is left with what was acknowledged
	eval "$$(scripts/postgres.sh start)" && STAGEDOOR_CRASH_KILLS=$(KILLS) $(GO) test -v -count=1 -timeout 4h ./engine/crash

crash-provision: ## kill provisioners KILLS=1000 times, stop and freeze them, and compare the provider's books with the tickets
	eval "$$(scripts/postgres.sh start)" && STAGEDOOR_PROVISION_KILLS=$(KILLS) $(GO) test -v -count=1 -timeout 4h ./internal/provision/crash

sim: ## play RUNS=1000000 simulated worlds of provisioning, from seed SEED=1 on; a failing seed is printed (2,000 take about two minutes)
	STAGEDOOR_SIM_RUNS=$(RUNS) STAGEDOOR_SIM_FIRST=$(SEED) $(GO) test -count=1 -timeout 100h -run '^TestSimulation$$' ./internal/provision

sim-full: ## shows of a hundred thousand tickets in virtual time (twenty minutes)
	STAGEDOOR_SIM_TICKETS=100000 $(GO) test -v -count=1 -timeout 4h -run '^(TestAHallIsReady|TestTwentyShowsFill|TestALateBuyer)' ./internal/provision

ready-at: ## is "ready at" true? whole provisioners in virtual time, asked at 10, 50 and 90 % of the way (a minute)
	STAGEDOOR_READY_AT=1 $(GO) test -v -count=1 -run "ReadyAt|Forecast" ./internal/readiness/...

fuzz: ## every fuzz target for a moment (FUZZTIME=10s)
	scripts/fuzz.sh $(FUZZTIME)

bench: ## benchmarks (BENCH=regexp COUNT=6), compared with the last run by benchstat
	scripts/bench.sh '$(BENCH)' $(COUNT)

bench-recovery: ## how long a killed engine with a million messages takes until it answers
	STAGEDOOR_BENCH_RECOVERY=1 $(GO) test -run '^$$' -bench Recovery -benchtime 10x ./engine/crash

storm: ## kill the engine under N=15000 stock clients: how long until all are back with their history (ulimit -n above N)
	STAGEDOOR_STORM=$(N) $(GO) test -v -count=1 -run TestEverybodyComesBackToAKilledEngine -timeout 10m ./engine/crash

bench-fanout: ## a line to N=1000 sessions, beside a bare broadcaster, and where the time goes (ROUNDS=3 ACT=1s COMPRESS=1; N="1000 5000 19500")
	@mkdir -p bin
	$(if $(COMPRESS),STAGEDOOR_FANOUT_SERVERS="engine deflate" )STAGEDOOR_FANOUT="$(N)" STAGEDOOR_FANOUT_ROUNDS=$(ROUNDS) STAGEDOOR_FANOUT_ACT=$(ACT) STAGEDOOR_FANOUT_PROFILE=$(CURDIR)/bin/fanout.pprof \
		$(GO) test -v -count=1 -timeout 4h -run '^TestFanOut$$' ./engine/hall
	$(GO) tool pprof -top -nodecount=25 bin/fanout.pprof
	$(GO) tool pprof -top -cum -nodecount=40 bin/fanout.pprof.connect

bench-slow: ## do readers who fall asleep disturb the others? (N=1000 sessions, a tenth asleep)
	STAGEDOOR_SLOW=$(N) STAGEDOOR_FANOUT_ROUNDS=$(ROUNDS) $(GO) test -v -count=1 -timeout 1h -run '^TestSlowReaders$$' ./engine/hall

bench-moving: ## N=5000 sessions hear full load for DURATION=60s while memberships, kicks, expiry and a drain happen; nothing may be lost
	STAGEDOOR_MOVING=$(N) STAGEDOOR_MOVING_TIME=$(DURATION) $(GO) test -v -count=1 -timeout 2h -run '^TestMoving$$' ./engine/hall

soak: ## DURATION=60m of coming, going, entering, leaving and speaking; fails if memory, goroutines or descriptors grow
	@mkdir -p bin
	STAGEDOOR_SOAK=$(DURATION) STAGEDOOR_SOAK_HEAP=$(CURDIR)/bin/soak.heap $(GO) test -v -count=1 -timeout 100h -run '^TestSoak$$' ./engine/hall

lint: bin/golangci-lint ui/node_modules/.package-lock.json ## golangci-lint and eslint
	bin/golangci-lint run ./...
	cd ui && npm run lint

fmt: ## gofmt
	gofmt -l -w $$(git ls-files '*.go')

# Pinned in tools/go.mod and built once (a few minutes on two cores), then kept.
bin/golangci-lint: tools/go.mod tools/go.sum
	cd tools && $(GO) build -buildvcs=false -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

e2e: build ## the whole story in a browser
	scripts/test.sh e2e

screenshots: build ## the whole story in a browser, and docs/screenshots/ and docs/images/ made anew
	STAGEDOOR_SCREENSHOTS=1 scripts/test.sh e2e

images: build ## docs/images/ alone: a run of 3,000 tickets at ten calls a second (ten minutes)
	cd ui && STAGEDOOR_SCREENSHOTS=1 npx playwright test images

clean: ## remove what was built (not ./data)
	rm -rf bin ui/node_modules ui/test-results ui/playwright-report
	find ui/dist -mindepth 1 ! -name .placeholder -delete

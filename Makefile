# Every target does its own set-up: modules, the engine and a browser are fetched when
# they are missing, and kept outside the build tree.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GO      ?= go
version := $(shell git describe --tags --always --dirty 2>/dev/null)
commit  := $(shell git rev-parse HEAD 2>/dev/null)

# The linter and the test runner have a module file of their own, so that their dependencies
# stay out of the program's.
tool := $(GO) tool -modfile=tools/tools.mod

# The race detector needs a C compiler.
race := $(if $(shell command -v $${CC:-cc} 2>/dev/null),-race)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## run the whole pass on a simulated portal, and see what comes out
	@echo "Building stagelag: the first time this takes a minute or two."
	@$(MAKE) --no-print-directory build
	@echo "Looking for the ClickHouse engine: the first time it is downloaded (180 MB)."
	@$(MAKE) --no-print-directory engine
	@./bin/stagelag demo

# The packages whose goroutines share something are tested with the race detector, and of others the tests
# in which they make goroutines of their own. The rest would only take several times as long with it.
raced := ./warehouse ./warehouse/embedded ./loader ./bitrix24 ./monitor ./schedule ./simulator ./warehouse/...
partly_raced := ./nightly ./sql ./extractor
raced_tests := ^(TestFullReadLandsEverythingWithFewRequests|TestAReadingThatDiedGoesOnWhereItStopped|TestSeveralAtOnce|TestThreeShards|TestOtherRulesDoNotHelp|TestReadersSeePublishedStatesOnly)$$

# The packages whose tests take longest are begun first, so that no processor waits for one at the end.
longest := ./nightly ./cmd/stagelag ./writeback ./sql ./report ./dashboards

# The linter looks at what vet looks at. Tests wait for engines and for each other: four at once, also
# where there are fewer processors.
tests := $(tool) gotestsum --format=pkgname-and-test-fails -- -vet=off -timeout=30m -parallel=4

.PHONY: test
test: engine browser ## run all tests
	@./tools/in-memory.sh $(MAKE) --no-print-directory -j2 test-raced test-plain

.PHONY: test-raced
test-raced:
	$(tests) $(race) $(raced)
	$(tests) $(race) -run='$(raced_tests)' $(partly_raced)

.PHONY: test-plain
test-plain:
	$(tests) -skip='$(raced_tests)' $(longest) $(filter-out $(shell $(GO) list $(raced) $(longest)),$(shell $(GO) list ./...))

.PHONY: env
env: ## make .env for docker compose, with passwords of its own
	@test ! -e .env || { echo "make env: .env is there already; remove it to have another made" >&2; exit 1; }
	@umask 077 && awk '/^[A-Z_]+_PASSWORD=$$/ { "head -c 24 /dev/urandom | od -An -tx1 | tr -d \" \\n\"" | getline word; close("head -c 24 /dev/urandom | od -An -tx1 | tr -d \" \\n\""); $$0 = $$0 word } { print }' .env.example > .env
	@echo ".env is made, with passwords of its own. Next: docker compose --profile demo up"

# How many simulated nights make soak takes.
NIGHTS ?= 365

.PHONY: soak
soak: engine ## the long forms: NIGHTS nights with faults and kills, every fault in every step, every zone, and what was seen
	STAGELAG_SOAK_NIGHTS=$(NIGHTS) $(GO) test -count=1 -timeout=1h -run='^(TestNobodyGetsTwoLetters|TestLostAnswers)$$' ./letter ./writeback
	STAGELAG_SOAK_NIGHTS=$(NIGHTS) $(GO) test -count=1 -timeout=6h -v -run='^(TestSoak|TestFaultMatrix|TestWhatWasSeen|TestReportsAsTheyWereShown|TestNightsInEveryZone|TestALogOverThirtyNights|TestOpenVisitsGrow|TestAClusterShowsWhatOneServerShows|TestAShardThatGoesDown|TestARunInParts|TestARunGoesOnWithTheNextEngine)$$' ./nightly
	STAGELAG_SOAK_DOCUMENTS=1 $(GO) test -count=1 -timeout=1h -v -run='^TestDocumentedCommandsRun$$' ./cmd/stagelag
	STAGELAG_SOAK_FORECASTS=1 $(GO) test -count=1 -v -run='^TestWhatAGeneratedPortalAllows$$' ./forecast
	STAGELAG_SOAK_RANGES=1 $(GO) test -count=1 -timeout=2h -v -run='^TestDaysOfARangeAreThePortals$$' ./dashboards

.PHONY: bench
bench: engine ## measure the speed of everything, and write it into docs/performance.md
	@export STAGELAG_BENCH_WAREHOUSES="$$(mktemp -d)" STAGELAG_BENCH_NIGHTS=10000,100000,1230000 \
	STAGELAG_BENCH_WRITE_BACKS=100000,1000000; \
	trap 'rm -rf "$$STAGELAG_BENCH_WAREHOUSES"' EXIT; \
	{ $(GO) test -run='^$$' -bench='^Benchmark(Facts|Copy)$$' ./transform && \
	  $(GO) test -run='^$$' -bench='^BenchmarkLoad$$' -benchtime=2x ./loader && \
	  $(GO) test -run='^$$' -bench='^BenchmarkExtract$$' -benchtime=1x ./extractor && \
	  $(GO) test -run='^$$' -bench='^BenchmarkReading$$' -benchtime=5x ./nightly && \
	  $(GO) test -run='^$$' -bench='^BenchmarkFirstSteps$$' -benchtime=3x ./cmd/stagelag && \
	  $(GO) test -run='^$$' -bench='^BenchmarkForms$$' -benchtime=3x ./report && \
	  $(GO) test -run='^$$' -bench='^BenchmarkNight$$' -benchtime=1x -timeout=30m ./nightly && \
	  $(GO) test -run='^$$' -bench='^BenchmarkWriteBack$$' -benchtime=1x -timeout=60m ./writeback && \
	  $(GO) test -run='^$$' -bench='^BenchmarkQueries$$' -benchtime=1x -timeout=30m ./dashboards; \
	} 2>&1 | $(GO) run ./tools/bench docs/performance

.PHONY: vulnerabilities
vulnerabilities: ## look for known vulnerabilities, where the database can be reached
	@./tools/vulnerabilities.sh

.PHONY: docs
docs: ## write docs/views.md anew, from the comments of the views
	@$(GO) run ./tools/reference > docs/views.md.new && mv docs/views.md.new docs/views.md

.PHONY: build
build: ## build bin/stagelag
	@$(GO) build -buildvcs=false -trimpath -ldflags='-X main.version=$(version) -X main.commit=$(commit)' -o bin/stagelag ./cmd/stagelag

# What a release is built into, and its version: that of the tag of this commit, or what is given.
DIST    ?= dist
VERSION ?= $(shell git describe --tags --exact-match --match 'v*' 2>/dev/null)

.PHONY: release
release: ## build the archives, packages and checksums of a release into DIST, for the tag of this commit or VERSION=v1.2.3
	@test -n "$(VERSION)" || { echo "make release: this commit has no tag such as v1.2.3: git tag one, or give VERSION=v1.2.3" >&2; exit 1; }
	@test -z "$$(git status --porcelain --untracked-files=no)" || { echo "make release: files differ from the commit: commit or stash them first" >&2; exit 1; }
	@./tools/release.sh "$(VERSION)" "$(DIST)"

.PHONY: release-test
release-test: engine ## build a release twice, and see that its bytes are the same and that it runs, as another user and on a root that is read-only
	$(GO) test -count=1 -timeout=1h -v -tags=release ./tools/release

.PHONY: engine
engine: ## fetch the embedded warehouse's engine, once per machine
	@./warehouse/embedded/fetch-engine.sh

.PHONY: browser
browser: ## find a Chromium for the tests of the report's page, or install one
	@./report/find-browser.sh --install >/dev/null

.PHONY: lint
lint: ## run the linters
	$(tool) golangci-lint run ./...

.PHONY: clean
clean: ## remove what was built; the engine, in the user's cache, stays
	rm -rf bin dist

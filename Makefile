# Fallow. Every target works from a fresh clone with Go, Node and make; the work
# is done by small scripts in build/, which also run by themselves.

# make demo
SITE    ?=
CONTACT ?=
PAGES   ?= 200
NODES   ?= 3

# make bench
BENCH     ?= .
BENCHTIME ?= 1s
COUNT     ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test build desktop desktop-dev lint bench fuzz soak generate clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r a b; do printf '%-18s %s\n' "$$a" "$$b"; done

demo: build ## the whole network on this machine [SITE=https://… CONTACT=https://…] [PAGES=200] [NODES=3]
	@build/setup litesvm || true
	bin/fallow-router demo --pages '$(PAGES)' --nodes '$(NODES)' $(if $(SITE),--site '$(SITE)') $(if $(CONTACT),--contact '$(CONTACT)')

test: ## everything that has to pass [RACE=0]
	build/test

build: ## fallow-router, fallow-node and fallow-data into bin/
	build/programs bin

desktop: ## the window, fallow-desktop, and the agent beside it into bin/
	build/desktop bin

desktop-dev: ## the window's pages in your browser, against a make-believe agent
	build/frontend dev

lint: ## gofmt, go vet, golangci-lint
	build/lint

bench: ## measure, with floors and peers in the same run [BENCH=regexp] [BENCHTIME=1s] [COUNT=3]
	go run ./build/bench -bench '$(BENCH)' -benchtime '$(BENCHTIME)' -count '$(COUNT)'

fuzz: ## a short campaign over every fuzz target [FUZZTIME=30s] [FUZZ=regexp]
	build/fuzz

soak: ## hours of kill -9 and faults [FALLOW_SOAK=20]
	build/soak

generate: ## protobuf code from relay/wire/wire.proto
	build/generate

clean: ## removes bin/
	rm -rf bin

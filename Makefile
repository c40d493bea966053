# SPDX-License-Identifier: GPL-2.0-only
# `make help` lists the targets.

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
OWNDIR  ?= $(DATADIR)/ncdevmem
MANDIR  ?= $(DATADIR)/man
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR  ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
SWIFT   ?= swift
# The kernel that all targets boot which name none below: see selftests/vm/README.md.
KERNEL  ?= newest
# The kernels that `make test` and `make matrix` boot in turn: 6.12 has no bind-tx, 7.2 has no
# rx-page-size, newest has both.
KERNELS ?= newest 6.12
MATRIX  ?= newest 7.2 6.12
# Our own kernel, which has two token modes: plain, with lockdep, KASAN and the like, with KCSAN.
LABS    ?= lab lab-debug lab-race
# How much each run of `make bench` receives, in MiB; with KERNEL=um, 1024 or more.
SIZE    ?= 512
# How long `make errors` lets system calls fail, and `make mutants` changes the code, in seconds.
BUDGET  ?= 3600
# How many runs `make kills` kills, as many that fight, and how often it cuts the power.
KILLS   ?= 1000
CUTS    ?= 20
# What `make soak` does, and for how long: selftests/endurance/soak --help.
SOAK    ?= --volume 10 --flows 24 --seconds 1800 --flaps 1000 --cycles 1000
# The names of the cases for a real kernel that `make test` runs, a regular expression, and then
# nothing else; all tests if empty.
export CASES ?=
# How often `make fuzz` runs each target, on which targets, and what the inputs follow from: as often
# as each target's goal, on all, and anything if empty. `make mutants` has a seed, too.
EXECUTIONS ?=
TARGETS ?=
SEED    ?=
# The files that `make mutants` changes; all if empty.
FILES   ?=
# The tests that `make selftests` runs, such as "devmem hds"; all if empty.
TESTS   ?=

binary  := .build/release/ncdevmem
# The forms of the documents that the tool prints; that of the GPU's benchmark is not among them.
schemas := $(filter-out share/schema/gpu.json,$(wildcard share/schema/*.json))
report  := $(wildcard share/report/*.py share/report/*.css share/report/*.js)
vm      := selftests/vm/run --kernel $(KERNEL)

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z]*\):.* ## \(.*\)/\1\t\2/p' Makefile | expand -t 14

.PHONY: dependencies
dependencies: ## install the packages that the other targets need
	@scripts/install-dependencies

# What draws reports (share/ncdevmem-report)
.PHONY: report-dependencies
report-dependencies: dependencies
	@scripts/install-dependencies report

.PHONY: build
build: dependencies ## build the tool, .build/release/ncdevmem
	SWIFT="$(SWIFT)" scripts/build

.PHONY: demo
demo: build ## show the tool at work on a software NIC in a virtual machine
	$(vm) -- selftests/demo.sh

.PHONY: test
test: report-dependencies ## run all tests, on all of KERNELS
	SWIFT="$(SWIFT)" scripts/test $(KERNELS)

.PHONY: fuzz
fuzz: dependencies ## run the fuzzer on all that reads from outside (Tests/README.md)
	SWIFT="$(SWIFT)" scripts/fuzz $(if $(EXECUTIONS),--executions $(EXECUTIONS)) \
		$(if $(SEED),--seed $(SEED)) $(TARGETS)

.PHONY: mutants
mutants: dependencies ## change the pure code, and look whether a unit test notices (Tests/README.md)
	SWIFT="$(SWIFT)" scripts/mutants --budget $(BUDGET) $(if $(SEED),--seed $(SEED)) $(FILES)

.PHONY: selftests
selftests: build ## run the kernel's own tests, with the tool and with the C tool
	$(vm) --timeout 7200 -- selftests/drv-net/run "$$(scripts/upstream)" $(TESTS)

.PHONY: drivers
drivers: build ## do the tool's jobs on a NIC like each of the drivers that do device memory
	$(vm) --timeout 7200 -- selftests/drivers "$$(scripts/upstream)"

.PHONY: gve
gve: build .build/floor ## run the tests on the kernel's own driver of a gVNIC, in one machine and in two
	scripts/gve-tests $(KERNEL)

.PHONY: errors
errors: build ## let each system call of the tool fail, for BUDGET seconds; the table is in .build/errors
	$(vm) --timeout $$(($(BUDGET) + 600)) -- selftests/endurance/errors "$$(scripts/upstream)" \
		--budget $(BUDGET)

# On a NIC like each driver's that can bind.
.PHONY: kills
kills: build ## kill KILLS runs at random moments, have as many fight in pairs, and cut the power CUTS times
	set -e; for personality in plain mlx5 bnxt fbnic gve; do \
	    echo "personality $$personality"; \
	    $(vm) --timeout 14400 --nic-args personality=$$personality -- selftests/endurance/kills \
	        "$$(scripts/upstream)" --kills $$(($(KILLS) / 5)) --fights $$(($(KILLS) / 5)); \
	done
	selftests/endurance/power-cuts $(CUTS)

.PHONY: soak
soak: build ## run the tool for long and look for what grows; SOAK says how long
	$(vm) --timeout 14400 -- selftests/endurance/soak "$$(scripts/upstream)" $(SOAK)

.PHONY: matrix
matrix: build ## run the kernel's own tests and ours on each kernel of MATRIX
	scripts/matrix $(MATRIX)

.PHONY: lab
lab: build ## test both token modes, on each of LABS
	scripts/lab-tests $(LABS)

.PHONY: series
series: dependencies ## write the patches of our own kernel as a series to mail, and check them
	scripts/series

.PHONY: vm
vm: dependencies ## open a shell in the virtual machine
	$(vm) --timeout 86400 --terminal --allow-splat -- bash

.PHONY: bench
bench: build report-dependencies .build/floor ## measure the tool against the C tool and a bare receiver; .build/bench/bench.html
	$(SWIFT) build -c release --product validator-benchmark --static-swift-stdlib
	@mkdir -p .build/bench
	$(vm) --timeout 3600 -- Benchmarks/inside/bench "$$(scripts/upstream)" --size $(SIZE) \
		--json .build/bench/bench.json
	share/ncdevmem-report .build/bench/bench.json -o .build/bench/bench.html
	$(if $(filter um,$(KERNEL)),,Benchmarks/instructions --kernel $(KERNEL))

.PHONY: native
native: dependencies ## measure the receive loop beside a bare one on this machine, without a kernel
	SWIFT="$(SWIFT)" Benchmarks/native

.PHONY: headline
headline: build report-dependencies ## measure both token modes on the lab kernel; .build/headline/headline.html
	Benchmarks/headline

.PHONY: gpu
gpu: ## try the memory of an NVIDIA GPU, without a NIC
	SWIFT="$(SWIFT)" scripts/gpu

.build/floor: Benchmarks/floor.c Benchmarks/Bare/bare.c Benchmarks/Bare/include/bare.h Sources/CLinux/include/devmem.h
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -IBenchmarks/Bare/include -o $@ $(filter %.c,$^)

.PHONY: lint
lint: dependencies ## check the style of all sources
	scripts/lint

.PHONY: texts
texts: ## make the man page and the completions anew, after a change of the options
	$(SWIFT) run option-texts

.PHONY: install
install: ## install the built tool and all that belongs to it below PREFIX
	install -D -m 755 -t "$(DESTDIR)$(BINDIR)" $(binary)
	install -D -m 644 -t "$(DESTDIR)$(MANDIR)/man8" share/man/ncdevmem.8
	install -D -m 644 -t "$(DESTDIR)$(MANDIR)/man1" share/man/ncdevmem-report.1
	install -D -m 644 share/completions/ncdevmem.bash "$(DESTDIR)$(BASHDIR)/ncdevmem"
	install -D -m 644 -t "$(DESTDIR)$(ZSHDIR)" share/completions/_ncdevmem
	install -D -m 644 -t "$(DESTDIR)$(FISHDIR)" share/completions/ncdevmem.fish
	install -D -m 644 -t "$(DESTDIR)$(OWNDIR)/schema" $(schemas)
	install -D -m 755 -t "$(DESTDIR)$(OWNDIR)" share/ncdevmem-report
	install -D -m 644 -t "$(DESTDIR)$(OWNDIR)/report" $(report)
	ln -sfr "$(DESTDIR)$(OWNDIR)/ncdevmem-report" "$(DESTDIR)$(BINDIR)/ncdevmem-report"

.PHONY: uninstall
uninstall: ## take away what `make install` installs
	rm -f "$(DESTDIR)$(BINDIR)/ncdevmem" "$(DESTDIR)$(BINDIR)/ncdevmem-report" \
	    "$(DESTDIR)$(MANDIR)/man8/ncdevmem.8" "$(DESTDIR)$(MANDIR)/man1/ncdevmem-report.1" \
	    "$(DESTDIR)$(BASHDIR)/ncdevmem" "$(DESTDIR)$(ZSHDIR)/_ncdevmem" \
	    "$(DESTDIR)$(FISHDIR)/ncdevmem.fish" "$(DESTDIR)$(OWNDIR)/ncdevmem-report" \
	    $(foreach file,$(schemas:share/%=%) $(report:share/%=%),"$(DESTDIR)$(OWNDIR)/$(file)")
	for directory in /schema /report ""; do \
	    [ ! -d "$(DESTDIR)$(OWNDIR)$$directory" ] || \
	        rmdir --ignore-fail-on-non-empty "$(DESTDIR)$(OWNDIR)$$directory"; \
	done

.PHONY: deb
deb: build ## make a Debian package, .build/ncdevmem_VERSION_amd64.deb
	@scripts/install-dependencies debhelper
	@scripts/deb

.PHONY: tarball
tarball: build ## pack the tool for other distributions, .build/ncdevmem-VERSION-x86_64-linux.tar.xz
	@scripts/tarball

.PHONY: packages
packages: build ## make the Debian package and try it on fresh Debian 12 and 13
	@scripts/install-dependencies debhelper lintian
	scripts/package-tests

.PHONY: clean
clean: ## remove what was built here; ~/.cache/ncdevmem stays
	rm -rf .build

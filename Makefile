# SPDX-License-Identifier: GPL-2.0-only
#
# The front door: `make` lists the targets, `make help` the knobs as well.

BASE	     ?= 7.3
KSRC	     ?=
TESTS_KSRC   ?=
MACHINES     ?=
TESTS	     ?=
MUTANTS	     ?=
PLANTED	     ?=
N	     ?= 20
DURATION     ?= 600
SEED	     ?=
PRISTINE     ?=
DEBUG	     ?=
SIGNOFF	     ?=
BUSYBOX	     ?=
TIMEOUT	     ?= 300
TEST_TIMEOUT ?=
J	     ?= $(shell nproc)
V	     ?=

BASES := $(sort $(notdir $(wildcard bases/*)))
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vgic-revisions
OUT   := out/$(BASE)$(if $(KSRC),-ksrc)$(if $(PRISTINE),-pristine)
LINUX := $(OUT)/linux
# Below the source, for then kbuild's paths are relative, and ccache finds what
# a clone elsewhere has built.
BUILD := $(LINUX)/build$(addprefix -,$(DEBUG))
# One kernel.config for all, and what DEBUG= adds to it.
CONFIG := $(OUT)/$(notdir $(BUILD)).config

# kselftests are for running on any kernel: they are built once, from this base.
TESTS_BASE  := 7.3
ifeq ($(BASE)$(PRISTINE),$(TESTS_BASE))
TESTS_OUT   := $(OUT)
else
TESTS_OUT   := out/$(TESTS_BASE)$(if $(TESTS_KSRC),-ksrc)
endif
KSELFTEST   := $(abspath $(TESTS_OUT))/linux/build/kselftest
TEST_NAMES  := $(shell awk '!/^\#/ && NF { print $$1 }' rig/selftests)
EXAMPLE     := vgic_example
EXAMPLE_DOC := Documentation/virt/kvm/arm/vgic-revisions.rst

export CCACHE_DIR := $(CACHE)/ccache
export CCACHE_NOHASHDIR := 1
# What a result depends on is what the compiler says it has read: to preprocess each
# file once more for that takes half as long as to compile it.
export CCACHE_DEPEND := 1
export CCACHE_MAXSIZE := 5G
export KBUILD_BUILD_TIMESTAMP := @0
export KBUILD_BUILD_USER := rig
export KBUILD_BUILD_HOST := rig
export LC_ALL := C
export TIMES_LAST := $(CACHE)
export V

CROSS := $(if $(filter aarch64,$(shell uname -m)),,aarch64-linux-gnu-)
KMAKE := make -j$(J) $(if $(filter 1,$(V)),V=1) ARCH=arm64 CROSS_COMPILE=$(CROSS) \
	 CC='ccache $(CROSS)gcc' HOSTCC='ccache gcc'
# For what the rig itself runs on the machines. rig/bench.c is made from what the
# selftests are made from.
TARGET_CC := $(CROSS)gcc -static -O2 -Wall -Wextra -Werror
KVM_TESTS = $(TESTS_OUT)/linux/tools/testing/selftests/kvm
FLAGS_bench = -std=gnu99 -D_GNU_SOURCE= -DCONFIG_64BIT -Wno-unused-parameter \
	      -Wno-sign-compare -Wno-missing-field-initializers -fno-stack-protector \
	      -fno-PIE -fno-strict-aliasing $(addprefix -fno-builtin-mem,cmp cpy set) \
	      $(addprefix -I$(TESTS_OUT)/linux/tools/,include arch/arm64/include \
			  arch/arm64/include/generated testing/selftests) \
	      -I$(KVM_TESTS)/include -I$(KVM_TESTS)/include/arm64
LIBS_bench  = $(KSELFTEST)/lib/*.o $(KSELFTEST)/lib/arm64/*.o
PHASE := rig/phase

MAKE_CONFIG  = $(KMAKE) -C $(LINUX) O=$(notdir $(BUILD)) \
	       KCONFIG_ALLCONFIG=$(CURDIR)/$(CONFIG) allnoconfig
MAKE_HEADERS = $(KMAKE) -C $(LINUX) O=build headers_install
MAKE_TESTS   = $(KMAKE) -C $(LINUX)/tools/testing/selftests/kvm \
	       OUTPUT=$(KSELFTEST) LDFLAGS='-static -pthread' \
	       KHDR_INCLUDES='-isystem $(abspath $(LINUX))/build/usr/include' \
	       $(patsubst %,$(KSELFTEST)/arm64/%,$(filter-out $(EXAMPLE),$(TEST_NAMES)))

# Those that the tree has, for not every commit has all.
SUITE  = $(foreach name,$(TEST_NAMES),$(if $(wildcard $(LINUX)/$(SOURCE)),$(name)))
SOURCE = $(if $(filter $(EXAMPLE),$(name)),$(EXAMPLE_DOC),tools/testing/selftests/kvm/arm64/$(name).c)

# What the document has its readers copy has to work.
BUILD_EXAMPLE = rig/example $(EXAMPLE) $(LINUX)/$(EXAMPLE_DOC) >$(OUT)/$(EXAMPLE).c && \
		$(TARGET_CC) -isystem $(LINUX)/build/usr/include \
			-o $(KSELFTEST)/arm64/$(EXAMPLE) $(OUT)/$(EXAMPLE).c

# What to boot, and with what; the machines and where it all goes are for each
# target to say.
BOOT = --base $(BASE) --image $(BUILD)/arch/arm64/boot/Image --initrd $(OUT)/initrd \
       --kunit $(TESTS_OUT)/linux/tools/testing/kunit --tests '$(TESTS)' --timeout $(TIMEOUT)
RUN  = rig/run $(BOOT) --jobs $(J) $(if $(TEST_TIMEOUT),--test-timeout $(TEST_TIMEOUT))

# The knobs above are not the kernel's: its makes get what KMAKE says.
MAKEOVERRIDES :=
unexport MAKEFLAGS MFLAGS
.NOTPARALLEL:

.PHONY: targets
targets: ## list the targets (this)
	@awk -F ':.*## ' '/^[a-z-]*:.*## / { printf "  make %-13s%s\n", $$1, $$2 }' Makefile

.PHONY: help
help: targets ## the targets and the knobs
	@echo
	@echo '  BASE=7.3            the kernel: $(BASES)'
	@echo '  KSRC=DIR            your own tree of that version, only read'
	@echo '  TESTS_KSRC=DIR      with another BASE: the tree ($(TESTS_BASE)) for the selftests'
	@echo '  MACHINES="..."      rows of rig/machines, default all'
	@echo '  TESTS="..."         rows of rig/selftests, default all'
	@echo '  MUTANTS="..."       diffs of mutants/, default all'
	@echo '  PLANTED="..."       diffs of planted/, default all'
	@echo '  N=20                make soak: how many runs'
	@echo '  DURATION=600        make fuzz: seconds on each machine'
	@echo '  SEED=...            make fuzz, make faults: do the same again'
	@echo '  PRISTINE=1          the base without the series'
	@echo '  DEBUG=debug         or kcsan: the kernel with rig/debug.config or rig/kcsan.config'
	@echo '  SIGNOFF=1           make series: sign off with your git identity'
	@echo '  TIMEOUT=300         seconds for a machine'
	@echo '  TEST_TIMEOUT=60     seconds for a test, instead of what rig/selftests says'
	@echo '  BUSYBOX=FILE        make shell: a static arm64 busybox instead of Debian'"'"'s'
	@echo '  J=$(J)                 jobs, and machines at a time'
	@echo '  V=1                 show the output of what runs'
	@echo
	@echo 'Downloads, ccache and times are in $(CACHE)'

.PHONY: run
run: initrd ## build, boot every machine, run the selftests, print the matrix
	@status=0; $(RUN) --machines '$(MACHINES)' --out $(OUT)/run$(addprefix -,$(DEBUG)) \
		--report out/report --times $(OUT)/times --title \
		'base $(BASE)$(if $(PRISTINE), pristine)$(if $(DEBUG), $(DEBUG))' || status=$$?; \
	echo $$status >out/status; rig/times $(OUT)/times; exit $$status

.PHONY: check
check: ## run, docs and review on every base, the laws of the series, the rig's tests
	@worst=0; note() { [ $$1 -le $$worst ] || worst=$$1; }; \
	for base in $(BASES); do for target in docs run; do \
		rm -f out/status; $(MAKE) --no-print-directory $$target BASE=$$base || \
			note $$(cat out/status 2>/dev/null || echo 2); done; done; \
	rig/laws $(BASES) || note $$?; \
	CROSS=$(CROSS) rig/review $(CACHE) $(BASES) || note $$?; \
	rig/test || note $$?; \
	echo $$worst >out/status; exit $$worst

.PHONY: review
review: knobs ## what maintainers and bots would run: checkpatch, sparse, clang, coccicheck...
	@status=0; CROSS=$(CROSS) rig/review $(CACHE) $(BASE) || status=$$?; \
	echo $$status >out/status; exit $$status

DEBUG_RUN = $(MAKE) --no-print-directory run TIMEOUT=1800 TEST_TIMEOUT=600 \
	    MACHINES='$(or $(MACHINES),gicv3-vhe gicv3-nvhe gicv2-vhe)'

.PHONY: debug
debug: ## run on kernels that look for their own bugs: KASAN, lockdep, kmemleak; KCSAN
	@worst=0; for debug in debug kcsan; do \
		rm -f out/status; $(DEBUG_RUN) DEBUG=$$debug; \
		status=$$(cat out/status 2>/dev/null || echo 2); \
		[ $$status -le $$worst ] || worst=$$status; done; \
	echo $$worst >out/status; exit $$worst

# A program of the rig on the debug kernel. The last it says is the verdict.
INSTRUMENT = rm -f out/status; $(MAKE) --no-print-directory instrument DEBUG=debug \
	     SEED=$(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))

.PHONY: fuzz
fuzz: ## use the vgic at random for DURATION seconds, against a model of its revisions
	@$(INSTRUMENT) PROGRAM=fuzz TEST_TIMEOUT=$$(($(DURATION) + 300))

.PHONY: faults
faults: ## fail every allocation of a VMM, kill VMMs at any moment: what is left behind?
	@$(INSTRUMENT) PROGRAM=kvm-faults TEST_TIMEOUT=1200 AFTER='$(TEST_NAMES)'

.PHONY: instrument
instrument: initrd
	@status=0; echo '$(PROGRAM) SEED=$(SEED)'; rm -f $(OUT)/$(PROGRAM)/*.ktap; \
	rig/run $(BOOT) --jobs $(J) --selftests rig/instruments --selftests rig/selftests \
		--tests '$(PROGRAM) $(AFTER)' \
		--machines '$(or $(MACHINES),gicv3-vhe gicv2-vhe)' --out $(OUT)/$(PROGRAM) \
		--report out/report --timeout $$(($(TEST_TIMEOUT) + 900)) \
		--test-timeout $(TEST_TIMEOUT) \
		--append 'SEED=$(SEED) DURATION=$(DURATION) kasan_multi_shot' --title \
		'base $(BASE)$(if $(PRISTINE), pristine) $(PROGRAM)' || status=$$?; \
	sed -n 's/^  # \($(PROGRAM): GICv.*\)/\1/p' $(OUT)/$(PROGRAM)/*.ktap; \
	echo $$status >out/status; exit $$status

.PHONY: bisect-check
bisect-check: knobs ## boot every commit of the series on every base, with the suite it has
	@status=0; rig/bisect '$(MACHINES)' $(TIMEOUT) $(BASES) || status=$$?; \
	echo $$status >out/status; exit $$status

.PHONY: bench
bench: ## what the series costs in instructions, beside the pristine base
	@rig/deps bench
	@rm -f out/status; for pristine in 1 ''; do \
		$(MAKE) --no-print-directory initrd PRISTINE=$$pristine PROGRAM=bench || exit; \
	done; status=0; rig/bench --base $(BASE) --tree $(LINUX) --patched $(BUILD) \
		--pristine out/$(BASE)-pristine/linux/build --cross '$(CROSS)' \
		--initrd $(OUT)/initrd --kunit $(TESTS_OUT)/linux/tools/testing/kunit \
		--machines '$(or $(MACHINES),gicv3-vhe gicv2-vhe)' --timeout $(TIMEOUT) \
		--out $(OUT)/bench --report out/report || status=$$?; \
	echo $$status >out/status; exit $$status

.PHONY: mutants
mutants: initrd ## break the kernel in many ways: does a test of the series fail for each?
	@status=0; rig/mutants $(BOOT) --tree $(LINUX) --second $(OUT)/check \
		--out $(OUT)/mutants --names '$(MUTANTS)' || status=$$?; \
	echo $$status >out/status; exit $$status

.PHONY: planted
planted: tree ## plant a defect for each instrument: does it find it?
	@status=0; rig/planted $(LINUX) $(PLANTED) || status=$$?; \
	echo $$status >out/status; exit $$status

.PHONY: soak
soak: initrd ## run N times in a row, on gicv3-vhe unless MACHINES says otherwise
	@status=0; rig/soak $(N) $(OUT)/soak $(RUN) \
		--machines '$(or $(MACHINES),gicv3-vhe)' || status=$$?; \
	echo $$status >out/status; exit $$status

.PHONY: shell
shell: initrd ## a prompt on a machine (MACHINES=<one>) with the selftests at hand
	@CROSS=$(CROSS) rig/initrd --shell $(OUT) $(KSELFTEST) '$(BUSYBOX)' $(CACHE) $(TEST_NAMES)
	@rig/run --shell --base $(BASE) --machines '$(MACHINES)' \
		--image $(BUILD)/arch/arm64/boot/Image --initrd $(OUT)/initrd-shell

.PHONY: tree
tree: knobs deps ## the kernel as a git repo, out/<base>/linux: branches base and series
	@$(PHASE) fetch $(OUT) rig/fetch base $(BASE) $(CACHE) $(KSRC)
	@$(PHASE) extract $(OUT) rig/extract $(BASE) $(LINUX) $(CACHE) $(KSRC)
	@$(if $(PRISTINE),:,$(PHASE) apply $(OUT) \
		rig/series tree --base $(BASE) --tree $(LINUX))

.PHONY: refresh
refresh: knobs ## write branch series back to series/ and to the whole files
	@rig/series refresh --base $(BASE) --tree $(LINUX)

.PHONY: series
series: tree ## the mailable patches with a cover letter, in out/<base>/series
	@rig/series mail --base $(BASE) --tree $(LINUX) --out $(OUT)/series \
		$(if $(SIGNOFF),--signoff)

DOCS = --tree $(LINUX) --out $(OUT)/docs --cache $(CACHE)

.PHONY: docs
docs: tree ## build the documents as HTML and check them, in out/<base>/docs
	@rig/deps docs
	@$(PHASE) 'docs pristine' $(OUT) rig/docs pristine $(DOCS)
	@$(PHASE) docs $(OUT) rig/docs html $(DOCS)
	@status=0; rig/docs verdict $(DOCS) || status=$$?; \
	echo $$status >out/status; exit $$status

$(CONFIG): rig/kernel.config $(DEBUG:%=rig/%.config)
	@mkdir -p $(OUT)
	@cat $^ >$@

.PHONY: kernel
kernel: tree $(CONFIG) ## build the kernel of BASE
	@[ $(BUILD)/.config -nt $(CONFIG) ] || \
		{ $(PHASE) configure $(OUT) $(MAKE_CONFIG) && touch $(BUILD)/.config; }
	@grep '^CONFIG' $(CONFIG) | grep -vxF -f $(BUILD)/.config | \
		sed 's/^/note: not in $(BASE): /' || :
	@$(PHASE) 'build kernel$(if $(DEBUG), $(DEBUG))' $(OUT) \
		$(KMAKE) -C $(LINUX) O=$(notdir $(BUILD)) Image

.PHONY: tests
ifeq ($(OUT),$(TESTS_OUT))
tests: tree
	@$(PHASE) headers $(OUT) $(MAKE_HEADERS)
	@$(PHASE) 'build tests' $(OUT) $(MAKE_TESTS)
	@$(PHASE) 'build example' $(OUT) sh -c '$(BUILD_EXAMPLE)'
else
tests:
	@$(MAKE) --no-print-directory tests BASE=$(TESTS_BASE) KSRC=$(TESTS_KSRC) PRISTINE=
endif

# What rig/mutants and rig/bisect build for each, in a tree of its own.
.PHONY: image
image: $(CONFIG)
	@[ $(BUILD)/.config -nt $(CONFIG) ] || \
		{ $(MAKE_CONFIG) && touch $(BUILD)/.config; }
	@$(KMAKE) -C $(LINUX) O=build Image

# What rig/review builds, in trees, configurations and compilers of its own, and
# rig/bisect.
.PHONY: reviewed reviewed-tests suite
reviewed:
	@$(KMAKE) -C $(LINUX) O=$(AS) $(FLAGS) $(GOALS)
suite:
	@echo $(SUITE)
reviewed-tests: TEST_NAMES := $(SUITE)
reviewed-tests:
	@$(MAKE_HEADERS)
	@$(MAKE_TESTS) $(FLAGS)
	@$(if $(filter $(EXAMPLE),$(TEST_NAMES)),$(BUILD_EXAMPLE))

define PACK
	@$(TARGET_CC) -o $(OUT)/init rig/init.c
	@$(if $(PROGRAM),$(TARGET_CC) -pthread $(FLAGS_$(PROGRAM)) \
		-isystem $(TESTS_OUT)/linux/build/usr/include \
		-o $(KSELFTEST)/arm64/$(PROGRAM) rig/$(PROGRAM).c $(LIBS_$(PROGRAM)))
	@CROSS=$(CROSS) rig/initrd $(OUT) $(KSELFTEST) $(TEST_NAMES) $(PROGRAM)
endef

.PHONY: initrd pack
initrd: kernel tests
	$(PACK)
pack:
	$(PACK)

# Wrong knobs are told before anything is fetched or built.
.PHONY: knobs
knobs:
	@[ -n '$(filter $(BASE),$(BASES))' ] || { exec >&2; \
		echo 'rig: unknown BASE: $(BASE)'; \
		echo 'BASE= takes: $(BASES)'; exit 2; }
	@! command -v python3 >/dev/null || { rig/run --check-names --base $(BASE) \
		--machines '$(MACHINES)' --tests '$(TESTS)' && \
		rig/mutants --check-names --base $(BASE) --names '$(MUTANTS)'; }
	@[ '$(N)' -gt 0 ] 2>/dev/null || { exec >&2; \
		echo 'rig: N=$(N) is not a number of runs'; exit 2; }
	@[ '$(DURATION)' -gt 0 ] 2>/dev/null || { exec >&2; \
		echo 'rig: DURATION=$(DURATION) is not a number of seconds'; exit 2; }
	@[ -z '$(DEBUG)' ] || [ -f 'rig/$(DEBUG).config' ] || { exec >&2; \
		echo 'rig: unknown DEBUG: $(DEBUG)'; \
		echo 'DEBUG= takes: debug kcsan'; exit 2; }
	@mkdir -p $(OUT)/log out/report && : >$(OUT)/times

.PHONY: deps
deps: ## install what is missing, with apt (and sudo when not root)
	@rig/deps

.PHONY: clean
clean: ## remove what was built, keep the kernel trees
	rm -rf out/*/linux/build* out/*/run* out/*/series out/*/check* out/*/mutants \
		out/*/soak out/*/fuzz out/*/kvm-faults out/*/bench out/*/bisect out/report out/test

.PHONY: distclean
distclean: ## remove out/; refuses while a tree has work that series/ has not
	@for tree in out/*/linux; do [ ! -d $$tree/.git ] || rig/series saved --tree $$tree \
		--base any || exit 2; done
	rm -rf out

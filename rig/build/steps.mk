# SPDX-License-Identifier: GPL-2.0-only
#
# The steps that the targets of the front door are made of, which includes this: from the
# knobs, where things are, how programs of the rig are called, and what builds what.

BASES := $(sort $(notdir $(wildcard bases/*)))
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vgic-revisions
OUT   := out/$(firstword $(BASE))$(if $(CARRY),-carry,$(if $(KSRC),-ksrc))$(if $(PRISTINE),-pristine)
LINUX := $(OUT)/linux
# Below the source, for then kbuild's paths are relative, and ccache finds what a clone
# elsewhere has built.
BUILD := build$(addprefix -,$(DEBUG))

# kselftests are for running on any kernel: they are built once, from this base.
TESTS_BASE := 7.3
TESTS_OUT  := $(if $(filter $(TESTS_BASE),$(BASE)$(PRISTINE)$(CARRY)),$(OUT),out/$(TESTS_BASE)$(if $(TESTS_KSRC),-ksrc))

# make passes SIGTERM on to the shell of a recipe only. What is behind this gets one when that
# shell ends.
WITH_SHELL := setpriv --pdeathsig TERM
# Not $(MAKE), which make would run even with -n.
SELF   := $(WITH_SHELL) make --no-print-directory
PASS	= $(foreach knob,$(filter-out $1,$(KNOBS)),$(if $($(knob)),$(knob)="$($(knob))"))
BUILDER = $(WITH_SHELL) make -s -f rig/build/build.mk $(addprefix J=,$(J)) V=$(V)
PHASE	= rig/build/phase --out $(OUT) --cache $(CACHE) $(if $(V),--verbose)
STATUS := out/status$(if $(NESTED),.step)
JUDGE  := $(WITH_SHELL) rig/lib/record-status --file $(STATUS) --
TREES	= --base $(BASE) --tree $(LINUX)
DOWNLOAD = rig/source/download --cache $(CACHE)

# The QEMU that has the series of vmm/qemu: 10.0 of Debian 13.
QEMU_TREE    := out/qemu/qemu
QEMU_PACKAGE := --package qemu --arch source --suites trixie
QEMU_TRACKED := --tracked vmm/qemu/tracked-paths.table
QEMU_SERIES  := --repo vmm/qemu --tree $(QEMU_TREE) $(QEMU_TRACKED)
QEMU_PHASE   := rig/build/phase --out out/qemu --cache $(CACHE)

# What to boot, and with what; the machines and where it all goes are for each target to
# say.
BOOT = --base $(BASE) --image $(LINUX)/$(BUILD)/arch/arm64/boot/Image \
       --initrd $(OUT)/initrd --kunit $(TESTS_OUT)/linux/tools/testing/kunit \
       --tests '$(TESTS)' --timeout $(TIMEOUT)
RUN  = rig/boot/boot-machines $(BOOT) $(addprefix --jobs ,$(J)) \
       $(addprefix --test-timeout ,$(TEST_TIMEOUT)) --append "$(KMEMLEAK) $(APPEND)" \
       $(addprefix --qemu ,$(QEMU))
# This kernel is to have kmemleak: one without would find no leaks.
KMEMLEAK := $(if $(filter debug,$(DEBUG)),KMEMLEAK=1)
TITLE = base $(BASE)$(if $(PRISTINE), pristine)$(if $(CARRY), carried)$(if $(DEBUG), $(DEBUG))
GUEST_KNOBS  = BASE KSRC TESTS_KSRC MACHINES GUESTS GUESTS_DIR VMM DEBUG J V
# Two bases without the series, and all with it.
BUILT_HOSTS  = 6.1 $(foreach base,6.12 7.3,$(base)-pristine $(base))
# MiB of a machine that has guests; images of others may want 1 GiB of them.
GUEST_MEMORY = $(if $(IMAGE)$(GUESTS_DIR),3584,2048)

# rig/build/build.mk and the kernel's makes get what they are told, and no more.
MAKEOVERRIDES :=
unexport MAKEFLAGS MFLAGS
.NOTPARALLEL:

.PHONY: kernel
kernel: tree
	@$(PHASE) --name configure -- $(BUILDER) configure TREE=$(LINUX) BUILD=$(BUILD) \
		FRAGMENTS="rig/build/kernel.config $(DEBUG:%=rig/build/%.config)"
	@$(PHASE) --name 'build kernel$(if $(DEBUG), $(DEBUG))' -- $(BUILDER) image \
		TREE=$(LINUX) BUILD=$(BUILD)

.PHONY: tests
ifeq ($(OUT),$(TESTS_OUT))
tests: tree
	@$(PHASE) --name 'build tests' -- $(BUILDER) selftests TREE=$(LINUX)
else
tests:
	@$(SELF) tests BASE=$(TESTS_BASE) $(if $(TESTS_KSRC),KSRC='$(TESTS_KSRC)') NESTED=1
endif

SUITE = $(BUILDER) suite TREE=$(TESTS_OUT)/linux
PACK  = $(BUILDER) initramfs TREE=$(LINUX) BUILD=$(BUILD) OUT=$(OUT) \
	TO=$(TESTS_OUT)/linux/build/kselftest

.PHONY: initrd
initrd: kernel tests
	@$(if $(PROGRAM),$(BUILDER) program TREE=$(TESTS_OUT)/linux PROGRAM=$(PROGRAM))
	@$(PACK) NAMES="$$($(SUITE)) $(PROGRAM)"

.PHONY: guests-initrd boot-guests
guests-initrd: initrd $(if $(VMM),qemu)
	@$(PHASE) --name 'build guests' -- $(BUILDER) guests TREE=$(TESTS_OUT)/linux
	@$(PHASE) --name 'pack guests' -- rig/build/pack-guests --out $(OUT) --cache $(CACHE) \
		--dir '$(GUESTS_DIR)' --names '$(GUESTS)' --single '$(IMAGE)' \
		--vmm '$(if $(VMM),out/qemu/qemu-system-aarch64$(addprefix -,$(QEMU_PATCH)))' \
		--built $(TESTS_OUT)/linux/build/kselftest/guests \
		--image $(LINUX)/$(BUILD)/arch/arm64/boot/Image \
		--gen-init-cpio $(LINUX)/$(BUILD)/usr/gen_init_cpio
# Revisions that the kernel does not have are refused.
boot-guests: APPEND = oops=panic $(if $(PRISTINE),REFUSED=01) $(addprefix VMM=,$(VMM))
boot-guests: MACHINES = $(file <$(OUT)/guests/machines)
boot-guests: guests-initrd
	@$(JUDGE) $(RUN) --selftests $(OUT)/guests/tests.table --tests '' \
		--machines '$(MACHINES)' \
		--initrd $(OUT)/initrd-guests --memory $(GUEST_MEMORY) --timeout 3600 \
		$(if $(filter 1,$(J)),,--jobs 2) --out $(OUT)/run-guests$(addprefix -,$(VMM)) --report out/report \
		--title '$(TITLE) guests$(addprefix $() ,$(VMM))'

# Wrong knobs are told before anything is fetched or built. No verdict is left from
# another run.
.PHONY: knobs
knobs:
	@rig/source/check-knobs --goals '$(MAKECMDGOALS)' --make $$PPID --base '$(BASE)' \
		--ksrc '$(KSRC)' --pristine '$(PRISTINE)' --debug '$(DEBUG)' \
		--machines '$(if $(findstring command,$(origin MACHINES)),$(MACHINES))' --tests '$(TESTS)' \
		--mutants '$(MUTANTS)' --sample '$(SAMPLE)' --seed '$(SEED)' --runs '$(N)' \
		--guests '$(GUESTS)' --guests-dir '$(GUESTS_DIR)' --vmm '$(VMM)' --gic '$(GIC)' \
		--hosts '$(HOSTS)' --built '$(BUILT_HOSTS:%=%=)' --hosts-dir '$(HOSTS_DIR)' --image '$(IMAGE)' \
		--name '$(NAME)' --revision '$(REVISION)' --memory $(GUEST_MEMORY) --version '$(VERSION)' \
		--duration '$(DURATION)' --jobs '$(J)' --qemu '$(QEMU)' --out '$(OUT)' \
		--cache '$(CACHE)' --status $(STATUS) $(if $(NESTED),--nested)

# A program of rig/target, and the suite behind it. The last it says is the verdict.
.PHONY: program
program: MACHINES = gicv3-vhe gicv2-vhe
program: APPEND = SEED=$$seed DURATION=$(DURATION) kasan_multi_shot
program: initrd
	@seed=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')); \
	echo "$(PROGRAM) SEED=$$seed"; rm -f $(OUT)/$(PROGRAM)/*.ktap; \
	$(JUDGE) $(RUN) --selftests rig/boot/programs.table --selftests rig/boot/selftests.table \
		--tests "$(PROGRAM) $(if $(AFTER),$$($(SUITE)))" --machines '$(MACHINES)' \
		--out $(OUT)/$(PROGRAM) --report out/report \
		--timeout $$(($(TEST_TIMEOUT) + 900)) --title '$(TITLE) $(PROGRAM)'; \
	status=$$?; sed -n 's/^  # \($(PROGRAM): GICv.*\)/\1/p' $(OUT)/$(PROGRAM)/*.ktap; \
	exit $$status

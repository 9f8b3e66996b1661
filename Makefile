# SPDX-License-Identifier: GPL-2.0-only
#
# The front door: targets and knobs. rig/build/steps.mk has the steps that they are made of,
# rig/build/build.mk what is built, and how.

# Knobs come from the command line. What is exported does not change a run.
BASE	     := 7.3
KSRC	     :=
TESTS_KSRC   :=
MACHINES     :=
TESTS	     :=
MUTANTS	     :=
SAMPLE	     :=
PLANTED	     :=
NAMES	     :=
GUESTS	     :=
GUESTS_DIR   :=
VMM	     :=
HOSTS	     :=
HOSTS_DIR    :=
GIC	     := 3
IMAGE	     :=
NAME	     :=
LSMOD	     :=
REVISION     :=
N	     := 20
DURATION     := 600
SEED	     :=
PRISTINE     :=
DEBUG	     :=
SIGNOFF	     :=
VERSION	     := 1
BUSYBOX	     :=
QEMU	     :=
TIMEOUT	     := 600
TEST_TIMEOUT :=
J	     :=
V	     :=
# What only a target of this file sets: a program of rig/target to run, and that the
# make which started this one has the lock and gives the verdict.
PROGRAM	     :=
NESTED	     :=
APPEND	     :=
AFTER	     :=
QEMU_PATCH   :=
LIVE	     :=
# The tree of make carry: of its own makes, and for refresh.
CARRY	     := $(filter carry,$(MAKECMDGOALS))
KNOBS := BASE KSRC TESTS_KSRC MACHINES TESTS MUTANTS SAMPLE PLANTED NAMES GUESTS GUESTS_DIR VMM \
	 HOSTS HOSTS_DIR GIC IMAGE NAME LSMOD REVISION N DURATION SEED PRISTINE DEBUG SIGNOFF VERSION BUSYBOX QEMU \
	 TIMEOUT TEST_TIMEOUT J V

YES = $(filter-out 0 n no,$1)
override PRISTINE := $(call YES,$(PRISTINE))
override SIGNOFF  := $(call YES,$(SIGNOFF))
override V	  := $(call YES,$(V))

.DEFAULT_GOAL := help
include rig/build/steps.mk

.PHONY: help
help: ## work: the targets (this), and the knobs
	@rig/lib/show-help --makefile Makefile --bases '$(BASES)' --cache $(CACHE)

.PHONY: run
run: initrd ## work: build, boot every machine, run the selftests, print the matrix
	@$(if $(QEMU),:,$(PHASE) --name 'fetch QEMU' -- rig/source/newer-qemu --machines '$(MACHINES)')
	@$(JUDGE) $(RUN) --machines '$(MACHINES)' \
		--out $(OUT)/run$(addprefix -,$(DEBUG)) --report out/report --times $(OUT)/times \
		--title '$(TITLE)'; \
	status=$$?; rig/build/phase --out $(OUT) --summary; exit $$status

.PHONY: shell
shell: initrd ## work: a prompt on a machine (MACHINES=<one>) with the selftests at hand
	@$(PACK) NAMES="$$($(SUITE))" BUSYBOX="$$(rig/source/busybox --file '$(BUSYBOX)' \
		--cache $(CACHE) --out $(OUT))"
	@rig/boot/boot-machines --shell --base $(BASE) --machines '$(MACHINES)' \
		$(addprefix --qemu ,$(QEMU)) --image $(LINUX)/$(BUILD)/arch/arm64/boot/Image \
		--initrd $(OUT)/initrd-shell

.PHONY: guests guest moves
guests: knobs ## work: run guests under QEMU at each revision, patched and pristine (GUESTS_DIR=)
	@$(JUDGE) rig/judge/run-targets --targets '$(foreach pristine,0 1,boot-guests \
		PRISTINE=$(pristine) $(call PASS,$(filter-out $(GUEST_KNOBS),$(KNOBS)));)'
guest: MACHINES = gicv3-vhe
guest: guests-initrd ## work: boot IMAGE=<file> under QEMU on a machine at REVISION=<n>
	@rig/boot/boot-machines --shell --base $(BASE) --memory $(GUEST_MEMORY) \
		$(addprefix --qemu ,$(QEMU)) --machines '$(MACHINES)' \
		--append 'quiet $(addprefix REVISION=,$(REVISION)) $(addprefix VMM=,$(VMM))' \
		--image $(LINUX)/$(BUILD)/arch/arm64/boot/Image --initrd $(OUT)/initrd-guests

# Not those that end before they can be moved
SERIES_GUESTS = linux linux-old linux-unmodified ungrouped ungrouped-old probing grouped
# Those that vmm/qemu/moves.table has been seen with
SERIES_HOSTS = 6.12 7.3 7.3-pristine debian-6.12 debian-6.16 debian-7.3
MOVE_HOSTS = $(or $(HOSTS),$(if $(VMM),$(SERIES_HOSTS)))
MOVES = $(filter $(or $(MOVE_HOSTS),%),$(BUILT_HOSTS))
define MOVE
@$(foreach host,$(MOVES),$(SELF) kernel BASE=$(host:-pristine=) NESTED=1 \
	PRISTINE=$(if $(findstring pristine,$(host)),1) $(addprefix J=,$(J)) &&) :
@$(SELF) guests-initrd NESTED=1 $(if $(VMM),VMM=$(VMM) QEMU_PATCH=moves) GUESTS='$(or $(GUESTS),$(if \
	$(VMM),$(SERIES_GUESTS)))'
@$(JUDGE) rig/boot/move-guests --base $(BASE) --built '$(foreach host,$(MOVES),\
	$(host)=out/$(host)/linux/build/arch/arm64/boot/Image)' --initrd $(OUT)/initrd-guests \
	--names '$(MOVE_HOSTS)' --cache $(CACHE) --gen-init-cpio $(LINUX)/$(BUILD)/usr/gen_init_cpio \
	$(addprefix --hosts-dir ,$(HOSTS_DIR)) $(addprefix --jobs ,$(J)) $(LIVE) \
	$(addprefix --qemu ,$(QEMU)) $(if $(filter command,$(origin TIMEOUT)),--timeout $(TIMEOUT)) \
	--out out/$(or $(LIVE:--%=%),moves$(addprefix -,$(VMM))) --gic $(GIC) \
	--append '$(addprefix VMM=,$(VMM))' --report out/report \
	--kunit $(TESTS_OUT)/linux/tools/testing/kunit
endef
moves: knobs ## work: move guests between host kernels, there and back (HOSTS= HOSTS_DIR=)
	$(MOVE)

.PHONY: survey
# A tree of the user's own as it is, and then as an image.
ifneq ($(KSRC),)
OWN = out/survey-ksrc/linux
survey: knobs
	@$(PHASE) --name unpack -- rig/source/unpack --base $(BASE) --tree $(OWN) --any-version \
		--cache $(CACHE) --ksrc '$(KSRC)'
	@$(PHASE) --name configure -- $(BUILDER) configure TREE=$(OWN) \
		FRAGMENTS=rig/build/kernel.config
	@$(PHASE) --name 'build kernel' -- $(BUILDER) image TREE=$(OWN)
	@$(JUDGE) rig/judge/run-targets --targets 'survey NAME=$(NAME) $(addprefix J=,$(J)) \
		$(addprefix QEMU=,$(QEMU)) IMAGE=$(OWN)/build/arch/arm64/boot/Image'
else
survey: kernel tests ## prove: ask shipped kernels what their GIC is, and compare with survey/ (HOSTS=)
	@$(PHASE) --name 'build survey' -- $(BUILDER) survey TREE=$(TESTS_OUT)/linux
	@$(BUILDER) initramfs TREE=$(LINUX) BUILD=$(BUILD) OUT=out/survey \
		TO=$(TESTS_OUT)/linux/build/kselftest NAMES='survey vgic-revision'
	@$(JUDGE) rig/boot/survey-kernels --base $(BASE) --names '$(HOSTS)' $(addprefix --image ,$(IMAGE)) \
		--name '$(NAME)' --ours $(LINUX)/$(BUILD)/arch/arm64/boot/Image --cache $(CACHE) \
		--tool $(TESTS_OUT)/linux/build/kselftest/host/vgic-revision --initrd out/survey/initrd \
		--gen-init-cpio $(LINUX)/$(BUILD)/usr/gen_init_cpio $(addprefix --jobs ,$(J)) \
		--kunit $(TESTS_OUT)/linux/tools/testing/kunit --out out/survey --report out/report \
		$(addprefix --qemu ,$(QEMU))
endif

.PHONY: bundle
bundle: tests $(if $(HOSTS),kernel) ## work: a file with selftests and tool, for real hosts; HOSTS= tries it
	@$(PHASE) --name 'build bundle' -- $(BUILDER) bundle TREE=$(TESTS_OUT)/linux OUT=out/bundle
	@echo out/bundle/vgic-revisions-arm64.tar.xz
	@$(if $(HOSTS),$(BUILDER) initramfs TREE=$(LINUX) BUILD=$(BUILD) OUT=out/bundle \
		TO=$(TESTS_OUT)/linux/build/kselftest NAMES=stranger && \
		$(JUDGE) rig/boot/try-bundle --base $(BASE) --names '$(HOSTS)' --cache $(CACHE) \
		--ours $(LINUX)/$(BUILD)/arch/arm64/boot/Image --out out/bundle --report out/report \
		--bundle out/bundle/vgic-revisions-arm64.tar.xz --sanitized out/bundle/vgic-revision \
		--busybox "$$(rig/source/busybox --file '$(BUSYBOX)' --cache $(CACHE) --out $(OUT))" \
		--gen-init-cpio $(LINUX)/$(BUILD)/usr/gen_init_cpio --kunit $(TESTS_OUT)/linux/tools/testing/kunit \
		$(addprefix --qemu ,$(QEMU)))

.PHONY: deb
deb: tree ## work: vgic-revision as a Debian package for arm64, in out/deb
	@rig/source/install-packages --for docs
	@$(PHASE) --name 'build deb' -- $(BUILDER) deb TREE=$(LINUX) OUT=out/deb
	@ls out/deb/*.deb

.PHONY: tree
tree: knobs deps ## work: the kernel as a git repo, out/<base>/linux: branches base and series
	@$(PHASE) --name fetch -- $(DOWNLOAD) --base $(BASE) --ksrc '$(KSRC)'
	@$(PHASE) --name unpack -- rig/source/unpack $(TREES) --cache $(CACHE) --ksrc '$(KSRC)'
	@$(if $(PRISTINE)$(CARRY),:,$(PHASE) --name apply -- rig/source/sync-series tree $(TREES))

.PHONY: refresh
refresh: knobs ## work: write branch series back to series/ and to the whole files
	@rig/source/sync-series refresh $(TREES)

.PHONY: series
series: tree ## work: the mailable patches with a cover letter, in out/<base>/series
	@rig/source/sync-series mail $(TREES) --out $(OUT)/series --version $(VERSION) \
		$(if $(SIGNOFF),--signoff)

.PHONY: qemu-tree qemu-refresh qemu-series qemu-laws qemu-planted qemu-live qemu-test qemu
qemu-tree: knobs ## vmm: QEMU as a git repo, out/qemu/qemu, with the series of vmm/qemu
	@rig/source/install-packages --for qemu
	@$(QEMU_PHASE) --name fetch -- $(DOWNLOAD) $(QEMU_PACKAGE)
	@$(QEMU_PHASE) --name unpack -- rig/source/unpack --tree $(QEMU_TREE) $(QEMU_TRACKED) \
		--cache $(CACHE) --package "$$($(DOWNLOAD) $(QEMU_PACKAGE))"
	@$(QEMU_PHASE) --name apply -- rig/source/sync-series tree $(QEMU_SERIES)
qemu-refresh: knobs ## vmm: write branch series of out/qemu/qemu back to vmm/qemu
	@rig/source/sync-series refresh $(QEMU_SERIES)
qemu-series: qemu-tree ## vmm: its mailable patches with a cover letter, in out/qemu/series
	@rig/source/sync-series mail $(QEMU_SERIES) --out out/qemu/series --version $(VERSION) \
		$(if $(SIGNOFF),--signoff)
qemu-laws: qemu ## vmm: tree and refresh are inverse; git am gives the same tree; commits build
	@$(JUDGE) rig/judge/check-laws --qemu $(QEMU_TREE) $(QEMU_TRACKED) --cache $(CACHE)
qemu-planted: qemu-tree ## vmm: plant a defect in its series: do make guests and moves see it?
	@$(JUDGE) rig/judge/run-planted --tree $(QEMU_TREE) --defects vmm/qemu/planted \
		--names '$(PLANTED)'
qemu-live qemu-test: MACHINES = gicv3-vhe gicv2-vhe
# On a kernel with sockets, which both need: the program of that name for all machines
SOCKETS = $(SELF) guests-initrd $(call PASS,MACHINES DEBUG VMM GUESTS) VMM=series DEBUG=sockets \
	  NESTED=1 GUESTS='$(or $(GUESTS),probing linux-old grouped)'
ON_SOCKETS = $(RUN) --tests '' --machines '$(MACHINES)' --memory $(GUEST_MEMORY) --timeout 3600 \
	     --image $(LINUX)/build-sockets/arch/arm64/boot/Image --append VMM=series --report out/report
qemu-live: knobs ## vmm: move running guests to another QEMU, on one host or between two (GUESTS= HOSTS=)
ifneq ($(HOSTS),)
qemu-live: VMM = series
qemu-live: LIVE = --live
qemu-live:
	$(MOVE)
else
	@$(SOCKETS)
	@echo 'live | ktap | 3000' >$(OUT)/guests/live.table
	@$(JUDGE) $(ON_SOCKETS) --selftests $(OUT)/guests/live.table --initrd $(OUT)/initrd-guests \
		--out $(OUT)/run-live --title '$(TITLE) live'
endif
qemu-test: knobs ## vmm: run the functional test of its series in the machines
	@$(SOCKETS)
	@rig/build/pack-functional --out $(OUT) --tree $(QEMU_TREE) --cache $(CACHE) \
		--built $(TESTS_OUT)/linux/build/kselftest/guests \
		--gen-init-cpio $(LINUX)/$(BUILD)/usr/gen_init_cpio
	@echo 'functional | ktap | 900' >$(OUT)/guests/functional.table
	@$(JUDGE) $(ON_SOCKETS) --selftests $(OUT)/guests/functional.table \
		--initrd $(OUT)/initrd-functional --out $(OUT)/run-functional --title '$(TITLE) functional'
qemu: qemu-tree ## vmm: build it for the machines: arm64, static, KVM only
	@$(QEMU_PHASE) --name 'build QEMU' -- $(BUILDER) qemu TREE=$(QEMU_TREE) \
		PATCH=$(QEMU_PATCH:%=vmm/qemu/%.diff)

.PHONY: docs
docs: tree ## prove: build the documents as HTML and check them, in out/<base>/docs
	@rig/source/install-packages --for docs
	@$(JUDGE) rig/judge/check-documents --tree $(LINUX) --out $(OUT)/docs --cache $(CACHE)

FEWER = $(addprefix J=,$(J)) $(addprefix V=,$(V)) $(filter-out TIMEOUT=600,TIMEOUT=$(TIMEOUT))
.PHONY: check
check: knobs ## prove: run, docs and survey on every base, laws, review, the rig's quick tests
	@$(JUDGE) rig/judge/run-targets --targets '$(foreach base,$(BASES),docs BASE=$(base);run \
		BASE=$(base) $(FEWER);survey BASE=$(base) HOSTS=$(base)-series $(FEWER);)laws BASE="$(BASES)";review BASE="$(BASES)";rig-tests NAMES=quick'

.PHONY: carry
carry: MACHINES = gicv3-vhe gicv2-vhe
carry: knobs ## prove: does the series apply to another release (KSRC=)? build, boot
	@rig/source/install-packages --for carry
	@$(PHASE) --name unpack -- rig/source/unpack $(TREES) --any-version --cache $(CACHE) \
		--ksrc '$(KSRC)'
	@$(SELF) tree BASE=$(BASE) NESTED=1
	@$(JUDGE) rig/judge/carry-series --tree $(LINUX) --base $(BASE) --from out/$(BASE)/linux \
		-- $(call PASS,KSRC MACHINES) MACHINES='$(MACHINES)'

.PHONY: kernel-deb
kernel-deb: MACHINES = gicv3-vhe gicv2-vhe
kernel-deb: initrd ## work: packages of the patched kernel as Debian configures it; boot (LSMOD=)
	@rig/source/install-packages --for kernel-deb
	@$(PHASE) --name 'package kernel' -- rig/build/package-kernel $(TREES) --lsmod '$(LSMOD)' \
		$(addprefix --jobs ,$(J)) --cache $(CACHE) \
		--gen-init-cpio $(LINUX)/$(BUILD)/usr/gen_init_cpio
	@ls -sh $(LINUX)/build-deb/*.deb
	@shipped=$$(rig/source/shipped-kernel --cache $(CACHE) --deb $(LINUX)/build-deb/linux-image-*.deb \
		--gen-init-cpio $(LINUX)/$(BUILD)/usr/gen_init_cpio) || exit; \
	cat $(OUT)/initrd $$shipped/modules.cpio >$(OUT)/initrd-deb && \
	$(JUDGE) $(RUN) --image $$shipped/Image --initrd $(OUT)/initrd-deb \
		--machines '$(MACHINES)' --out $(OUT)/run-deb --report out/report \
		--title '$(TITLE) package'

.PHONY: laws
laws: knobs ## prove: tree and refresh are inverse; git am gives the same tree; defects apply
	@$(JUDGE) rig/judge/check-laws --bases '$(BASE)' --ksrc '$(KSRC)'

.PHONY: review
review: knobs ## prove: what maintainers and bots would run: checkpatch, sparse, clang...
	@$(JUDGE) rig/judge/review-series --bases '$(BASE)' --ksrc '$(KSRC)' --cache $(CACHE)

.PHONY: rig-tests
rig-tests: knobs ## prove: the rig's own tests (NAMES=)
	@$(JUDGE) rig/selftest/check-rig --names '$(NAMES)' --cache $(CACHE)

.PHONY: bisect-check
bisect-check: knobs ## prove: boot every commit of the series on every base (MACHINES=)
	@$(JUDGE) rig/judge/boot-commits --bases '$(BASES)' --machines '$(MACHINES)' \
		--timeout $(TIMEOUT)

.PHONY: mutants
mutants: initrd ## prove: break the kernel in many ways: does a test fail for each?
	@$(JUDGE) rig/judge/run-mutants $(BOOT) --tree $(LINUX) --second $(OUT)/second \
		--out $(OUT)/mutants --generated $(OUT)/generated --names '$(MUTANTS)' \
		$(addprefix --sample ,$(SAMPLE)) $(addprefix --seed ,$(SEED)) \
		$(addprefix --jobs ,$(J))

.PHONY: bench
bench: MACHINES = gicv3-vhe gicv2-vhe
bench: knobs ## prove: what the series costs in instructions, beside the pristine base
	@rig/source/install-packages --for bench
	@for pristine in 1 0; do $(SELF) initrd $(call PASS,PRISTINE) PRISTINE=$$pristine \
		PROGRAM=bench NESTED=1 || exit; done
	@$(JUDGE) rig/judge/compare-cost --base $(BASE) --tree $(LINUX) --patched $(LINUX)/build \
		--pristine $(OUT)-pristine/linux/build --initrd $(OUT)/initrd --timeout $(TIMEOUT) \
		--kunit $(TESTS_OUT)/linux/tools/testing/kunit --machines '$(MACHINES)' \
		--out $(OUT)/bench --report out/report

.PHONY: soak
soak: MACHINES = gicv3-vhe
soak: initrd ## stress: run N times in a row, on gicv3-vhe unless MACHINES says otherwise
	@$(JUDGE) rig/boot/repeat-boot --times $(N) --out $(OUT)/soak -- $(RUN) \
		--machines '$(MACHINES)'

.PHONY: debug
debug: knobs ## stress: run on kernels that look for their own bugs: KASAN, lockdep...; KCSAN
	@$(JUDGE) rig/judge/run-targets --targets '$(foreach debug,debug kcsan,run DEBUG=$(debug) \
		$(call PASS,DEBUG MACHINES TIMEOUT TEST_TIMEOUT) TIMEOUT=1800 TEST_TIMEOUT=600 \
		MACHINES="$(or $(MACHINES),gicv3-vhe gicv3-nvhe gicv2-vhe)";)'

.PHONY: fuzz faults
OWN_KERNEL = $(if $(DEBUG),$(error DEBUG= is not for make $@: it builds a kernel of its own))
fuzz: ## stress: use the vgic at random for DURATION seconds, against a model of it
	@$(OWN_KERNEL)$(SELF) program DEBUG=debug PROGRAM=fuzz $(call PASS,DEBUG TEST_TIMEOUT) \
		TEST_TIMEOUT=$$(($(DURATION) + 300)) NESTED=$(NESTED)
faults: ## stress: fail every allocation of a VMM, kill VMMs: what is left behind?
	@$(OWN_KERNEL)$(SELF) program DEBUG=debug PROGRAM=kvm-faults $(call PASS,DEBUG TEST_TIMEOUT) \
		TEST_TIMEOUT=1200 AFTER=suite NESTED=$(NESTED)

.PHONY: planted
planted: tree ## stress: plant a defect for each instrument: does it find it?
	@$(JUDGE) rig/judge/run-planted --tree $(LINUX) --names '$(PLANTED)'

.PHONY: deps
deps: ## work: install what is missing, with apt (and sudo when not root)
	@rig/source/install-packages

.PHONY: clean
clean: knobs ## work: remove what was built, keep the kernel trees
	rm -rf out/*/linux/build* out/*/docs out/moves* out/live out/survey out/bundle out/deb out/*/guests out/*/functional* out/*/initrd* out/*/run* \
		out/*/series out/*/second* out/*/mutants \
		out/*/generated out/*/soak out/*/fuzz out/*/kvm-faults out/*/bench out/*/bisect \
		out/report out/test

.PHONY: distclean
distclean: knobs ## work: remove out/; refuses while a tree has work that series/ has not
	@for tree in out/*/linux; do [ ! -d $$tree/.git ] || \
		rig/source/sync-series saved --tree $$tree || exit 2; done
	rm -rf out

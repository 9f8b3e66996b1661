# SPDX-License-Identifier: GPL-2.0-only
#
# What is built, for the front door and for the programs of the rig:
#
#	make -s -f rig/build/build.mk TARGET NAME=value...
#
#	target     what it makes                             parameters
#	configure  $(TREE)/$(BUILD)/.config                  TREE BUILD FRAGMENTS
#	image      the kernel                                TREE BUILD
#	objects    any goals of kbuild                       TREE BUILD GOALS FLAGS
#	suite      prints the rows of selftests.table        TREE
#	           that the tree has
#	headers    the uAPI headers, in $(TREE)/build/usr    TREE
#	selftests  the suite, in $(TO)/arm64                 TREE TO FLAGS
#	program    rig/target/$(PROGRAM).c, in $(TO)/arm64   TREE TO PROGRAM
#	initramfs  PID 1 and what it runs, $(OUT)/initrd     TREE BUILD TO OUT NAMES
#	guests     guests, what runs them, $(TO)/guests      TREE TO
#	survey     the tool and what runs it, in $(TO)/arm64, TREE TO
#	           and for this machine, in $(TO)/host
#	bundle     the tool and the selftests that say KTAP  TREE TO OUT
#	           for real hosts: $(OUT)/*.tar.xz; the tool
#	           with sanitizers, $(OUT)/vgic-revision
#	deb        the tool as $(OUT)/*.deb                  TREE OUT
#	qemu       QEMU for the machines, beside its TREE    TREE PATCH
#
# TREE is the kernel's source, BUILD a directory in it. J is the number of jobs, V=1
# shows the commands.

TREE	  :=
BUILD	  := build
FRAGMENTS :=
GOALS	  :=
FLAGS	  :=
TO	  := $(TREE)/build/kselftest
PROGRAM	  :=
OUT	  :=
NAMES	  :=
BUSYBOX	  :=
PATCH	  :=
V	  :=
comma	  := ,
J	  := $(shell nproc)
CROSS	  := $(if $(filter aarch64,$(shell uname -m)),,aarch64-linux-gnu-)
CACHE	  := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vgic-revisions

export CCACHE_DIR := $(CACHE)/ccache
export CCACHE_NOHASHDIR := 1
# What a result depends on is what the compiler says it has read: to preprocess each
# file once more for that takes half as long as to compile it.
export CCACHE_DEPEND := 1
export CCACHE_MAXSIZE := 5G
# The same source gives the same image.
export KBUILD_BUILD_TIMESTAMP := @0
export KBUILD_BUILD_VERSION := 1
export KBUILD_BUILD_USER := rig
export KBUILD_BUILD_HOST := rig
export LC_ALL := C

# Gets SIGTERM when the shell of its recipe does.
KMAKE := setpriv --pdeathsig TERM make -j$(J) $(if $(filter 1,$(V)),V=1) -C $(TREE) ARCH=arm64 \
	 CROSS_COMPILE=$(CROSS) CC='ccache $(CROSS)gcc' HOSTCC='ccache gcc'

# For what the rig itself runs on the machines.
TARGET_CC := ccache $(CROSS)gcc -static -O2 -Wall -Wextra -Werror
SOURCES_init	   := init.c host.c
SOURCES_fuzz	   := fuzz.c fuzz-ops.c fuzz-threads.c fuzz-model.c vmm.c host.c
SOURCES_kvm-faults := kvm-faults.c vmm.c host.c
SOURCES_bench	   := bench.c
# In front of the C library: for kernels from before v6.8.
OLDER_KVM := $(TO)/older-kvm.o
# bench.c is made from what the selftests are made from.
FLAGS_bench := -std=gnu99 -D_GNU_SOURCE= -DCONFIG_64BIT -Wno-unused-parameter \
	       -Wno-sign-compare -Wno-missing-field-initializers -fno-stack-protector \
	       -fno-PIE -fno-strict-aliasing $(addprefix -fno-builtin-mem,cmp cpy set) \
	       $(addprefix -I$(TREE)/tools/,include arch/arm64/include \
			   arch/arm64/include/generated testing/selftests) \
	       $(addprefix -I$(TREE)/tools/testing/selftests/kvm/,include include/arm64)
LIBS_bench  := $(OLDER_KVM) $(TO)/lib/*.o $(TO)/lib/arm64/*.o

EXAMPLE     := vgic_example
EXAMPLE_DOC := Documentation/virt/kvm/arm/vgic-revisions.rst
ROWS	    := $(shell . rig/lib/rig.sh && rows rig/boot/selftests.table | cut -f 1)
# Not every commit of the series has all of them.
SOURCE	     = $(if $(filter $(EXAMPLE),$1),$(EXAMPLE_DOC),tools/testing/selftests/kvm/arm64/$1.c)
SUITE	     = $(foreach name,$(ROWS),$(if $(wildcard $(TREE)/$(call SOURCE,$(name))),$(name)))

# The parameters above are not the kernel's: its makes get what KMAKE says.
MAKEOVERRIDES :=
unexport MAKEFLAGS MFLAGS

# The guests that are not Linux: one flat binary that needs nothing.
GUEST_FLAGS := -ffreestanding -fno-pic -fno-stack-protector -mgeneral-regs-only \
	       -mstrict-align -static -nostdlib $(addprefix -Wl$(comma),--build-id=none \
	       --no-warn-rwx-segments -Trig/guest/guest.lds)

.PHONY: configure image objects suite headers selftests program initramfs guests survey bundle deb qemu

CONFIGURED := $(TREE)/$(BUILD)/.configured
configure:
	@mkdir -p $(TREE)/$(BUILD)
	@cat $(FRAGMENTS) | cmp -s - $(CONFIGURED) || { \
		cat $(FRAGMENTS) >$(CONFIGURED).new && \
		$(KMAKE) O=$(BUILD) KCONFIG_ALLCONFIG=$(abspath $(CONFIGURED)).new allnoconfig && \
		mv $(CONFIGURED).new $(CONFIGURED); }
	@grep '^CONFIG' $(CONFIGURED) | grep -vxF -f $(TREE)/$(BUILD)/.config | \
		sed 's|^|note: not in $(TREE): |' || :

image:
	@$(KMAKE) O=$(BUILD) Image

# W=1 starts Python for each file: not through what pyenv puts in front of it.
objects:
	@$(KMAKE) O=$(BUILD) PYTHON3="$$(python3 -c 'import sys; print(sys.executable)')" \
		$(FLAGS) $(GOALS)

suite:
	@echo $(SUITE)

headers:
	@$(KMAKE) O=build headers_install

# What has the old one is to be linked again.
$(OLDER_KVM): rig/target/older-kvm.c | headers
	@mkdir -p $(TO) && rm -f $(SUITE:%=$(TO)/arm64/%)
	@$(TARGET_CC) -isystem $(TREE)/build/usr/include -c -o $@ $<

selftests: headers $(OLDER_KVM)
	@$(KMAKE) -C tools/testing/selftests/kvm OUTPUT=$(abspath $(TO)) \
		LDFLAGS='-static -pthread $(abspath $(OLDER_KVM))' \
		KHDR_INCLUDES='-isystem $(abspath $(TREE))/build/usr/include' $(FLAGS) \
		$(patsubst %,$(abspath $(TO))/arm64/%,$(filter-out $(EXAMPLE),$(SUITE)))
	@$(if $(filter $(EXAMPLE),$(SUITE)),rig/build/extract-example --name $(EXAMPLE) \
		--document $(TREE)/$(EXAMPLE_DOC) >$(TO)/$(EXAMPLE).inc && \
		$(TARGET_CC) -isystem $(TREE)/build/usr/include -I$(TO) \
			-o $(TO)/arm64/$(EXAMPLE) rig/target/example.c)

program:
	@$(TARGET_CC) -pthread $(FLAGS_$(PROGRAM)) -isystem $(TREE)/build/usr/include \
		-o $(TO)/arm64/$(PROGRAM) $(SOURCES_$(PROGRAM):%=rig/target/%) $(LIBS_$(PROGRAM))

# For the machines static, which shipped kernels have nothing beside; here to compare.
TOOL	= make -s -C $(TREE)/tools/kvm/vgic_revision
survey: headers
	@mkdir -p $(TO)/arm64 $(TO)/host
	@$(TARGET_CC) -o $(TO)/arm64/survey rig/target/survey.c
	@$(TOOL) OUTPUT=$(abspath $(TO))/arm64/ CC='$(CROSS)gcc' LDFLAGS=-static \
		$(abspath $(TO))/arm64/vgic-revision
	@$(TOOL) OUTPUT=$(abspath $(TO))/host/ CC=gcc $(abspath $(TO))/host/vgic-revision

# For any arm64 Linux with KVM, with nothing beside it.
BUNDLE	= $(OUT)/vgic-revisions
BUNDLED	= $(shell . rig/lib/rig.sh && rows rig/boot/selftests.table | sed -n 's/\tktap\t.*//p')
bundle: survey
	@rm -rf $(BUNDLE) && mkdir -p $(BUNDLE)/tests
	@$(foreach name,$(BUNDLED),$(CROSS)strip -o $(BUNDLE)/tests/$(name) $(TO)/arm64/$(name) &&) :
	@$(CROSS)strip -o $(BUNDLE)/vgic-revision $(TO)/arm64/vgic-revision
	@cp COPYING rig/bundle/README rig/bundle/run tools/kvm/vgic_revision/vgic-revision.txt $(BUNDLE)
	@$(TOOL) OUTPUT=$(abspath $(OUT))/ CC='$(CROSS)gcc -fsanitize=address,undefined \
		-fno-sanitize-recover=all -static-libasan -static-libubsan' \
		$(abspath $(OUT))/vgic-revision
	@$(TARGET_CC) -o $(TO)/arm64/stranger rig/target/stranger.c
	@echo "vgic-revisions $$(git describe --always --dirty 2>/dev/null || echo unknown)," \
		"on Linux $$($(KMAKE) -s kernelversion)" >$(BUNDLE)/version
	@tar -C $(OUT) --sort=name --owner=0 --group=0 --mtime=@0 -cJf $(BUNDLE)-arm64.tar.xz \
		vgic-revisions

# The man page not through what pyenv puts in front of Python
DEB = $(OUT)/deb
deb: headers
	@rm -rf $(DEB) && mkdir -p $(DEB)/DEBIAN $(OUT)/tool
	@PATH=/usr/bin:/bin $(TOOL) OUTPUT=$(abspath $(OUT))/tool/ DESTDIR=$(abspath $(DEB)) \
		CC='$(CROSS)gcc' LDFLAGS=-s install install-man
	@gzip -9n $(DEB)/usr/share/man/man1/*.1
	@printf '%s: %s\n' Package vgic-revision Version "$$($(KMAKE) -s kernelversion)" \
		Architecture arm64 Depends libc6 Section admin Priority optional \
		Maintainer 'KVM/arm64 <kvmarm@lists.linux.dev>' Description \
		'show and select the revisions of the GIC that KVM emulates' >$(DEB)/DEBIAN/control
	@dpkg-deb --root-owner-group -b $(DEB) $(OUT)

# What it runs goes in without symbols, which are most of it.
initramfs:
	@mkdir -p $(OUT)/tests
	@$(TARGET_CC) -o $(OUT)/init $(SOURCES_init:%=rig/target/%)
	@$(foreach name,$(NAMES),$(CROSS)strip -o $(OUT)/tests/$(name) $(TO)/arm64/$(name) &&) :
	@rig/build/pack-initramfs --gen-init-cpio $(TREE)/$(BUILD)/usr/gen_init_cpio \
		--out $(OUT) --names '$(NAMES)' $(if $(BUSYBOX),--busybox '$(BUSYBOX)')

# small-vmm and the tool are not static: the one is for the other to load a library into.
guests: headers
	@mkdir -p $(TO)/guests
	@$(foreach guest,ungrouped probing grouped,$(TARGET_CC) $(GUEST_FLAGS) -o $(TO)/guests/$(guest).elf \
		$(addprefix rig/guest/,start.S guest.c $(guest).c) && \
		$(CROSS)objcopy -O binary $(TO)/guests/$(guest).elf $(TO)/guests/$(guest) &&) :
	@$(TARGET_CC) -o $(TO)/guests/linux-init rig/guest/linux.c
	@$(foreach name,guests moves live two-hosts,$(TARGET_CC) -isystem $(TREE)/build/usr/include \
		-o $(TO)/guests/run-$(name) \
		$(addprefix rig/target/,$(name).c outcomes.c guest-rows.c host.c) &&) :
	@$(TARGET_CC) -o $(TO)/guests/run-functional rig/target/functional.c
	@$(filter-out -static,$(TARGET_CC)) -isystem $(TREE)/build/usr/include \
		-o $(TO)/guests/small-vmm rig/target/small-vmm.c
	@$(TOOL) OUTPUT=$(abspath $(TO))/guests/ CC='$(CROSS)gcc'

qemu:
	@rig/build/build-qemu --tree $(TREE) --cache $(CACHE) --jobs $(J) $(addprefix --patch ,$(PATCH))

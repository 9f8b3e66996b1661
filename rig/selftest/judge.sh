# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Tests of the programs that judge: do they see what is wrong? See check-rig.

# test: six things are wrong, and all six are said; put right, it passes
docs_go_wrong()
{
	in_copy make tree || return 1
	tree=$copy/out/$base/linux
	cat >>"$tree/Documentation/virt/kvm/guest-compat.rst" <<-'RST'

		See :ref:`planted_label`, Documentation/virt/kvm/planted.rst and teh `page`_.

		.. _page: planted.html
	RST
	sed -i 's/ @val: / @planted: /' "$tree/arch/arm64/kvm/vgic/vgic-iidr.c"
	sed -i 's/N \\--/N --/' "$tree/tools/kvm/vgic_revision/vgic-revision.txt"
	expect 2 'undefined label: .*planted_label' in_copy make docs || return 1
	[ "$(cat "$copy/out/status")" = 1 ] || return 1
	said 'there is no Documentation/virt/kvm/planted.rst' 'teh ==> the' \
		'leads nowhere: planted.html' 'a dash where "--" stands: vgic-revision run' \
		"parameter 'val' not described in 'vgic_uaccess_write_iidr'" || return 1
	git -C "$tree" checkout -q .
	expect 0 ' 0 new warnings' in_copy make docs
}

# contradicted TEXT PATTERN SED: what check-survey says of a document or record so edited
contradicted()
{
	mkdir -p "$work/said"
	cp -r survey Documentation/virt/kvm/arm/vgic-revisions.rst rig/boot/moves.table "$work/said/"
	find "$work/said" -path "$work/said/$2" -exec sed -i "$3" {} +
	expect 1 "$1" rig/judge/check-survey --record "$work/said/survey" \
		--document "$work/said/vgic-revisions.rst" --moves "$work/said/moves.table"
}

# test: each table of a document against its record, in both directions
documents_and_records_that_differ()
{
	doc=vgic-revisions.rst guest=gicv3-guest.face
	expect 0 '' rig/judge/check-survey && ! grep . "$work/output" || return 1
	contradicted "$doc:[0-9]*: write 0: selected, and .*/debian-5.10-gicv2.json says -EINVAL" \
		$doc '/^v4.19 to v5.18/s/-EINVAL /selected/' &&
	contradicted "$doc:[0-9]*: write 3: ignored, and .*/debian-6.16-gicv3.json says selected" \
		$doc '/^v5.19+ without/s/selected/ignored /' &&
	contradicted "$doc:[0-9]*: write 0 after a run: selected, and .*/7.3-series-gicv2.json" \
		$doc 's/the revision to 0 or 1 after/the revision to 2 or 3 after/' &&
	contradicted "$doc:[0-9]*: v5.2: survey-claims.table has no row for it" \
		$doc 's/^v6.19  More/v5.2   More/' &&
	contradicted "$doc:[0-9]*: default 2, and .*/v4.18.0-gicv3.json says 0" \
		$doc '/^v4.18 and older/s/ 0 / 2 /' &&
	contradicted "$doc:[0-9]*: no row is for .*/v4.18.0-gicv2.json" \
		$doc 's/^v4.18 and/v4.17 and/' &&
	said 'v4.17 and older: no kernel of it is on record' &&
	contradicted 'write 2: ignored, and .*/debian-6.12-gicv3.json says selected' \
		$doc 's/ 6.12.88,/ 6.12.119,/' &&
	contradicted "$doc:[0-9]*: busy before v6.18, and .*/debian-6.17-gicv3.json" \
		$doc 's/f26e6af75782 (v6.17)/f26e6af75782 (v6.18)/' &&
	contradicted "$doc:[0-9]*: opens since v4.18, and .*/v4.18.0-gicv2.json" \
		$doc 's/ from v5.19 on$/ from v4.18 on/' &&
	contradicted "$doc:[0-9]*: 7.2.12: not named" $doc 's/ 7.2.12//' &&
	contradicted "$doc:[0-9]*: 7.2.13: not on record" $doc 's/ 7.2.12/&, 7.2.13/' &&
	contradicted 'v4.20 "bits 51:48" of survey-claims.table is not there' \
		$doc 's/^v4.20  GICR/v4.19  GICR/' &&
	contradicted "$doc:[0-9]*: v5.2: survey-claims.table has no row for it" \
		$doc 's/^v5.3  /v5.2   All is new.\n&/' &&
	contradicted "$doc:[0-9]*: v5.19: .* does not end with" $doc 's/ read)/)/' &&
	contradicted "debian-5.10-$guest:62: GICR_PENDBASER@0 .* writable 030.* no row of" \
		survey/debian-5.10-$guest '/^GICR_PENDBASER@0/s/writable 01/writable 03/' &&
	contradicted "v4.18.0-$guest:[0-9]*: GICD_IGROUPR1 .* in 7.3-series-rev0-$guest .* no row" \
		survey/7.3-series-rev0-$guest '/^GICD_IGROUPR1/s/read-only/writable ffffffff/' &&
	contradicted "debian-5.10-$guest:82: .* not since v5.0, as \"INTID 31\" has it" \
		survey/debian-5.10-$guest '/^GICR_ISENABLER0@0/s/ones f/ones 7/' &&
	contradicted "$doc:[0-9]*: no face on record shows \"always resets to ones\"" \
		'survey/v4.19.1-*.face' '/^GICR_IGROUPR0@/s/0\{8\}/ffffffff/' &&
	contradicted "2 | selected | 7.3 | debian-6.16: refused-by-QEMU, .* 2 not on debian-6.16" \
		moves.table '/2 .*debian-6.16/d' &&
	contradicted 'default | alone | debian-5.10 | 7.3: goes-on, .* another GICD_IIDR: True' \
		moves.table '/default.*debian-5.10 | \*/d' &&
	contradicted '1 | alone | 7.3 | 6.12: nothing, and .* another GICD_IIDR: True' \
		moves.table '/^ungrouped/d' &&
	contradicted '0 | selected | v4.18.0,7.3 | v4.18.0: refused-by-QEMU, .* it sees no change' \
		moves.table '/^# QEMU 11/i * | * | * | v4.18.0,7.3 | * | refused-by-QEMU' &&
	contradicted 'linux | 2 | alone | debian-5.10 | 7.3: dead, .* has: Newer kernels accept' \
		moves.table 's/notices.*/dead/' &&
	contradicted '0 | selected | 7.3 | 6.12: dead, .* another GICD_IIDR: False' \
		moves.table '/^# QEMU 11/i * | * | * | 7.3 | 6.12 | dead' &&
	contradicted 'linux | 1 | alone | 7.3 | debian-6.12: goes-on, .* GICD_IIDR: True' \
		moves.table '/^linux/s/notices.*/goes-on/' &&
	contradicted '3 | save | debian-5.10 | debian-5.10: refused-by-vgic-revision, and ' \
		$doc '/^v4.19 to v5.18/s/-EINVAL   -EINVAL/selected  -EINVAL/' &&
	rm "$work/said/survey/debian-5.10-rev2-$guest" &&
	expect 1 "debian-5.10-rev2-$guest: it is not there" \
		rig/judge/check-survey --record "$work/said/survey"
}

put_back()
{
	for was in "$copy"/series/*/message.was "$copy"/Documentation/virt/kvm/*.was; do
		[ ! -f "$was" ] || mv "$was" "${was%.was}"
	done
}

# test: four more, in what is quick to look at; what is built is as it was, and is kept
review_goes_wrong()
{
	in_copy make tree || return 1
	message=$(ls "$copy"/series/*-guest-compatibility-documents/message)
	document=$copy/Documentation/virt/kvm/guest-compat.rst
	for file in "$message" "$document"; do
		cp "$file" "$file.was"
	done
	trap put_back EXIT
	printf '\nThis is recieved.\n\nFixes: d53c2c29 (KVM: Allow groups)\n' >>"$message"
	sed -i '1d; $s/$/ /' "$document"
	expect 2 'checkpatch.pl --strict *FAIL' in_copy make review || return 1
	[ "$(cat "$copy/out/status")" = 1 ] || return 1
	said 'TRAILING_WHITESPACE' 'SPDX_LICENSE_TAG' 'recieved ==> received' \
		': Fixes: d53c2c29 (KVM' 'sparse *pass .* [0-9]* commits, .* kept' || return 1
	put_back
	expect 0 ' 0 failed, ' in_copy make review
}

# test: a semantic patch that fails on every tree; a file outside of vgic/
coccinelle_that_finds_nothing()
{
	in_copy make tree || return 1
	mkdir -p "$work/bin-spatch"
	cat >"$work/bin-spatch/spatch" <<-SH
	#!/bin/sh
	[ "\$1" != --version ] || { echo broken; exit; }
	echo "\$*" >>$work/spatch.log
	exit 1
	SH
	chmod +x "$work/bin-spatch/spatch"
	: >"$work/spatch.log"
	expect 2 'coccicheck *FAIL' in_copy env PATH="$work/bin-spatch:$PATH" make review ||
		return 1
	said 'failed: scripts/coccinelle/' || return 1
	for file in $(git -C "out/$base/linux" diff --name-only base series -- \
		'arch/arm64/kvm/*.c'); do
		grep -q "$file" "$work/spatch.log" || { echo "not looked at: $file"; return 1; }
	done
}

# test: two clones at once, with one cache
two_reviews_with_one_cache()
{
	for program in rig/judge/review-series rig/judge/check-documents; do
		# What is written goes to a name of its own and is renamed.
		! grep -nE '(>|cp .*) *"?\$(this|old)"?$|touch "\$kept/\$this\.' "$program" ||
			return 1
	done
}

# test: the same source gives the same image, for what is kept goes by it
image_that_is_linked_again()
{
	image=arch/arm64/boot/Image
	before=$(sha1sum <"$built/$image")
	rm -f "$built/vmlinux" "$built/$image"
	echo 41 >"$built/.version"
	make -s -f rig/build/build.mk image TREE=out/$base/linux || return 1
	[ "$(sha1sum <"$built/$image")" = "$before" ]
}

# mutant NAME SCRIPT: the diff that a sed script makes of a file of the kernel.
mutant()
{
	file=arch/arm64/kvm/vgic/vgic-init.c
	git -C "out/$base/linux" show "series:$file" >"$work/was"
	sed "$2" "$work/was" >"$work/is"
	{
		printf 'Breaks: %s\nMachines: gicv2-vhe\n\n' "$1"
		echo "diff --git a/$file b/$file"
		diff -u --label "a/$file" --label "b/$file" "$work/was" "$work/is"
	} >"$work/mutants/$1.diff"
}

run_mutants()
{
	rig/judge/run-mutants --base $base --tree "out/$base/linux" --second "out/$base/second" \
		--image "$built/arch/arm64/boot/Image" --initrd "out/$base/initrd" \
		--kunit "out/$base/linux/tools/testing/kunit" --tests vgic_init \
		--mutants "$work/mutants" --out "$work/mutants/out" "$@"
}

# long test: mutants that are wrong themselves, one that lives, one that is killed and kept
mutants_go_wrong()
{
	rm -rf "$work/mutants"
	mkdir -p "$work/mutants"
	mutant comment 's/Copyright/(C) &/'
	sed 1d "$work/mutants/comment.diff" >"$work/mutants/silent.diff"
	expect 2 'silent.diff: above the diff it needs a line "Breaks' run_mutants || return 1
	rm "$work/mutants/silent.diff"
	mutant misfit 's/Copyright/(C) &/'
	sed -i 's/^ \(.*[a-z].*\)$/ not in the kernel: \1/' "$work/mutants/misfit.diff"
	expect 2 "misfit.diff does not apply to out/$base/linux" run_mutants || return 1
	rm "$work/mutants/misfit.diff"
	mutant typo 's/in_kernel = true/in_kernel = treu/'
	expect 2 'typo.diff does not build' run_mutants --names typo || return 1
	mutant warns 's/^int kvm_vgic_create/static int unused;\n&/'
	expect 2 'warns.diff does not build, or not without a warning' \
		run_mutants --names warns || return 1
	rm "$work/mutants/typo.diff" "$work/mutants/warns.diff"
	mutant broken 's/in_kernel = true/in_kernel = false/'
	expect 1 '^1 of 2 killed$' run_mutants || return 1
	grep -q '^survived: comment: comment$' "$work/output" || return 1
	grep -q '^broken .* vgic_init on gicv2-vhe$' "$work/output" || return 1
	expect 0 '^1 of 1 killed$' run_mutants --names broken && said '(kept)$' || return 1
	# Not by another QEMU.
	mkdir -p "$work/bin-qemu"
	newer=$(rig/source/newer-qemu) || return 1
	cat >"$work/bin-qemu/qemu-system-aarch64" <<-SH
	#!/bin/sh
	[ "\$1" != --version ] || { echo another, version 1000; exit; }
	exec ${newer:-$(command -v qemu-system-aarch64)} "\$@"
	SH
	chmod +x "$work/bin-qemu/qemu-system-aarch64"
	PATH=$work/bin-qemu:$PATH
	expect 0 '^1 of 1 killed$' run_mutants --names broken && ! said '(kept)$'
}

# A kernel of two files, whose series adds a gate, a selection and a call
tiny_kernel()
{
	rm -rf "$work/tiny"
	mkdir -p "$work/tiny/include/kvm" "$work/tiny/arch/arm64/kvm/vgic"
	(
		cd "$work/tiny" || exit
		cat >include/kvm/arm_vgic.h <<-'C'
		struct vgic_irq {
			raw_spinlock_t lock;	/* not a GICv2 */
			u8 targets;		/* GICv2 only */
		};

		struct vgic_cpu {
			struct vgic_v3_cpu_if vgic_v3;
		};

		struct vgic_v3_cpu_if {
			u32 ap0r[4];
		};

		struct vgic_dist {
		};

		struct vgic_redist_region {
			struct list_head list;
		};

		struct vgic_its {
			atomic_t busy;
		};
		C
		cat >arch/arm64/kvm/vgic/vgic-v3.c <<-'C'
		int old(int a)
		{
			return a < 1;
		}
		C
		git init -q . && git add . &&
			git -c user.name=t -c user.email=t@t commit -qm base && git branch base
		cat >>arch/arm64/kvm/vgic/vgic-v3.c <<-'C'

		/* Nor is this: if (a && b) c = 1; */
		static bool has_it(struct kvm_vcpu *vcpu)
		{
			return vgic_get_implementation_rev(vcpu) >= REV_2;
		}

		int vgic_uaccess_write_iidr(struct kvm_vcpu *vcpu, u32 val)
		{
			lockdep_assert_held(&vcpu->a, 1);
			if (val || !has_it(vcpu))
				return -EINVAL;
			set(vcpu, val);
			return 0;
		}
		C
	)
}

# test: the mutants of a diff are these, no more and no fewer
mutants_of_a_diff()
{
	tiny_kernel || return 1
	echo 'raw_spinlock_t | a lock' >"$work/tiny.table"
	rig/judge/generate-mutants --base 7.3 --tree "$work/tiny" --out "$work/tiny.mutants" \
		--not-state "$work/tiny.table" || return 1
	cat >"$work/tiny.expected" <<-'TXT'
	and-or.vgic_uaccess_write_iidr.1: (val && !has_it(vcpu))
	argument.vgic_uaccess_write_iidr.1: set(val, vcpu);
	clobber.vgic_cpu.vgic_v3.ap0r.gicv3.0: memset(&each->arch.vgic_cpu.vgic_v3.ap0r, 0,
	clobber.vgic_cpu.vgic_v3.ap0r.gicv3.1: (vcpu) == 1 &&
	clobber.vgic_cpu.vgic_v3.ap0r.gicv3.2: (vcpu) == 2 &&
	clobber.vgic_cpu.vgic_v3.ap0r.gicv3.3: ARM_VGIC_V3) {
	clobber.vgic_irq.targets.gicv2.0: private_irqs[i].targets = 0;
	clobber.vgic_irq.targets.gicv2.1: vgic->spis[i].targets = 0;
	clobber.vgic_irq.targets.gicv2.2: irq->targets = 0;
	clobber.vgic_irq.targets.gicv2.3: ARM_VGIC_V2) {
	clobber.vgic_its.busy.gicv3.0: atomic_set(&((struct vgic_its *)each->private)->busy, 0);
	clobber.vgic_its.busy.gicv3.1: (vcpu) == 1 &&
	clobber.vgic_its.busy.gicv3.2: (vcpu) == 2 &&
	clobber.vgic_its.busy.gicv3.3: (vcpu) == 3 &&
	clobber.vgic_redist_region.list.gicv3.0: INIT_LIST_HEAD(&each->list);
	clobber.vgic_redist_region.list.gicv3.1: (vcpu) == 1 &&
	clobber.vgic_redist_region.list.gicv3.2: (vcpu) == 2 &&
	clobber.vgic_redist_region.list.gicv3.3: (vcpu) == 3 &&
	compare.has_it.1: (vcpu) > REV_2;
	constant.has_it.1: (vcpu) >= (REV_2 + 1);
	constant.has_it.2: (vcpu) >= (REV_2 - 1);
	constant.vgic_uaccess_write_iidr.1: return -(EINVAL + 1);
	constant.vgic_uaccess_write_iidr.2: return -(EINVAL - 1);
	constant.vgic_uaccess_write_iidr.3: return (0 + 1);
	constant.vgic_uaccess_write_iidr.4: return (-1);
	delete.vgic_uaccess_write_iidr.1: -set(vcpu, val);
	early-return.vgic_uaccess_write_iidr.1: -if (val || !has_it(vcpu))
	gate.vgic_uaccess_write_iidr.1.guest: (kvm_get_running_vcpu() ? has_it(vcpu)
	gate.vgic_uaccess_write_iidr.1.user: (!kvm_get_running_vcpu() ? has_it(vcpu)
	gate.vgic_uaccess_write_iidr.1.vcpu0: (!vcpu->vcpu_id ? has_it(vcpu) : (KVM_VGIC_IMP_REV_LATEST >= REV_2))
	negate.vgic_uaccess_write_iidr.1: if (!(val || !has_it(vcpu)))
	negate.vgic_uaccess_write_iidr.2: if (!(val) ||
	negate.vgic_uaccess_write_iidr.3: || !(!has_it(vcpu))
	return.has_it.1: return !(vgic_get_implementation_rev(vcpu) >= REV_2);
	return.vgic_uaccess_write_iidr.1: return 0;
	return.vgic_uaccess_write_iidr.2: return -EPERM;
	return.vgic_uaccess_write_iidr.3: return 1;
	return.vgic_uaccess_write_iidr.4: return -EINVAL;
	TXT
	sed 's/: .*//' "$work/tiny.expected" >"$work/tiny.names"
	find "$work/tiny.mutants" -name '*.diff' -printf '%f\n' | sed 's/\.diff$//' | LC_ALL=C sort |
		diff "$work/tiny.names" - || return 1
	while IFS= read -r expected; do
		name=${expected%%: *}
		grep -qF -e "${expected#*: }" "$work/tiny.mutants/$name.diff" || {
			echo "not as it should be:"
			cat "$work/tiny.mutants/$name.diff"
			return 1
		}
	done <"$work/tiny.expected"

	# One kernel has all but one, each under a number of its own.
	grep -L "^Kernel: shared.kernel vgic_mutant=" "$work/tiny.mutants/"*.diff >"$work/alone"
	[ "$(cat "$work/alone")" = "$work/tiny.mutants/argument.vgic_uaccess_write_iidr.1.diff" ] ||
		return 1
	sed -n 's/^Kernel: .*=//p' "$work/tiny.mutants/"*.diff | sort -n >"$work/numbers"
	grep '^[+]' "$work/tiny.mutants/shared.kernel" | grep -o 'vgic_mutant == [0-9]*' |
		sed 's/.* //' | sort -n | diff "$work/numbers" - || return 1
	git -C "$work/tiny" apply --check "$work/tiny.mutants/shared.kernel" || return 1

	# A new field is a new mutant, and one of a new type needs a decision.
	sed -i 's/u8 targets;/u8 new;\n&/' "$work/tiny/include/kvm/arm_vgic.h"
	expect 0 '' rig/judge/generate-mutants --base 7.3 --tree "$work/tiny" --out "$work/tiny.mutants" \
		--not-state "$work/tiny.table" || return 1
	[ -f "$work/tiny.mutants/clobber.vgic_irq.new.gicv3.3.diff" ] || return 1
	sed -i 's/u8 new;/struct unheard_of new;/' "$work/tiny/include/kvm/arm_vgic.h"
	expect 2 'is vgic_irq.new, "struct unheard_of", state of the guest' \
		rig/judge/generate-mutants --base 7.3 --tree "$work/tiny" --out "$work/tiny.mutants" \
		--not-state "$work/tiny.table" || return 1
	echo 'vgic_irq.gone | it was a lock' >>"$work/tiny.table"
	sed -i '/unheard_of/d' "$work/tiny/include/kvm/arm_vgic.h"
	expect 2 '"vgic_irq.gone", which include/kvm/arm_vgic.h does not have' \
		rig/judge/generate-mutants --base 7.3 --tree "$work/tiny" --out "$work/tiny.mutants" \
		--not-state "$work/tiny.table"
}

run_generated()
{
	run_mutants --generated "$work/generated" --tests vgic_iidr \
		--equivalent "$work/equivalent.table" --gaps "$work/gaps.table" "$@"
}

# long test: one that lives and that no table has, rows of tables that are wrong
generated_mutants_go_wrong()
{
	# Two that one kernel has
	lives=clobber.vgic_irq.priority.gicv2.0
	neighbour=clobber.vgic_dist.implementation_rev.gicv2.3
	dies=return.vgic_mmio_uaccess_write_v2_misc.1
	typo=argument.vgic_mmio_uaccess_write_v2_misc.1
	rm -rf "$work/mutants"
	mkdir -p "$work/mutants"
	: >"$work/equivalent.table"
	: >"$work/gaps.table"
	expect 1 "^survived: $lives: " run_generated \
		--names "$lives $neighbour $dies $typo" &&
		said '^2 of 3 killed$' '^argument  *0  *0  *0  *0  *1$' \
			'^clobber  *1  *0  *0  *1  *0$' '^return  *1  *0  *0  *0  *0$' || return 1
	echo "clobber.vgic_irq.prio*.gicv2.0 | vgic_iidr has no eye for it" >"$work/gaps.table"
	expect 0 '^clobber  *0  *0  *1  *0  *0$' run_generated --names "$lives $dies" &&
		said '(kept)$' || return 1
	echo "$dies | it is made up" >"$work/equivalent.table"
	expect 1 "equivalent.table: $dies is killed: remove that row" \
		run_generated --names "$lives $dies" || return 1
	echo 'negate.no_such_function.1 | gone' >"$work/equivalent.table"
	expect 2 'there is no generated mutant negate.no_such_function.1' \
		run_generated --names "$lives" || return 1
	: >"$work/equivalent.table"
	expect 2 'unknown name in MUTANTS: negate.nothing' run_generated --names negate.nothing ||
		return 1
	# The same seed, the same mutants
	for one in first.3 again.3 other.4; do
		expect 0 "^SAMPLE=7 SEED=${one#*.}$" run_generated --check --sample 7 \
			--seed ${one#*.} || return 1
		sed 1d "$work/output" >"$work/${one%.*}"
	done
	[ "$(grep -c . "$work/first")" = 7 ] && cmp "$work/first" "$work/again" &&
		! cmp "$work/first" "$work/other"
}

# long test: what cannot be chosen while a kernel runs: each mutant is a kernel of its own
mutants_that_share_no_kernel()
{
	iidr=out/$base/linux/arch/arm64/kvm/vgic/vgic-iidr.c
	cp "$iidr" "$work/iidr.c"
	sed -i '/^\tswitch (rev) {/i\	_Static_assert(KVM_VGIC_IMP_REV_0 == 0, "");' "$iidr"
	rm -rf "$work/mutants"
	mkdir -p "$work/mutants"
	: >"$work/equivalent.table"
	: >"$work/gaps.table"
	expect 0 'shared.kernel does not build: one after the other' run_generated --names \
		'compare.vgic_uaccess_write_iidr.3 clobber.vgic_dist.implementation_rev.gicv2.3'
	status=$?
	cp "$work/iidr.c" "$iidr"
	return $status
}

# long test: a fuzzer whose model is wrong is as good as a kernel that is
fuzz_finds_what_differs()
{
	rm -rf "$work/rig"
	cp -r rig "$work/rig"
	model=$work/rig/target/fuzz-model.c
	sed -i 's/(rev < 2)/(rev < 1)/' "$model"
	! cmp -s rig/target/fuzz-model.c "$model" || return 1
	mkdir -p "$work/kselftest/arm64"
	(cd "$work" && make -s -f rig/build/build.mk program PROGRAM=fuzz \
		TREE="$OLDPWD/out/$base/linux" TO="$work/kselftest") || return 1
	pack fuzz || return 1
	expect 1 '^ *WRONG: userspace reads .*IGROUPR.* expected .*, revision 1)$' \
		boot_misbehaving --selftests rig/boot/programs.table --tests fuzz \
		--machines healthy --append 'SEED=2026 DURATION=100'
}

# long test: a reason that is not needed, and a kernel that cannot be measured
bench_wants_its_reasons()
{
	rig/source/install-packages --for bench || return 1
	make -s -f rig/build/build.mk program PROGRAM=bench TREE=out/$base/linux || return 1
	make -s -f rig/build/build.mk initramfs TREE=out/$base/linux OUT="$work" NAMES=bench \
		TO=out/$base/linux/build/kselftest || return 1
	cp -r rig/judge rig/lib rig/boot rig/target "$work/rig/" 2>/dev/null ||
		{ mkdir -p "$work/rig" && cp -r rig/* "$work/rig/"; }
	echo 'SGI to EOI | it is made up' >>"$work/rig/judge/cost-reasons.table"
	set -- "$work/rig/judge/compare-cost" --base $base --tree out/$base/linux \
		--pristine "$built" --patched "$built" --machines gicv2-vhe \
		--kunit out/$base/linux/tools/testing/kunit --out "$work/bench" \
		--report "$work/report"
	mkdir -p "$work/report"
	expect 1 '^FAIL: cost-reasons.table: .* needs no reason$' "$@" \
		--initrd "$work/initrd" &&
		said '^GICv2  SGI to EOI  *[0-9]*  *[0-9]*  1.000' &&
		[ -s "$work/report/$base-bench.svg" ] || return 1
	expect 2 'pristine-1 could not be measured' "$@" --initrd /dev/null
}

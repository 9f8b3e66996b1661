# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Tests of the programs that judge: do they see what is wrong? See check-rig.

# test: five things are wrong, and all five are said; put right, it passes
docs_go_wrong()
{
	in_copy make tree || return 1
	tree=$copy/out/$base/linux
	cat >>"$tree/Documentation/virt/kvm/guest-compat.rst" <<-'RST'

		See :ref:`planted_label`, Documentation/virt/kvm/planted.rst and teh `page`_.

		.. _page: planted.html
	RST
	sed -i 's/ @val: / @planted: /' "$tree/arch/arm64/kvm/vgic/vgic-iidr.c"
	expect 2 'undefined label: .*planted_label' in_copy make docs || return 1
	[ "$(cat "$copy/out/status")" = 1 ] || return 1
	said 'there is no Documentation/virt/kvm/planted.rst' 'teh ==> the' \
		'leads nowhere: planted.html' \
		"parameter 'val' not described in 'vgic_uaccess_write_iidr'" || return 1
	git -C "$tree" checkout -q .
	expect 0 ' 0 new warnings' in_copy make docs
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
	rm -f "$built/vmlinux" "$built/$image" "$built/.version"
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

# test: mutants that are wrong themselves, one that lives, one that is killed and kept
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
	cat >"$work/bin-qemu/qemu-system-aarch64" <<-'SH'
	#!/bin/sh
	[ "$1" != --version ] || { echo another; exit; }
	exec /usr/bin/qemu-system-aarch64 "$@"
	SH
	chmod +x "$work/bin-qemu/qemu-system-aarch64"
	PATH=$work/bin-qemu:$PATH
	expect 0 '^1 of 1 killed$' run_mutants --names broken && ! said '(kept)$'
}

# test: a fuzzer whose model is wrong is as good as a kernel that is
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

# test: a reason that is not needed, and a kernel that cannot be measured
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

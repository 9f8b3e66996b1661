# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Tests of `make guests` and `make guest`. See check-rig.

# What should become of guests that move, for those tests that move some
moves=''

# guest_table ROW...: $work/guests with that table, and the own guests as images
guest_table()
{
	rm -rf "$work/guests-dir"
	mkdir -p "$work/guests-dir"
	printf '%s\n' "$@" >"$work/guests-dir/guests.table"
	cp "out/$base/linux/build/kselftest/guests/ungrouped" "$work/guests-dir/" 2>/dev/null
	# A VMM that closes its console and stays
	echo 'int main(void) { return close(1) || close(2) || pause(); }' |
		$target_cc -include unistd.h -x c -o "$work/guests-dir/closes" -
}

pack_guests()
{
	make -s -f rig/build/build.mk guests TREE="out/$base/linux" >/dev/null &&
	guest_table "$@" && printf '%s\n' "$moves" >"$work/guests-dir/moves.table" &&
	make -s -f rig/build/build.mk initramfs TREE="out/$base/linux" OUT="$work" NAMES= &&
	rig/build/pack-guests --dir "$work/guests-dir" --out "$work" \
		--cache "${XDG_CACHE_HOME:-$HOME/.cache}/vgic-revisions" \
		--built "out/$base/linux/build/kselftest/guests" \
		--image "$built/arch/arm64/boot/Image" \
		--gen-init-cpio "$built/usr/gen_init_cpio" || return 2
}

boot_guests()
{
	pack_guests "$@" || return
	rig/boot/boot-machines --base misbehave --tables rig/selftest --machines healthy \
		--selftests "$work/guests/tests.table" --memory 2048 --report "$work/report" \
		--image "$built/arch/arm64/boot/Image" --initrd "$work/initrd-guests" \
		--out "$work/run" --kunit "out/$base/linux/tools/testing/kunit" --append REFUSED=45
}

# test: tables of guests, names and images that are none
guests_that_are_none()
{
	guest_table 'short | gicv3 | 0 1 | alive | 60 | text'
	expect 2 'needs 7 columns, has 6: short' in_copy make guests \
		GUESTS_DIR="$work/guests-dir" || return 1
	guest_table 'wrong | gicv3 | latest | alive | 60 | text | qemu'
	expect 2 'no revisions: latest' in_copy make guests GUESTS_DIR="$work/guests-dir" ||
		return 1
	expect 2 "there is no $work/none/guests.table" in_copy make guests \
		GUESTS_DIR="$work/none" || return 1
	expect 2 'unknown name in GUESTS: what' in_copy make guests GUESTS=what &&
		said 'GUESTS="..." takes: .*ungrouped' || return 1
	expect 2 'unknown VMM: mine' in_copy make guests VMM=mine || return 1
	expect 2 'unknown GIC: 4' in_copy make moves GIC=4 || return 1
	expect 2 "IMAGE=$work/none: there is no such file" in_copy make guest \
		IMAGE="$work/none" || return 1
	expect 2 'make guest boots an image: IMAGE=file' in_copy make guest || return 1
	expect 2 'REVISION=latest is not a revision' in_copy make guest \
		IMAGE=README.md REVISION=latest
}

# test: guests take more memory than tests do
guests_without_the_memory()
{
	mkdir -p "$work/small"
	cat >"$work/small/awk" <<-'SH'
	#!/bin/sh
	case "$*" in *MemAvailable*) echo 3000 ;; *) exec /usr/bin/awk "$@" ;; esac
	SH
	chmod +x "$work/small/awk"
	expect 2 '2 machines at a time take 4496 MB of memory, 3000 MB are free' \
		in_copy env PATH="$work/small:$PATH" make guests J=2 && said 'fewer: J=1' || return 1
	expect 2 '1 machines at a time take 3784 MB of memory, 3000 MB are free' \
		in_copy env PATH="$work/small:$PATH" make guest IMAGE=README.md
}

# long test: guests that do not say what they have to, VMMs that end, refusals that are none
guests_go_wrong()
{
	vmm='small-vmm /guests/ungrouped'
	expect 1 '' boot_guests \
		"fine | gicv3 | default 0 | alive | 60 | ungrouped: revision %, alive: | $vmm" \
		"silent | gicv3 | default | alive | 3 | no such text | qemu -m 64M -S" \
		"other | gicv3 | 0 | dead | 15 | ungrouped: revision %, without | $vmm" \
		"gone | gicv3 | default | alive | 60 | text | small-vmm /guests/none" \
		"static | gicv3 | 1 5 | alive | 60 | text | run-guests" \
		"none | gicv3 | 4 | alive | 60 | text | $vmm" \
		"closed | gicv3 | default | alive | 60 | text | /guests/closes" \
		"after | gicv3 | 1 | alive | 60 | ungrouped: revision %, alive: | $vmm" || return 1
	cell 'fine gicv3/default/alive' healthy pass && cell 'fine gicv3/0/alive' healthy pass &&
	cell 'silent gicv3/default/alive' healthy FAIL && cell 'other gicv3/0/dead' healthy FAIL &&
	cell 'gone gicv3/default/alive' healthy FAIL &&
	cell 'static gicv3/1/alive' healthy FAIL && cell 'static gicv3/5/refused' healthy FAIL &&
	cell 'none gicv3/4/refused' healthy pass && cell 'closed gicv3/default/alive' healthy FAIL &&
	cell 'after gicv3/1/alive' healthy pass || return 1
	said 'expected "ungrouped: revision 0, without", not there after 15 s' \
		'/guests/none: No such file or directory' \
		'refused: /usr/bin/run-guests is statically linked'
}

# The hosts a and b, the same kernel, with what pack_guests has packed
move_guests()
{
	image=$built/arch/arm64/boot/Image
	rig/boot/move-guests --base misbehave --built "a=$image b=$image" \
		--initrd "$work/initrd-guests" --report "$work/report" --cache "$work/no-cache" \
		--gen-init-cpio "$built/usr/gen_init_cpio" \
		--kunit "out/$base/linux/tools/testing/kunit" "$@"
}

without_apt()
{
	(PATH=$work/without-apt && "$@")
}

# long test: hosts that are none or gone, guests that move otherwise than they should
moves_go_wrong()
{
	expect 2 'hosts.table' in_copy make moves HOSTS_DIR="$work/none" || return 1
	mkdir -p "$work/hosts"
	echo 'old | Image-none' >"$work/hosts/hosts.table"
	expect 2 "old: there is no $work/hosts/Image-none" in_copy make moves \
		HOSTS_DIR="$work/hosts" || return 1
	echo 'old one | hosts.table' >"$work/hosts/hosts.table"
	expect 2 'old one: names of hosts have' in_copy make moves HOSTS_DIR="$work/hosts" ||
		return 1
	expect 2 'make moves takes no BASE' in_copy make moves BASE=6.12 || return 1

	moves='* | * | save | * | * | saved
	* | * | selected | * | * | goes-on
	* | * | alone | a | * | goes-on
	* | * | alone | b | * | notices-GICD_IIDR'
	pack_guests "ungrouped | gicv3 | 1 | alive | 60 | ungrouped: revision %, alive: | \
qemu -m 64M -kernel /guests/ungrouped" || return 1
	tools_without "$work/without-apt" apt-get
	expect 1 'load  ungrouped  1    selected  a  *goes on  *goes on  *NO REPORT !$' \
		without_apt move_guests --names 'a b debian-5.10' --out "$work/moves" || return 1
	said 'load  ungrouped  1    alone     a  *notices GICD_IIDR !  notices GICD_IIDR !' \
		'load  ungrouped  1    alone     b  *notices GICD_IIDR    notices GICD_IIDR  ' \
		'back  ungrouped  1    selected  a > b  *goes on  *-  *-$' \
		'debian-5.10 is not to be had, and has no report'
	grep -q 'name="load ungrouped 1 alone a"><failure message="notices' "$work/report/moves.xml"
}

# test: what is refused for another reason, which QEMU says of a load that fails as well
refused_while_busy()
{
	echo '#include <stdio.h>
	#include "rig/target/guest-rows.h"
	int main(int argc, char **argv) { return !refused_for(argv[1], "0", argc - 1); }' |
		gcc -O2 -Wall -Werror -I. -Irig/target -x c -o "$work/refused" - -x c \
		rig/target/guest-rows.c rig/target/host.c || return 2
	says='the host kernel refuses revision 0 of the in-kernel GIC (GICD_IIDR 0x4b00043b'
	fails='load of migration failed: Invalid argument'
	expect 0 '' "$work/refused" "$(printf '%s, Invalid argument)\n%s\n' "$says" "$fails")" &&
		expect 1 '' "$work/refused" "$(printf '%s, Device or resource busy)\n%s\n' \
			"$says" "$fails")"
}

# comes_out WORD GUEST STATUS TEXT...: what becomes of a guest that says that, see outcome.c
comes_out()
{
	word=$1
	shift
	expect 0 "^$word\$" "$work/outcome" "$@"
}

# test: guests that stop and end, before and after they have noticed something; many a refusal
outcomes_of_moves()
{
	gcc -O2 -Wall -Werror -o "$work/outcome" rig/selftest/outcome.c \
		rig/target/outcomes.c rig/target/guest-rows.c rig/target/host.c || return 2
	nl='
'
	still='linux: still alive' notices='linux: no longer so: GICD_IIDR 0, was 1'
	panics='Kernel panic - not syncing, and ends' each='ungrouped: no longer so: one-interrupt-each'
	finds='probing: no longer so: GICD_IIDR 0' ends='probing: no longer so, and ends'
	of='error while loading state for instance 0x0 of device'
	cannot='load of migration failed: Invalid argument'
	selects='vgic-revision: selected revision 1'
	has_none='vgic-revision: refused: this kernel has no revision 1 to select,'
	refuses='kernel refuses revision 1 of the in-kernel GIC: Invalid argument'
	comes_out goes-on linux -1 "$still" "$still" &&
		comes_out 'goes-on selected' linux - "$selects" "$still" "$still" &&
		comes_out dead linux - "$still$nl$still" 'rcu: still no more' &&
		comes_out dead linux - . . . . . "$still" &&
		comes_out dead linux - "$notices" 'linux: no longer so: now not alive' &&
		comes_out dead ungrouped - 'ungrouped: no longer so: now without interrupts' \
			"$notices" &&
		comes_out dead linux - "$still" 'linux: no longer so: GICD_I...' &&
		comes_out QEMU-ended linux 0 "$still" "$panics" &&
		comes_out QEMU-ended linux 1 'could not load kernel' &&
		comes_out QEMU-ended linux 255 "$of 'cpu'" &&
		comes_out QEMU-crashed linux -1 "$still" &&
		comes_out notices-GICD_IIDR linux - "$still" "$notices" "$still" &&
		comes_out notices-GICD_IIDR linux - "$notices" "$still" "$still" &&
		comes_out notices-one-interrupt-each-GICD_IIDR ungrouped-old - "$each" . . \
			"ungrouped: still$nl$notices$nl$each" 'ungrouped: still' &&
		comes_out notices-GICD_IIDR-and-stops linux - "$notices" "$still" &&
		comes_out notices-GICD_IIDR-and-stops linux - "$still" "$notices" &&
		comes_out notices-GICD_IIDR-and-ends linux -1 "$still" "$notices" "$panics" &&
		comes_out notices-GICD_IIDR-and-ends linux 0 "$notices" "$still" "$panics" &&
		comes_out notices-GICD_IIDR probing 0 'probing: still so' "$finds" "$ends" &&
		comes_out notices-GICD_IIDR-and-ends probing -1 "$finds" "$ends" &&
		comes_out notices-GICD_IIDR-and-stops probing - "$finds" "$ends" &&
		comes_out refused-by-vgic-revision linux 125 "$has_none" &&
		comes_out refused-by-vgic-revision linux 1 "$refuses" "$of 'arm_gicv3'" "$cannot" &&
		comes_out refused-otherwise linux 0 "$has_none" &&
		comes_out refused-by-QEMU linux 1 "$of 'cpu'" "$cannot" &&
		comes_out refused-by-QEMU linux 1 'Failed to put registers after init: no' &&
		comes_out 'refused-by-QEMU selected' linux 1 "$selects" \
			'Putting registers after init: no' &&
		comes_out refused-for-the-GIC linux 1 "$of 'arm_gic'" "$cannot" &&
		comes_out load-failed linux 1 "$of 'cpu_common'" "$cannot" &&
		comes_out load-failed linux 1 'Missing section footer for arm_gicv3' \
			'load of migration failed: Input/output error'
}

# long test: guests are being moved when somebody has had enough
moves_interrupted()
{
	moves='* | * | * | * | * | saved'
	pack_guests "ungrouped | gicv3 | 1 | alive | 60 | ungrouped: revision %, alive: | \
qemu -m 64M -kernel /guests/ungrouped" || return 1
	rm -rf "$work/moves"
	move_guests --names 'a b' --out "$work/moves" >"$work/output" 2>&1 &
	within 90 test -s "$work/moves/save/a.states" || return 1
	pkill -f "[m]ove-guests.*$work/moves"
	wait $!
	[ $? -eq 130 ] || return 1
	ended "[q]emu-system.*$work/moves" || return 1
	! find "$work/moves" -name '*.states' -o -name '*initrd' | grep .
}

# long test: live moves of one host or three, what comes out otherwise, a guest that is refused
live_moves_go_wrong()
{
	expect 2 'a live move is between two hosts, not 1' in_copy make qemu-live HOSTS=7.3 ||
		return 1
	expect 2 'make qemu-live takes no BASE' in_copy make qemu-live HOSTS="6.12 7.3" \
		BASE=6.12 || return 1

	moves='* | 4 | save | * | * | refused-by-vgic-revision
	* | * | save | * | * | saved
	* | default | alone | * | * | goes-on
	* | 2 | alone | * | * | notices-GICD_IIDR
	* | 3 | alone | * | * | load-failed
	* | 1 | alone | a | * | goes-on'
	# A destination has the first row of a name: it refuses a guest with less memory.
	row='- | 60 | ungrouped: revision %, | qemu -kernel /guests/ungrouped -m'
	pack_guests "ungrouped | gicv3 | default 1 2 4 | $row 64M" \
		"ungrouped | gicv3 | 3 | $row 32M" || return 1
	expect 1 '^live  ungrouped  default  alone  -  *starts  *goes on  *goes on$' \
		move_guests --live --names 'a b' --out "$work/live" || return 1
	said '^live  ungrouped  1  *alone  -  *starts  *notices GICD_IIDR !  *-$' \
		'^live  ungrouped  2  *alone  -  *starts  *notices GICD_IIDR  *-$' \
		'^live  ungrouped  3  *alone  -  *starts  *load failed  *-$' \
		'^live  ungrouped  4  *alone  -  *refused by vgic revision  *-  *-$' \
		'not every planned subtest reported'
}

# test: a host that says nothing, a guest that goes on elsewhere and does not come back
moves_without_a_report()
{
	moved=$work/moved
	again="rig/boot/move-guests --again --base $base --out $moved --report $work/report"
	rm -rf "$moved"
	mkdir -p "$moved/save" "$moved/load" "$moved/back" "$work/report"
	echo ' ok 1 gicv3.1.a_1.probing.selected.saved' >"$moved/save/a.1.ktap"
	echo ' ok 1 gicv3.1.b.probing.selected.refused-by-vgic-revision' >"$moved/save/b.ktap"
	echo ' ok 1 gicv3.1.a_1.probing.selected.goes-on' >"$moved/load/a.1.ktap"
	cp "$moved/load/a.1.ktap" "$moved/load/b.ktap"
	echo ' ok 1 gicv3.1.a_1,b.probing.selected.goes-on' >"$moved/back/a.1.ktap"
	# shellcheck disable=SC2086
	expect 0 '^back  probing  1    selected  a.1 > b  goes on  -$' $again --built 'a.1= b=' \
		--names 'a.1 b' || return 1
	echo ' ok 1 nothing-comes-back' >"$moved/back/a.1.ktap"
	# shellcheck disable=SC2086
	expect 1 '^back  probing  1    selected  a.1 > b  NO REPORT !  -$' $again \
		--built 'a.1= b=' --names 'a.1 b' || return 1
	# shellcheck disable=SC2086
	expect 1 '^load  probing  1    selected  a.1      goes on .* NO REPORT !$' $again \
		--built 'a.1= b= c=' --names 'a.1 b c'
}

survey()
{
	env PATH="${2:-$PATH}" rig/boot/survey-kernels --names "$1" --ours "$built/arch/arm64/boot/Image" \
		--record "$work/record" --out "$work/survey" --report "$work/report" \
		--tool "out/$base/linux/build/kselftest/host/vgic-revision" \
		--initrd "$work/initrd" --cache "$work/cache" \
		--gen-init-cpio "$built/usr/gen_init_cpio" \
		--kunit "out/$base/linux/tools/testing/kunit"
}

# test: what is not as it is on record, what is missing there, and a kernel that is gone
surveys_go_wrong()
{
	rm -rf "$work/record" "$work/survey"
	make -s -f rig/build/build.mk survey TREE="out/$base/linux" >/dev/null &&
	make -s -f rig/build/build.mk initramfs TREE="out/$base/linux" OUT="$work" \
		NAMES='survey vgic-revision' || return 2
	expect 0 '^7.3-series .* 0 1 2 3  -  *11 new  *11 new' survey 7.3-series &&
		expect 0 'as on record  as on record  kept' survey 7.3-series || return 1
	sed -i '/^GICD_IGROUPR1/s/writable/set by ones/' \
		"$work/record/7.3-series-rev2-gicv3-guest.face" || return 1
	rm "$work/record/7.3-series-rev2-gicv2-guest.face"
	expect 1 '^GICD_IGROUPR1 to GICD_IGROUPR2: set by ones ffffffff in ' survey 7.3-series &&
		said '1 differ *1 new' || return 1
	cp "$work/record/7.3-series-rev2-gicv2-user.face" \
		"$work/record/7.3-series-rev4-gicv2-user.face"
	expect 1 '1 differ *1 missing' survey 7.3-series || return 1
	tools_without "$work/without-apt" apt-get
	expect 2 'debian-5.10 .* there is no apt-get here' survey debian-5.10 \
		"$work/without-apt" && said 'no kernel has said anything'
}

try_bundle()
{
	rig/boot/try-bundle --base $base --names $base-series --gics "$2" --out "$work/bundle" \
		--ours "$built/arch/arm64/boot/Image" --bundle "$1" \
		--sanitized "$work/bundle/vgic-revision" --report "$work/report" \
		--gen-init-cpio "$built/usr/gen_init_cpio" --cache "$cache" --kunit \
		"out/$base/linux/tools/testing/kunit" --busybox "$(rig/source/busybox --file '' \
		--cache "$cache" --out "$work")"
}

# long test: somebody who was sent the bundle, as root and as a user; one that does more
bundle_of_a_stranger()
{
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/vgic-revisions
	rm -rf "$work/bundle"
	mkdir -p "$work/report"
	make -s -f rig/build/build.mk bundle TREE="out/$base/linux" OUT="$work/bundle" >/dev/null &&
	make -s -f rig/build/build.mk initramfs TREE="out/$base/linux" OUT="$work/bundle" \
		NAMES=stranger || return 2
	expect 0 ' 0 failed, ' try_bundle "$work/bundle/vgic-revisions-arm64.tar.xz" '3 2' || return 1
	sed -i 's/^here=/echo >\/home\/more; &/' "$work/bundle/vgic-revisions/run"
	rm "$work"/bundle/vgic-revisions/tests/vgic_re*
	tar -C "$work/bundle" -cJf "$work/bundle/more.tar.xz" vgic-revisions
	expect 1 '^FAIL: .*: stranger one_file$' try_bundle "$work/bundle/more.tar.xz" 2
}

# The tool for a machine without KVM for it, with sanitizers
build_tool()
{
	rm -rf "$work/tool"
	mkdir -p "$work/tool"
	tool=$work/tool/vgic-revision
	export ASAN_OPTIONS=detect_leaks=0
	# shellcheck disable=SC2046
	gcc -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
		-D_GNU_SOURCE -o "$tool" $(printf 'tools/kvm/vgic_revision/%s.c ' \
		vgic-revision compare list run not-arm64)
}

# build_library SANITIZER: its library, and a VMM that is its kernel, too
build_library()
{
	kvm="gcc -g -Wall -Wextra -Werror -D_GNU_SOURCE -DKVM_DEV_ARM_VGIC_GRP_DIST_REGS=1
		-DKVM_DEV_ARM_VGIC_GRP_CTRL=4 -DKVM_DEV_ARM_VGIC_CTRL_INIT=0
		-fsanitize=$1 -fno-sanitize-recover=all"
	$kvm -shared -fPIC -o "$tool-preload.so" tools/kvm/vgic_revision/preload.c -ldl &&
		$kvm -rdynamic -o "$work/tool/mock-vmm" rig/selftest/mock-vmm.c
}

# test: another architecture, wrong arguments, files that are no faces
tool_elsewhere()
{
	build_tool || return 1
	for command in '' --json 'can 3' face 'face --from user'; do
		# shellcheck disable=SC2086
		expect 2 '^vgic-revision: this host is not arm64: its KVM' "$tool" $command ||
			return 1
	done
	for command in 'can' 'can 3 4' 'face --from x' what 'list x' --what 'face README.md' \
		'face --compare README.md README.md --gic 3'; do
		# shellcheck disable=SC2086
		expect 2 '^usage: vgic-revision' "$tool" $command || return 1
	done
	for command in 'can 3 --json' 'list --quiet' 'face --json' 'list --gic 3' '--revision 1' \
		'can 3 --from user'; do
		# shellcheck disable=SC2086
		expect 2 '^vgic-revision: --[a-z]* does nothing here' "$tool" $command &&
			said '^usage: ' || return 1
	done
	expect 2 '16 is not a number from 0 to 15' "$tool" can 16 &&
		expect 2 'x is not a number from 2 to 3' "$tool" --gic x &&
		expect 0 '^usage: ' "$tool" --help &&
		[ "$(wc -l <"$work/output")" -le 24 ] || return 1

	old=survey/v4.18.0-gicv3-guest.face new=survey/7.3-series-rev0-gicv3-guest.face
	expect 1 '^17 registers differ' "$tool" face --compare $old $new &&
		expect 0 '^0 registers differ' "$tool" face --compare $old $old &&
		expect 2 'none: No such file' "$tool" face --compare $work/none $old &&
		expect 2 'Is a directory' "$tool" face --compare . $old || return 1
	face=$work/tool/face
	for text in '' '# GIC' '\n# GICv3' 'PK\3\4'; do
		# shellcheck disable=SC2059
		printf "$text" >"$face"
		expect 2 'face is not a face' "$tool" face --compare "$face" $old || return 1
	done
	for text in '# GICv3\n%0500d %0500d\n..5 x\n5..4 y\nN..\n\n \n' \
		'# GICv3\nR a%0500d, %0500d'; do
		# shellcheck disable=SC2059
		printf "$text" 1 2 >"$face"
		expect 1 'registers differ' "$tool" face --compare "$face" $old &&
			expect 1 'registers differ' "$tool" face --compare $old "$face" || return 1
	done
	printf '# GICv3\nA0..99999999 x\n' >"$face"
	expect 2 "more than 1024 registers in $face" "$tool" face --compare "$face" $old || return 1
	printf '# GICv3\nA0..1023 x\n' >"$face"
	expect 0 '^0 registers differ' "$tool" face --compare "$face" "$face" || return 1
	printf '# GICv3\nA resets to 0, writable f\n' >"$face"
	printf '# GICv3\nA resets to 00, writable ff\n' >"$face.2"
	expect 1 "^A: resets to 0, writable f in $face, resets to 00, writable ff in $face.2$" \
		"$tool" face --compare "$face" "$face.2"
}

# test: VMMs that vgic-revision can do nothing for, and a library that is left out
vmms_without_a_revision()
{
	build_tool || return 1
	expect 125 'vgic-revision-preload.so: No such file' "$tool" run --revision 1 -- ls ||
		return 1
	: | gcc -shared -x c -o "$tool-preload.so" - || return 1
	expect 0 "^LD_PRELOAD=$tool-preload.so$" "$tool" run --revision 1 -- env &&
		said '^VGIC_REVISION=1$' || return 1
	expect 7 '' "$tool" run --revision 1 -- sh -c 'exit 7' || return 1
	echo 'int main(void) { return 0; }' | gcc -static -x c -o "$work/tool/static" - || return 1
	expect 125 'is statically linked' "$tool" run --revision 1 -- "$work/tool/static" || return 1
	expect 125 'is it a script' "$tool" run --revision 1 -- rig/lib/show-help || return 1
	cp "$(command -v env)" "$work/tool/setuid"
	chmod u+s "$work/tool/setuid"
	expect 125 'has privileges' "$tool" run --revision 1 -- "$work/tool/setuid" || return 1
	expect 127 'none: not found' "$tool" run --revision 1 -- none || return 1
	expect 125 '16 is not a revision' "$tool" run --revision 16 -- ls || return 1
	# The dynamic linker would run the VMM without it.
	echo none >"$tool-preload.so"
	expect 125 'cannot load .*preload.so into' "$tool" run --revision 1 -- ls
}

# test: programs that start a VMM which the library cannot go along with
vmms_that_others_start()
{
	build_tool && build_library undefined || return 1
	run="$tool run --revision 1 --"
	echo 'int main(void) { return 0; }' | gcc -static -x c -o "$work/tool/static" - || return 1
	printf '#!/bin/sh\n"$@"\n' >"$work/tool/script"
	chmod +x "$work/tool/script"
	for by in 'sh -c' env "env $work/tool/script"; do
		# shellcheck disable=SC2086
		expect 126 'static is statically linked' $run $by "$work/tool/static" || return 1
	done
	# shellcheck disable=SC2086
	expect 126 'ls is started without LD_PRELOAD' $run env -u LD_PRELOAD ls &&
		expect 127 'none.*: No such file' $run env none &&
		expect 126 'Permission denied' $run env ./README.md &&
		expect 7 '' $run env "$work/tool/script" sh -c 'exit 7'
}

# test: VMMs that have two VMs, select themselves, or hand over what is no pointer
vmms_that_do_otherwise()
{
	build_tool && build_library address,undefined || return 1
	# What is preloaded comes before the sanitizer that it needs.
	export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
	run="$tool run --revision 2 -- $work/tool/mock-vmm"
	# shellcheck disable=SC2086
	expect 0 'selected revision 2, was 3' $run create close create init run run &&
		expect 0 'selected revision 2, was 2' $run create create init-first init run run &&
		expect 125 'has a second VM, and has not' $run create create init run &&
		expect 125 'has a second VM, and has not' $run create create init-first run &&
		expect 125 'in use, and has revision 3: start the VMM anew' \
			$run create run-early init &&
		expect 0 'true is started without LD_PRELOAD' $run create exec &&
		expect 0 'selected revision 2, was 2' $run create init run create init run &&
		expect 125 'runs a vCPU without' $run create run &&
		expect 125 'runs a vCPU without' $run create init run create run &&
		expect 0 '^no-attr: Bad address' $run no-attr &&
		expect 0 '^no-value: Bad address' $run no-value &&
		expect 0 '^2: fine' $run 2 &&
		expect 0 '^4: Invalid argument' $run create init 4 run &&
		expect 125 'the VMM selects revision 3' $run create init 3 run || return 1
	run="$tool run --revision 1 -- $work/tool/mock-vmm"
	# shellcheck disable=SC2086
	expect 125 'the GIC has 3: "vgic-revision" says which it has$' $run create init run
}

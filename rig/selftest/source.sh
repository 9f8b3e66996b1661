# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Tests of how a tree comes to be and is written back. See check-rig.

# test: an empty cache, and nobody to ask
no_network()
{
	unshare -rn true 2>/dev/null || return 77
	expect 2 'is there a network?' in_copy env XDG_CACHE_HOME="$work/empty-cache" \
		unshare -rn make tree
}

# test: the archive does not have that base any more
package_gone()
{
	printf 'package=linux-source-1.0\nsuites=trixie-backports\n' >"$copy/bases/1.0"
	expect 2 'linux-source-1.0 is gone from trixie-backports; there are: linux-source' \
		in_copy env XDG_CACHE_HOME="$work/empty-cache" make tree BASE=1.0
	status=$?
	rm "$copy/bases/1.0"
	# Only the archive can say it.
	! grep -q 'is there a network?' "$work/output" || status=77
	return $status
}

# test: half a download is none, and what another clone has fetched is not fetched again
downloads_are_whole_and_shared()
{
	unshare -rn true 2>/dev/null || return 77
	cache=$work/half-cache
	rm -rf "$cache"
	mkdir -p "$cache/download/part.killed"
	echo half >"$cache/download/part.killed/linux-source-7.3_1_all.deb"
	expect 2 'is there a network?' unshare -rn rig/source/download --base 7.3 \
		--cache "$cache" || return 1
	# The first clone holds the lock and has its download in place before it lets go.
	flock "$cache/lock" sh -c "sleep 2; echo whole >$cache/download/linux-source-7.3_2_all.deb" &
	sleep 0.5
	expect 0 'download/linux-source-7.3_2_all.deb$' unshare -rn rig/source/download \
		--base 7.3 --cache "$cache"
}

# test: KSRC= is not a kernel, or another one
wrong_ksrc()
{
	expect 2 "KSRC=$work is not a Linux source tree" in_copy make tree KSRC="$work" ||
		return 1
	mkdir -p "$work/old/arch/arm64/kvm"
	touch "$work/old/arch/arm64/kvm/Kconfig"
	printf 'VERSION = 5\nPATCHLEVEL = 10\n' >"$work/old/Makefile"
	expect 2 "KSRC=$work/old is version 5.10, BASE is 7.3" \
		in_copy make tree KSRC="$work/old"
}

# test: a program is missing, and there is no apt
missing_tool_without_apt()
{
	tools_without "$work/bin-without-tools" 'apt*' qemu-system-aarch64 ccache
	expect 2 'missing on PATH, by their Debian package names: ccache qemu-system-arm' \
		in_copy env PATH="$work/bin-without-tools" make deps
}

# test: no room, found out before anything is unpacked
disk_full()
{
	unshare -rm true 2>/dev/null || return 77
	mkdir -p "$copy/out"
	# shellcheck disable=SC2016
	expect 2 'the disk is full: make tree takes [0-9]* MB below' in_copy unshare -rm sh -c '
		mount -t tmpfs -o size=64m none out && make tree
		status=$?
		ls out/*/linux* 2>/dev/null && echo "half a tree is left" && exit 1
		exit $status'
}

# small_kernel DIRECTORY TEXT: a git repo that unpack takes for a kernel 7.3
small_kernel()
{
	rm -rf "$1"
	while read -r path; do
		case $path in
		MAINTAINERS) echo "$2" >"$1/$path" ;;
		*) mkdir -p "$1/$path" && echo "$2" >"$1/$path/Kconfig" ;;
		esac
	done <rig/source/tracked-paths.table
	mkdir -p "$1/drivers"
	echo "$2" >"$1/drivers/untracked"
	printf 'VERSION = 7\nPATCHLEVEL = 3\n' >"$1/Makefile"
	git init -q "$1" && git -C "$1" add -A &&
		git -C "$1" -c user.name=t -c user.email=unset@invalid commit -q -m "$2"
}

unpack_small()
{
	rig/source/unpack --base 7.3 --tree "$work/small/tree" --cache "$work" --ksrc "$1"
}

# test: one that was left behind does not disturb the next
unpack_that_was_left_behind()
{
	rm -rf "$work/small"
	small_kernel "$work/small-1" first && small_kernel "$work/small-2" second || return 1
	# Stopped in the middle, as if it had not noticed yet that its make is gone.
	tools_without "$work/bin-slow" git
	printf '#!/bin/sh\n[ "$1" != init ] || sleep 3\nexec /usr/bin/git "$@"\n' \
		>"$work/bin-slow/git"
	chmod +x "$work/bin-slow/git"
	(PATH="$work/bin-slow" unpack_small "$work/small-1") &
	sleep 1
	unpack_small "$work/small-2" || return 1
	wait
	[ "$(cat "$work/small/tree/drivers/untracked")" = second ] &&
		[ "$(git -C "$work/small/tree" show base:MAINTAINERS)" = second ] &&
		[ -z "$(ls -d "$work"/small/tree.part* 2>/dev/null)" ]
}

# test: a second tree is of the kernel that the first one has now
second_tree_of_another_kernel()
{
	rm -rf "$work/small"
	for text in one two; do
		small_kernel "$work/small-$text" $text || return 1
		rm -rf "$work/small/tree"
		unpack_small "$work/small-$text" || return 1
		# A tree without branch series has no work to lose.
		rig/source/sync-series saved --tree "$work/small/tree" || return 1
		rig/source/second-tree --tree "$work/small/tree" --second "$work/small/second" \
			--commit base || return 1
		[ "$(cat "$work/small/second/drivers/untracked")" = $text ] &&
			[ "$(cat "$work/small/second/MAINTAINERS")" = $text ] || return 1
	done
}

# test: interrupted, then wrong in two ways, then put right from the cache alone
interrupt_and_recover()
{
	rm -rf "$copy/out/$base"
	expect 124 '' in_copy timeout -s INT 4 make tree || return 1
	[ -z "$(ls -d "$copy/out/$base"/linux* 2>/dev/null)" ] || {
		echo "half a tree is left in place"
		return 1
	}
	edits=$(ls "$copy"/series/01-*/edits.diff)
	cp "$edits" "$work/edits"
	sed 's/^ \(.*[a-z].*\)$/ not in the kernel: \1/' "$work/edits" >"$edits"
	expect 2 "series/.*/edits.diff: hunk [0-9]* of .* does not apply" \
		in_copy make kernel || return 1
	cp "$work/edits" "$edits"
	whole=$copy/arch/arm64/kvm/vgic/vgic-iidr.c
	cp "$whole" "$work/whole"
	sed '/^u32 vgic_read_iidr/,/^}/s/return/retrun/' "$work/whole" >"$whole"
	# What is built there is not what this is about.
	cp -a "$built" "$copy/out/$base/linux/build"
	echo 0 >"$copy/out/status"
	expect 2 "vgic-iidr.c:[0-9]*:[0-9]*: error" in_copy make kernel || return 1
	[ ! -e "$copy/out/status" ] || return 1
	cp "$work/whole" "$whole"
	offline=''
	! unshare -rn true 2>/dev/null || offline='unshare -rn'
	# shellcheck disable=SC2086
	expect 0 '^2 passed, 0 failed, 0 skipped$' in_copy $offline make run \
		MACHINES=gicv2-vhe TESTS=vgic_init || return 1
	[ "$(cat "$copy/out/status")" = 0 ]
}

# test: the user's own tree, without apt and without git: built from, and left alone
ksrc_without_apt()
{
	ksrc=$work/ksrc
	# As much of a kernel as the series looks at
	rm -rf "$ksrc"
	mkdir -p "$ksrc"
	git -C "out/$base/linux" archive base | tar -x -C "$ksrc" || return 1
	printf 'VERSION = 7\nPATCHLEVEL = 3\nmrproper:\n' >"$ksrc/Makefile"
	tools_without "$work/bin-without-apt" 'apt*' 'dpkg*'
	touch "$work/now"
	expect 0 '^apply' in_copy env PATH="$work/bin-without-apt" make tree KSRC="$ksrc" ||
		return 1
	[ "$(git -C "$copy/out/$base-ksrc/linux" rev-parse 'series^{tree}')" = \
		"$(git -C "out/$base/linux" rev-parse 'rig-made^{tree}')" ] || return 1
	[ -z "$(find "$ksrc" -cnewer "$work/now" | head)" ] || return 1
	# Without git, what is in it is known by its newest file.
	touch "$ksrc/arch/arm64/kvm/arm.c"
	expect 2 'linux was made from .*, KSRC is now' in_copy make tree KSRC="$ksrc"
}

# test: a commit that is only in the tree is neither lost nor overwritten
work_in_the_tree()
{
	in_copy make tree || return 1
	tree=$copy/out/$base/linux
	first=$(ls -d "$copy"/series/01-*/message)
	cp "$first" "$work/message"
	echo "/* planted */" >>"$tree/arch/arm64/kvm/arm.c"
	expect 0 '^note: .* has changes that series/ has not' in_copy make tree || return 1
	expect 2 'has changes that are in no commit' in_copy make refresh || return 1
	git -C "$tree" -c user.name=t -c user.email=unset@invalid commit -q -a \
		-m 'KVM: arm64: Plant a comment'
	echo 'More.' >>"$first"
	expect 2 'has commits of its own' in_copy make tree || return 1
	expect 2 'has work that series/ has not' in_copy make distclean || return 1
	# Both have changed: what make tree offers is to put one on top of the other.
	git -C "$tree" -c user.name=t -c user.email=unset@invalid \
		rebase -q --onto rig-new rig-made series || return 1
	expect 0 'are in series/' in_copy make refresh || return 1
	grep -q planted "$copy"/series/*-plant-a-comment/edits.diff &&
		grep -q '^More.$' "$copy"/series/01-*/message || return 1
	cp "$work/message" "$copy"/series/01-*/message
	expect 2 'has commits of its own\|edited in this repository' in_copy make refresh ||
		return 1
	expect 0 '' in_copy make tree || return 1
	git -C "$tree" checkout -q -B series series~1
	expect 0 'are in series/' in_copy make refresh || return 1
	! ls -d "$copy"/series/*-plant-a-comment 2>/dev/null || return 1
	echo "/* planted */" >>"$tree/arch/arm64/kvm/arm.c"
	git -C "$tree" -c user.name=t -c user.email=unset@invalid stash -q
	expect 2 'commits that branch series has not: .*stash' in_copy make distclean || return 1
	git -C "$tree" stash drop -q
}

# test: a second version has change logs and a range-diff
second_version()
{
	expect 2 'git tag mailed-v1 <commit>' in_copy make series VERSION=2 || return 1
	in_copy git add -A && in_copy git -c user.name=t -c user.email=unset@invalid \
		commit -q -m v1 && in_copy git tag mailed-v1 || return 1
	message=$(ls "$copy"/series/06-*/message)
	cp "$message" "$work/message"
	echo 'One more sentence.' >>"$message"
	expect 2 'has changed since version 1' in_copy make series VERSION=2 || return 1
	printf 'v2:\n - Say one more sentence\n' >"${message%message}changes"
	expect 0 'v2-0006-.*patch' in_copy make series VERSION=2 || return 1
	patches=$copy/out/$base/series
	grep -A 3 '^---$' "$patches"/v2-0006-* | grep -q ' - Say one more sentence' &&
		! grep -q '^v2:' "$patches"/v2-0005-* &&
		grep -q '^Range-diff' "$patches"/v2-0000-* &&
		grep -q '^Applies to Linux 7.3' "$patches"/v2-0000-*
	status=$?
	rm "${message%message}changes"
	cp "$work/message" "$message"
	return $status
}

# test: what is edited in this repository is not overwritten by refresh
work_in_the_repository()
{
	in_copy make tree || return 1
	whole=$copy/arch/arm64/kvm/vgic/vgic-iidr.c
	message=$(ls "$copy"/series/02-*/message)
	cp "$whole" "$work/whole"
	cp "$message" "$work/message"
	echo '/* mine */' >>"$whole"
	echo 'Mine.' >>"$message"
	expect 2 'edited in this repository since' in_copy make refresh &&
		said '  arch/arm64/kvm/vgic/vgic-iidr.c' '  series/02-.*/message' || return 1
	tail -n 1 "$whole" | grep -q mine && tail -n 1 "$message" | grep -q Mine || return 1
	expect 0 '^apply' in_copy make tree || return 1
	expect 0 'are in series/' in_copy make refresh || return 1
	tail -n 1 "$whole" | grep -q mine && tail -n 1 "$message" | grep -q Mine || return 1
	cp "$work/whole" "$whole"
	cp "$work/message" "$message"
	in_copy make tree
}

# test: what would be built and booted and be in no patch
edits_outside_the_tracked_paths()
{
	in_copy make tree || return 1
	stray=$copy/out/$base/linux/drivers/irqchip/irq-gic.c
	cp -p "$stray" "$work/stray"
	echo '/* planted */' >>"$stray"
	for target in tree refresh series docs; do
		expect 2 'git does not track' in_copy make $target &&
			said 'drivers/irqchip/irq-gic.c' || return 1
	done
	cp -p "$work/stray" "$stray"
	expect 0 '^apply' in_copy make tree
}

# edit DIRECTORY NAME SED...: a commit that changes virt/kvm/NAME
edit()
{
	tree=$1 name=$2
	shift 2
	sed -i "$@" "$tree/virt/kvm/$name"
	git -C "$tree" -c user.name=t -c user.email=unset@invalid commit -q -a -m "KVM: $name"
}

carry_small()
{
	env PATH="$work/bin-carry:$PATH" rig/judge/carry-series --base 7.3 \
		--from "$work/carry/from" --tree "$work/carry/to/linux" -- J=1
}

# test: each way a commit can apply; what conflicts is resolved, and it goes on
carry_to_another_release()
{
	rm -rf "$work/carry"
	mkdir -p "$work/carry" "$work/bin-carry"
	printf '#!/bin/sh\necho "5 passed, 0 failed, 1 skipped"\n' >"$work/bin-carry/make"
	chmod +x "$work/bin-carry/make"
	names='exact moved fuzzy shifted merged there conflict last'
	small_kernel "$work/carry/old" small || return 1
	for name in $names; do
		seq 40 >"$work/carry/old/virt/kvm/$name"
	done
	git -C "$work/carry/old" add -A && edit "$work/carry/old" last 1d || return 1
	cp -r "$work/carry/old" "$work/carry/new"
	rig/source/unpack --base 7.3 --tree "$work/carry/from" --cache "$work" \
		--ksrc "$work/carry/old" || return 1
	git -C "$work/carry/from" checkout -q -b series
	echo '{"base": "0"}' >"$work/carry/from/.git/rig-made"
	for name in $names; do
		edit "$work/carry/from" "$name" '15s/$/ new/; 30s/$/ new/'
	done

	new=$work/carry/new
	edit "$new" moved '1i 0\n0\n0\n0\n0'
	edit "$new" fuzzy '12s/$/ too/'
	edit "$new" shifted -n '1,11H; 12,$p; 18{ x; s/.//; p }'
	edit "$new" merged '15s/$/ new/'
	edit "$new" there '15s/$/ new/; 30s/$/ new/'
	edit "$new" conflict '15s/$/ other/'
	sed -i 's/= 3/= 4/' "$new/Makefile"
	git -C "$new" -c user.name=t -c user.email=unset@invalid commit -q -a -m 7.4
	rig/source/unpack --base 7.3 --any-version --tree "$work/carry/to/linux" --cache "$work" \
		--ksrc "$new" || return 1

	expect 1 '^series of 7.3: from 7.3 to 7.4$' carry_small &&
		said '^exact  *applies  *nothing' '^moved  *offset 5  *nothing' \
		'^fuzzy  *fuzz 1  *look at the fuzz in virt/kvm/fuzzy line 12' \
		'^shifted  *offset 11  *look at this commit' \
		'^merged  *3-way  *look at the merge in virt/kvm/merged line 12' \
		'^there  *is there  *leave it out' \
		'^conflict  *CONFLICT  *resolve virt/kvm/conflict line 15' '^last  *not tried' \
		'^6 passed, 1 failed, 1 skipped$' || return 1
	expect 1 '^conflict  *CONFLICT  *resolve' carry_small || return 1
	git -C "$work/carry/to/linux" checkout -q --theirs virt/kvm/conflict
	git -C "$work/carry/to/linux" -c user.name=t -c user.email=unset@invalid commit -q -a -C \
		CHERRY_PICK_HEAD
	expect 0 '^conflict  *by hand' carry_small &&
		said '^fuzzy  *fuzz 1' '^last  *applies' '^boots .* 5 passed, 0 failed' || return 1
	printf '#!/bin/sh\necho "error: planted"; exit 2\n' >"$work/bin-carry/make"
	expect 1 '^builds  *FAIL' carry_small && said '^    error: planted' '^in .*: mend it' &&
		! grep '^boots' "$work/output" || return 1
	edit "$work/carry/from" last '5s/$/ new/'
	expect 2 'has changed since it was carried: rm -rf' carry_small || return 1
	expect 2 'make carry takes the tree of another release: KSRC=' in_copy make carry &&
		expect 2 "KSRC=$work is not a Linux source tree" in_copy make carry KSRC="$work"
}

#!/usr/bin/env bash
# Runs the runtime's unit tests with AddressSanitizer and UndefinedBehaviorSanitizer; with "threads", eight threads that
# encode and decode at once under ThreadSanitizer, too, which is a build of its own. The trainer is left out: it would be
# a sanitized program on an unsanitized LibTorch.
#
#   scripts/sanitize.sh [threads]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

install_packages "${build_packages[@]}" "${test_packages[@]}" "${fuzz_packages[@]}"
# Not eval's: its subject is other programs' codecs, and reports.
tests=(core image bitstream entropy nn model_file networks codec api priors interop fit tools serve)

say "Building with AddressSanitizer and UndefinedBehaviorSanitizer"
build_sanitized "$root/build/sanitize" "${tests[@]/%/_test}"
export LSAN_OPTIONS=suppressions=$root/scripts/leaks.supp:print_suppressions=0
# oneDNN 2.6's code generator for AMX reads past one of its own buffers while it makes a convolution.
ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 ctest --test-dir "$root/build/sanitize" -j "$(nproc)" --output-on-failure -R "^($(IFS='|'; echo "${tests[*]}"))\$"

[ "${1:-}" = threads ] || exit 0
say "Building with ThreadSanitizer"
build "$root/build/threads" core_test codec_test -- -DCMAKE_CXX_COMPILER="$(clang_compiler)" -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_CXX_FLAGS=-O1 -DCOMPASS_SANITIZE=thread
export TSAN_OPTIONS=suppressions=$root/scripts/threads.supp
"$root/build/threads/src/core_test" --gtest_brief=1
"$root/build/threads/src/codec_test" --gtest_filter='Concurrency.*' --gtest_brief=1

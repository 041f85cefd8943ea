// Whether the build has a sanitizer. It takes memory of its own, so that tests and limits cannot go by the
// process's size.
#pragma once

namespace compass {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // GCC
inline constexpr bool kSanitized = true;
#elif !defined(__has_feature)
inline constexpr bool kSanitized = false;
#else  // clang
inline constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#endif

}  // namespace compass

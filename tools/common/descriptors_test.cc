#include "descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace compass::tools {
namespace {

TEST(Descriptors, PathsThatNameOne) {
  EXPECT_EQ(named_descriptor("/dev/stdin"), 0);
  EXPECT_EQ(named_descriptor("/dev/stdout"), 1);
  EXPECT_EQ(named_descriptor("/dev/../dev/./stderr"), 2);
  EXPECT_EQ(named_descriptor("/dev/fd/17"), 17);
  EXPECT_EQ(named_descriptor("/proc/self/fd/3"), 3);
  EXPECT_EQ(named_descriptor("/proc/thread-self/fd/3"), 3);
  EXPECT_EQ(named_descriptor("/proc/" + std::to_string(getpid()) + "/fd/4"), 4);
  for (const char* other : {"", "-", "1", "/dev/null", "/dev/fd", "/dev/fd/", "/dev/fd/x", "/dev/fd/1x",
                            "/dev/fd/-1", "/dev/fd/99999999999", "/proc/1/fd/1", "/no/such/place", "fd/1"}) {
    EXPECT_EQ(named_descriptor(other), std::nullopt) << other;
  }
}

TEST(Descriptors, KnowWhatTheyAreOpenFor) {
  const int reading = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int writing = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const int both = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int neither = open("/", O_PATH | O_CLOEXEC);
  EXPECT_TRUE(can_read(reading) && !can_write(reading));
  EXPECT_TRUE(!can_read(writing) && can_write(writing));
  EXPECT_TRUE(can_read(both) && can_write(both));
  EXPECT_TRUE(!can_read(neither) && !can_write(neither));
  for (const int descriptor : {reading, writing, both, neither}) close(descriptor);
  EXPECT_TRUE(!can_read(reading) && !can_write(writing));
}

TEST(Descriptors, ClosedStandardOnesAreHeld) {
  EXPECT_EXIT(
      {
        for (int descriptor = 0; descriptor < 3; ++descriptor) close(descriptor);
        hold_standard_descriptors();
        const int next = open("/dev/null", O_RDONLY);
        char byte = 0;
        const bool no_input = read(0, &byte, 1) < 0 && errno == EBADF;
        const bool no_output = write(1, &byte, 1) < 0 && errno == EBADF;
        const bool good = next > 2 && no_input && no_output && write(2, &byte, 1) == 1;
        std::_Exit(good ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Descriptors, OpenOnesAreLeftAlone) {
  const auto before = identity(STDOUT_FILENO);
  hold_standard_descriptors();
  ASSERT_EQ(before.has_value(), identity(STDOUT_FILENO).has_value());
  if (before) {
    EXPECT_TRUE(before->same_file(*identity(STDOUT_FILENO)));
  }
}

}  // namespace
}  // namespace compass::tools

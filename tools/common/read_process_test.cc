#include "read_process.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

// Programs that behave as a decoder might that has been taken over or that breaks.
class ReadProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "compass-process-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    std::ofstream(directory_ / "picture") << "P5 1 1 255\nx";
  }
  void TearDown() override {
    fs::remove_all(directory_);
    // Nobody is left, not even a zombie.
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }

  Result<Photo> read_by(const std::string& script) {
    const fs::path program = directory_ / "program";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    chmod(program.c_str(), S_IRWXU);
    return read_in_process((directory_ / "picture").string(), {}, program.string());
  }

  // The error must be one line that names the file.
  void expect_error(const Result<Photo>& photo, ErrorCode code, const std::string& part) const {
    ASSERT_FALSE(photo.ok());
    const std::string& message = photo.error().message;
    EXPECT_EQ(photo.error().code, code) << message;
    EXPECT_NE(message.find("picture: "), std::string::npos) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_TRUE(std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < ' '; }))
        << message;
  }

  fs::path directory_;
};

TEST_F(ReadProcessTest, CrashesAreOneLine) {
  expect_error(read_by("kill -SEGV $$"), ErrorCode::kBadFile, "signal 11");
  expect_error(read_by("printf H >&3; kill -ABRT $$"), ErrorCode::kBadFile, "signal 6");
  expect_error(read_by("kill -KILL $$"), ErrorCode::kFailure, "killed");
}

TEST_F(ReadProcessTest, OutOfMemoryIsOneLine) {
  expect_error(read_by("exit 12"), ErrorCode::kFailure, "out of memory");
}

TEST_F(ReadProcessTest, NoAnswerIsAnError) {
  expect_error(read_by("exit 0"), ErrorCode::kFailure, "without an answer");
  expect_error(read_by("exit 127"), ErrorCode::kFailure, "does not start");
}

TEST_F(ReadProcessTest, NonsenseEndsTheProcess) {
  // The program would never end by itself.
  expect_error(read_by("trap '' PIPE; while :; do echo nonsense >&3; done"), ErrorCode::kBadFile,
               "no sensible answer");
}

TEST_F(ReadProcessTest, WhatItPrintsIsNotSeen) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  expect_error(read_by("echo noise; echo noise >&2; kill -SEGV $$"), ErrorCode::kBadFile, "signal 11");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  testing::internal::GetCapturedStderr();  // a sanitized program keeps it
}

TEST_F(ReadProcessTest, ItGetsThePictureAndNothingElse) {
  // An error of 12 characters: the picture's bytes from descriptor 0.
  expect_error(read_by(R"(printf 'E\015\000\000\000\002' >&3; cat >&3)"), ErrorCode::kBadFile,
               "P5 1 1 255?x");
  // Descriptors above 3 are closed, whatever this process has open.
  const std::ifstream open_file(directory_ / "picture");
  expect_error(read_by("for fd in 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && exit 12; done; kill -SEGV $$"),
               ErrorCode::kBadFile, "signal 11");
}

TEST_F(ReadProcessTest, AMissingProgramIsSaidSo) {
  expect_error(read_in_process((directory_ / "picture").string(), {}, (directory_ / "missing").string()),
               ErrorCode::kFailure, "install compass again");
}

}  // namespace
}  // namespace compass::tools

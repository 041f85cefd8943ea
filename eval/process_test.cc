#include "eval/process.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace compass::eval {
namespace {

TEST(Process, OutputOfBothStreamsAndTime) {
  const Result<ProcessResult> r = run_process({"sh", "-c", "echo out; echo err >&2"});
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->output, "out\nerr\n");
  EXPECT_GT(r->seconds, 0.0);
}

TEST(Process, KeepsTheTailOfMuchOutput) {
  const Result<ProcessResult> r = run_process({"sh", "-c", "seq 1 200000; echo the end"});
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_LE(r->output.size(), 65536U);
  EXPECT_TRUE(r->output.ends_with("200000\nthe end\n"));
}

TEST(Process, PeakMemoryIsTheChildsOwn) {
  // This process holds far more than the child may be charged with.
  const std::vector<char> ballast(256 << 20, 1);
  const Result<ProcessResult> r = run_process({"sleep", "0.05"});
  ASSERT_TRUE(r);
  EXPECT_GT(r->peak_kib, 0U);
  EXPECT_LT(r->peak_kib, 64U * 1024);
  EXPECT_EQ(ballast.back(), 1);
}

TEST(Process, FailuresSayWhatHappened) {
  const Result<ProcessResult> missing = run_process({"no-such-program-here"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  const Result<ProcessResult> failed = run_process({"sh", "-c", "echo broken file; exit 3"});
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("status 3 (broken file)"), std::string::npos)
      << failed.error().message;
  const Result<ProcessResult> crashed = run_process({"sh", "-c", "kill -SEGV $$"});
  ASSERT_FALSE(crashed);
  EXPECT_NE(crashed.error().message.find("signal 11"), std::string::npos) << crashed.error().message;
  const Result<ProcessResult> hung = run_process({"sleep", "60"}, 0.1);
  ASSERT_FALSE(hung);
  EXPECT_NE(hung.error().message.find("stopped after"), std::string::npos);
  EXPECT_FALSE(run_process({}));
}

TEST(Process, FindsProgramsOnThePath) {
  EXPECT_TRUE(find_program("sh").ends_with("/sh"));
  EXPECT_EQ(find_program("no-such-program-here"), "");
  EXPECT_EQ(find_program("/no/such/program"), "");
  EXPECT_EQ(find_program(""), "");
}

TEST(Workspace, RemovesWhatItHolds) {
  std::string path;
  {
    Result<Workspace> w = Workspace::create();
    ASSERT_TRUE(w);
    path = w->file("a.txt");
    ASSERT_TRUE(write_file(path, "hello"));
    const Result<std::vector<uint8_t>> bytes = read_file(path);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(std::string(bytes->begin(), bytes->end()), "hello");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(read_file(path));
  EXPECT_FALSE(write_file(path, "no directory any more"));
}

}  // namespace
}  // namespace compass::eval

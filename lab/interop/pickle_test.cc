#include "interop/pickle.h"

#include <gtest/gtest.h>

#include "interop/testing/checkpoint.h"

namespace compass {
namespace {

using test::PickleWriter;

std::string message_of(const std::string& raw) {
  const auto bytes = test::bytes_of(raw);
  const auto pickle = Pickle::parse(bytes);
  return pickle ? "" : pickle.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string repeated(std::string_view unit, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += unit;
  return out;
}

TEST(Pickle, ReadsEveryKindOfValue) {
  const auto bytes = test::bytes_of(PickleWriter()
                                        .raw("]")
                                        .mark()
                                        .raw("N\x88\x89")
                                        .raw("K\x07")
                                        .raw(std::string_view("M\x01\x02", 3))
                                        .raw(std::string_view("J\xfe\xff\xff\xff", 5))
                                        .integer(-(int64_t{1} << 40))
                                        .raw(std::string_view("\x8a\x00", 2))
                                        .raw(std::string_view("\x8a\x09\0\0\0\0\0\0\0\0\x01", 11))
                                        .raw(std::string_view("G\x3f\xf8\0\0\0\0\0\0", 9))
                                        .text("text")
                                        .raw("U\x02yo")
                                        .raw(")")
                                        .raw("K\x01K\x02\x86")
                                        .raw("}")
                                        .text("k")
                                        .raw("K\x05s")
                                        .raw("e")
                                        .finish());
  const auto pickle = Pickle::parse(bytes);
  ASSERT_TRUE(pickle) << pickle.error().message;
  EXPECT_EQ(pickle->bytes_read(), bytes.size());
  const PickleObject& list = pickle->root();
  ASSERT_EQ(list.kind, PickleKind::kList);
  ASSERT_EQ(list.items.size(), 15U);
  const auto item = [&](size_t i) -> const PickleObject& { return (*pickle)[list.items[i]]; };
  EXPECT_EQ(item(0).kind, PickleKind::kNone);
  EXPECT_EQ(item(1).integer, 1);
  EXPECT_EQ(item(2).integer, 0);
  EXPECT_EQ(item(3).integer, 7);
  EXPECT_EQ(item(4).integer, 0x201);
  EXPECT_EQ(item(5).integer, -2);
  EXPECT_EQ(item(6).integer, -(int64_t{1} << 40));
  EXPECT_EQ(item(7).integer, 0);
  EXPECT_EQ(item(8).kind, PickleKind::kLong);
  EXPECT_EQ(item(9).number, 1.5);
  EXPECT_EQ(item(10).text, "text");
  EXPECT_EQ(item(11).text, "yo");
  EXPECT_EQ(item(12).kind, PickleKind::kTuple);
  EXPECT_EQ(item(13).items.size(), 2U);
  EXPECT_EQ(item(14).kind, PickleKind::kDict);
}

TEST(Pickle, ReadsNewerProtocols) {
  const std::string raw = std::string("\x80\x04\x95\0\0\0\0\0\0\0\0", 11) + "}\x94\x8c\x01k\x94" +
                          "\x8c\x0b" + "collections\x94\x8c\x0b" + "OrderedDict\x94\x93)Rs.";
  const auto bytes = test::bytes_of(raw);
  const auto pickle = Pickle::parse(bytes);
  ASSERT_TRUE(pickle) << pickle.error().message;
  ASSERT_EQ(pickle->root().items.size(), 2U);
  EXPECT_EQ((*pickle)[pickle->root().items[1]].kind, PickleKind::kDict);
}

TEST(Pickle, ForeignNamesAreRefusedByName) {
  EXPECT_TRUE(contains(message_of(PickleWriter().global("os", "system").text("echo").raw("\x85R").finish()),
                       "names 'os'.'system'"));
  EXPECT_TRUE(contains(message_of(PickleWriter().global("posix", "system").finish()), "'posix'.'system'"));
  EXPECT_TRUE(contains(message_of(PickleWriter().global("builtins", "eval").finish()), "'builtins'.'eval'"));
  EXPECT_TRUE(contains(message_of(PickleWriter().global("torch.storage", "_load_from_bytes").finish()),
                       "'_load_from_bytes'"));
  EXPECT_TRUE(
      contains(message_of(PickleWriter().text("os").text("system").raw("\x93").finish()), "'system'"));
  EXPECT_TRUE(contains(message_of(PickleWriter().global("o\x1b[31ms", "x").finish()), "'o?[31ms'"));
  EXPECT_TRUE(contains(message_of(PickleWriter().raw("i").raw("os\nsystem\n").finish()), "opcode 0x69"));
  EXPECT_TRUE(
      contains(message_of(PickleWriter().raw(std::string_view("\x82\x01", 2)).finish()), "opcode 0x82"));
}

// Functions are marks, never called: giving them other arguments or calling other things is an error.
TEST(Pickle, MisusedCallsAreRefused) {
  const auto refused = [](PickleWriter& writer) { return message_of(writer.finish()); };
  PickleWriter w;
  EXPECT_TRUE(contains(refused((w = {}).text("f").raw(")R")), "no function"));
  EXPECT_TRUE(contains(refused((w = {}).global("torch", "FloatStorage").raw(")R")), "makes a storage"));
  EXPECT_TRUE(contains(refused((w = {}).global("torch", "FloatStorage").raw(")\x81")), "makes an object"));
  EXPECT_TRUE(
      contains(refused((w = {}).global("torch._utils", "_rebuild_tensor_v2").raw(")R")), "a tensor is not"));
  EXPECT_TRUE(
      contains(refused((w = {}).global("torch._utils", "_rebuild_parameter").raw(")R")), "no tensor"));
  EXPECT_TRUE(contains(refused((w = {}).global("collections", "OrderedDict").raw("K\x01\x85R")), "no list"));
  EXPECT_TRUE(
      contains(refused((w = {}).global("collections", "OrderedDict").raw("](K\x01]e\x85R")), "pairs"));
  EXPECT_TRUE(contains(refused((w = {}).raw("K\x01}b")), "sets the state"));
  EXPECT_TRUE(contains(refused((w = {}).text("storage").raw("Q")), "a storage is not"));
  EXPECT_TRUE(contains(refused((w = {}).mark().text("storage").global("os", "x")), "'os'"));
  EXPECT_TRUE(contains(refused((w = {}).raw("]K\x01s")), "stack is empty"));
  EXPECT_TRUE(contains(refused((w = {}).raw("]K\x01K\x02s")), "holds none"));
  EXPECT_TRUE(contains(refused((w = {}).raw("}(K\x01u")), "no value"));
  EXPECT_TRUE(contains(refused((w = {}).raw("K\x01K\x02")), "not empty at the end"));
  EXPECT_TRUE(contains(refused((w = {}).raw("t")), "no mark"));
  EXPECT_TRUE(contains(refused((w = {}).raw("K\x01(0")), "stack is empty"));  // not past the mark
  EXPECT_TRUE(contains(refused((w = {}).raw("h\x05")), "memo slot 5 is empty"));
  EXPECT_TRUE(contains(message_of(std::string("\x80\x09N.")), "protocol 9"));
  EXPECT_TRUE(contains(message_of("N"), "truncated"));
  EXPECT_TRUE(contains(message_of(""), "truncated"));
  EXPECT_TRUE(contains(message_of("X\xff\xff\xff\xffshort"), "truncated"));
  EXPECT_TRUE(contains(message_of("\x8d\xff\xff\xff\xff\xff\xff\xff\xffshort"), "truncated"));
  EXPECT_TRUE(contains(message_of("c" + std::string(1000, 'x')), "no end"));
}

TEST(Pickle, DeepNestingAndCyclesAreHarmless) {
  const size_t depth = 500'000;
  EXPECT_EQ(message_of(std::string("N") + repeated("\x85", depth) + "."), "");
  EXPECT_EQ(message_of(repeated("]", depth) + repeated("a", depth - 1) + "."), "");
  EXPECT_EQ(message_of("]q\x01h\x01"
                       "a."),
            "");                                    // a list in itself
  EXPECT_EQ(message_of("}q\x01K\x01h\x01s."), "");  // a dictionary in itself
}

TEST(Pickle, MemoryIsBounded) {
  const size_t many = 5'000'000;
  EXPECT_TRUE(contains(message_of(repeated("N", many)), "too many objects"));
  EXPECT_TRUE(contains(message_of(repeated("(", many)), "too large"));
  EXPECT_TRUE(contains(message_of("Nq\x01" + repeated("h\x01", many)), "too large"));
  EXPECT_EQ(message_of(std::string("Nr\xff\xff\xff\xff.", 7)), "");  // a far memo slot costs one entry
  // Copies of one long list: each call would copy 2 x 200,000 items for 12 bytes of pickle.
  const std::string pairs = "](" +
                            repeated(
                                "]q\x02K\x01"
                                "aK\x02"
                                "a",
                                1) +
                            repeated("h\x02", 200'000) + "eq\x03";
  const std::string call = "ccollections\nOrderedDict\n";
  EXPECT_TRUE(
      contains(message_of(pairs + call + "q\x04" + repeated("h\x04h\x03\x85R", 50)), "too many items"));
}

TEST(Pickle, EveryTruncationIsAnError) {
  const std::string raw = test::pickle_of({{"d", {{"k", "FloatStorage", {2, 2}, "", 4}}}}, false);
  EXPECT_EQ(message_of(raw), "");
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_NE(message_of(raw.substr(0, size)), "") << size;
  }
}

}  // namespace
}  // namespace compass

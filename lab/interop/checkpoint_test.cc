#include "interop/checkpoint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "interop/testing/checkpoint.h"
#include "model_writer/safetensors_writer.h"

namespace compass {
namespace {

using test::float_tensor;
using test::PickleWriter;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Result<Checkpoint> parse(const std::string& raw) {
  return Checkpoint::parse(test::bytes_of(raw));
}

std::string message_of(const std::string& raw) {
  const auto checkpoint = parse(raw);
  return checkpoint ? "" : checkpoint.error().message;
}

const std::vector<float> kValues{0, 1, 2, 3, 4, 5};

std::vector<test::NamedDictionary> sample() {
  return {{"net", {float_tensor("w", {2, 3}, kValues), float_tensor("s", {}, std::vector<float>{7})}},
          {"other", {float_tensor("w", {1}, std::vector<float>{9}), float_tensor("none", {0}, {})}}};
}

// A zip checkpoint of one dictionary with one tensor: any storage, any view of it.
std::string one_tensor(const std::string& type, int64_t claimed, const std::string& content, int64_t offset,
                       const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  const std::string pickle =
      PickleWriter()
          .raw("}")
          .text("w")
          .tensor([&](PickleWriter& p) { p.storage(type, "0", claimed); }, offset, shape, strides)
          .raw("s")
          .finish();
  return test::zip_of({{"m/data.pkl", pickle}, {"m/data/0", content}});
}

TEST(Checkpoint, AllContainersGiveTheSameTensors) {
  for (const std::string& raw : {test::zip_checkpoint(sample()), test::zip_checkpoint(sample(), true),
                                 test::legacy_checkpoint(sample())}) {
    auto checkpoint = parse(raw);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    ASSERT_EQ(checkpoint->dictionaries().size(), 2U);
    const StateDict& net = checkpoint->dictionaries().at("net");
    EXPECT_EQ(net.at("w").shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(*checkpoint->floats(net.at("w")), kValues);
    EXPECT_EQ(*checkpoint->floats(net.at("s")), std::vector<float>{7});
    EXPECT_EQ(*checkpoint->floats(checkpoint->dictionaries().at("other").at("none")), std::vector<float>{});
    EXPECT_FALSE(checkpoint->integers(net.at("w")));
  }
}

TEST(Checkpoint, ReadsSafetensorsByPrefix) {
  SafetensorsWriter writer;
  writer.add_floats("base_state_dict.w", {2, 3}, kValues);
  writer.add_floats("loose", {6}, kValues);
  auto checkpoint = Checkpoint::parse(writer.finish());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*checkpoint->floats(checkpoint->dictionaries().at("base_state_dict").at("w")), kValues);
  EXPECT_EQ(*checkpoint->floats(checkpoint->dictionaries().at("").at("loose")), kValues);
}

TEST(Checkpoint, StridesAndOffsetsAreFollowed) {
  std::string content;
  for (const float v : kValues) test::put(content, v);
  auto checkpoint = parse(one_tensor("FloatStorage", 6, content, 0, {3, 2}, {1, 3}));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*checkpoint->floats(checkpoint->dictionaries().at("").at("w")),
            (std::vector<float>{0, 3, 1, 4, 2, 5}));
  checkpoint = parse(one_tensor("FloatStorage", 6, content, 1, {2, 1, 2}, {3, 99, 1}));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*checkpoint->floats(checkpoint->dictionaries().at("").at("w")), (std::vector<float>{1, 2, 4, 5}));
}

TEST(Checkpoint, ViewsThatLeaveTheirStorageAreRefused) {
  const std::string content(24, '\0');
  const auto refused = [&](int64_t offset, const std::vector<int64_t>& shape,
                           const std::vector<int64_t>& strides, const std::string& why) {
    const std::string message = message_of(one_tensor("FloatStorage", 6, content, offset, shape, strides));
    EXPECT_TRUE(contains(message, why)) << message;
    EXPECT_TRUE(contains(message, "'w'")) << message;
  };
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  refused(0, {7}, {1}, "larger than its storage");
  refused(1, {6}, {1}, "outside");
  refused(6, {1}, {1}, "outside");
  refused(-1, {1}, {1}, "outside");
  refused(kMax, {1}, {1}, "outside");
  refused(0, {2}, {6}, "outside");
  refused(0, {2}, {-1}, "outside");
  refused(0, {2, 2}, {kMax, kMax}, "outside");
  refused(0, {1000}, {0}, "larger");  // an expanded view: gigabytes out of nothing
  refused(0, {-1}, {1}, "absurd");
  refused(0, {kMax, kMax}, {1, 1}, "absurd");
  refused(0, {1 << 30, 1 << 30, 1 << 30}, {1, 1, 1}, "absurd");
  refused(0, {1, 1}, {1}, "absurd");
}

TEST(Checkpoint, StoragesMustBeWhatTheyClaim) {
  const std::string content(24, '\0');
  EXPECT_TRUE(
      contains(message_of(one_tensor("FloatStorage", 7, content, 0, {1}, {1})), "should have 28 bytes"));
  EXPECT_TRUE(
      contains(message_of(one_tensor("HalfStorage", 6, content, 0, {1}, {1})), "should have 12 bytes"));
  EXPECT_TRUE(contains(message_of(one_tensor("FloatStorage", -1, content, 0, {1}, {1})), "claims -1"));
  EXPECT_TRUE(
      contains(message_of(one_tensor("FloatStorage", int64_t{1} << 62, content, 0, {1}, {1})), "claims"));
  EXPECT_TRUE(contains(message_of(one_tensor("ComplexFloatStorage", 3, content, 0, {1}, {1})),
                       "ComplexFloatStorage"));
  const std::string lonely =
      PickleWriter()
          .raw("}")
          .text("w")
          .tensor([](PickleWriter& p) { p.storage("FloatStorage", "../../x", 1); }, 0, {1}, {1})
          .raw("s")
          .finish();
  EXPECT_TRUE(
      contains(message_of(test::zip_of({{"m/data.pkl", lonely}})), "'../../x' is not in the archive"));
}

TEST(Checkpoint, DamageIsFoundWhenATensorIsRead) {
  std::string raw = test::zip_checkpoint({{"net", {float_tensor("w", {6}, kValues)}}});
  std::string values;
  for (const float v : kValues) test::put(values, v);
  raw[raw.find(values) + 5] ^= 1;
  auto checkpoint = parse(raw);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto floats = checkpoint->floats(checkpoint->dictionaries().at("net").at("w"));
  ASSERT_FALSE(floats);
  EXPECT_TRUE(contains(floats.error().message, "checksum"));
}

TEST(Checkpoint, NonFiniteWeightsAreRefused) {
  auto checkpoint =
      parse(test::zip_checkpoint({{"net", {float_tensor("w", {2}, std::vector<float>{1, NAN})}}}));
  ASSERT_TRUE(checkpoint);
  const auto floats = checkpoint->floats(checkpoint->dictionaries().at("net").at("w"));
  ASSERT_FALSE(floats);
  EXPECT_TRUE(contains(floats.error().message, "element 1 is not a number"));
}

TEST(Checkpoint, TensorsThatShareAStorageOverAndOverAreRefused) {
  PickleWriter pickle;
  pickle.raw("}").mark();
  for (int i = 0; i < 10; ++i) {
    pickle.text(fmt::format("w{}", i))
        .tensor([](PickleWriter& p) { p.storage("FloatStorage", "0", 6); }, 0, {6}, {1});
  }
  pickle.raw("u");
  auto checkpoint =
      parse(test::zip_of({{"m/data.pkl", pickle.finish()}, {"m/data/0", std::string(24, '\0')}}));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  int read = 0;
  std::string message;
  for (const auto& [key, tensor] : checkpoint->dictionaries().at("")) {
    const auto floats = checkpoint->floats(tensor);
    floats ? static_cast<void>(++read) : static_cast<void>(message = floats.error().message);
  }
  EXPECT_EQ(read, 4);
  EXPECT_TRUE(contains(message, "over and over"));
}

TEST(Checkpoint, InflatedBytesAreBounded) {
  // Two storages of 130 MiB of zeros, each small in the file: the second would pass the limit of 256 MiB.
  const std::string zeros(size_t{130} << 20, '\0');
  PickleWriter pickle;
  pickle.raw("}").mark();
  for (const char* key : {"0", "1"}) {
    pickle.text(key).tensor([&](PickleWriter& p) { p.storage("ByteStorage", key, int64_t{130} << 20); }, 0,
                            {1}, {1});
  }
  pickle.raw("u");
  auto checkpoint = parse(
      test::zip_of({{"m/data.pkl", pickle.finish()}, {"m/data/0", zeros, true}, {"m/data/1", zeros, true}}));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const StateDict& tensors = checkpoint->dictionaries().at("");
  EXPECT_TRUE(checkpoint->integers(tensors.at("0")));
  EXPECT_TRUE(checkpoint->integers(tensors.at("0")));  // inflated once
  const auto second = checkpoint->integers(tensors.at("1"));
  ASSERT_FALSE(second);
  EXPECT_TRUE(contains(second.error().message, "the limit is"));
}

TEST(Checkpoint, EveryTruncationIsAnError) {
  for (const std::string& raw : {test::zip_checkpoint(sample()), test::legacy_checkpoint(sample())}) {
    for (size_t size = 0; size < raw.size(); ++size) {
      EXPECT_NE(message_of(raw.substr(0, size)), "") << size;
    }
  }
}

TEST(Checkpoint, OtherFilesAreRefusedByName) {
  EXPECT_TRUE(contains(message_of("hello, this is no checkpoint"), "not a PyTorch checkpoint"));
  EXPECT_TRUE(contains(message_of(test::zip_of({{"a.txt", "x"}})), "no data.pkl"));
  EXPECT_TRUE(
      contains(message_of(test::zip_of({{"a/data.pkl", "N."}, {"b/data.pkl", "N."}})), "two data.pkl"));
  EXPECT_TRUE(contains(message_of(test::zip_of({{"a/data.pkl", "N."}})), "not a dictionary"));
  EXPECT_TRUE(
      contains(message_of(test::zip_of({{"a/data.pkl", "}."}, {"a/byteorder", "big"}})), "big-endian"));
  EXPECT_EQ(message_of(test::zip_of({{"a/data.pkl", "}."}, {"a/byteorder", "little"}})), "");
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_TRUE(contains(message_of(tar), "tar archive"));
  SafetensorsWriter model;
  model.set_metadata("compass", "{}");
  const auto again = Checkpoint::parse(model.finish());
  ASSERT_FALSE(again);
  EXPECT_TRUE(contains(again.error().message, "a COMPASS model file already"));
  const auto missing = Checkpoint::load("/nonexistent/checkpoint.pth.tar");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
}

TEST(Checkpoint, NestingIsBoundedAndCyclesEnd) {
  std::string nested;
  std::string close;
  for (int i = 0; i < 100; ++i) {
    nested += std::string("}X\1\0\0\0k", 7);
    close += "s";
  }
  EXPECT_TRUE(
      contains(message_of(test::zip_of({{"m/data.pkl", nested + "N" + close + "."}})), "nested deeper"));
  EXPECT_EQ(message_of(test::zip_of({{"m/data.pkl", std::string("}q\1X\1\0\0\0kh\1s.", 13)}})), "");
  const std::string long_key = PickleWriter().raw("}").text(std::string(1000, 'k')).raw("Ns").finish();
  EXPECT_TRUE(contains(message_of(test::zip_of({{"m/data.pkl", long_key}})), "1000 characters"));
}

}  // namespace
}  // namespace compass

#include "model_file/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>

#include "model_writer/safetensors_writer.h"

namespace compass {
namespace {

std::vector<uint8_t> file_of(const std::string& header, size_t data_bytes) {
  std::vector<uint8_t> out(8 + header.size() + data_bytes);
  const uint64_t size = header.size();
  std::memcpy(out.data(), &size, 8);
  std::copy(header.begin(), header.end(), out.begin() + 8);
  return out;
}

std::string error_of(const std::string& header, size_t data_bytes) {
  const auto parsed = Safetensors::parse(file_of(header, data_bytes));
  return parsed ? "" : parsed.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<uint8_t> sample() {
  SafetensorsWriter writer;
  writer.add_floats("b.weight", {2, 3}, std::vector<float>{1, -2, 3.5F, 0, 1e-30F, 65504});
  writer.add_floats("c.half", {3}, std::vector<float>{1, -2, 0.1F}, DType::kF16);
  writer.add_integers("a.small", {5}, std::vector<int32_t>{-128, -1, 0, 1, 127}, DType::kI8);
  writer.add_integers("d.table", {2}, std::vector<int32_t>{-7, 1 << 30});
  writer.add_integers("e.wide", {2}, std::vector<int32_t>{-7, 1 << 30}, DType::kI64);
  writer.add_integers("f.u16", {2}, std::vector<int32_t>{0, 65535}, DType::kU16);
  writer.set_metadata("format", "compass-model");
  return writer.finish();
}

TEST(Safetensors, WritesWhatItReads) {
  const auto file = Safetensors::parse(sample());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors().size(), 6U);
  EXPECT_EQ(file->metadata().at("format"), "compass-model");
  EXPECT_EQ(file->find("nothing"), nullptr);
  const TensorView* weight = file->find("b.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(weight->elements(), 6);
  EXPECT_EQ(*weight->floats(), (std::vector<float>{1, -2, 3.5F, 0, 1e-30F, 65504}));
  EXPECT_EQ(*file->find("c.half")->floats(), (std::vector<float>{1, -2, 0.0999755859375F}));
  EXPECT_EQ(*file->find("a.small")->integers(), (std::vector<int32_t>{-128, -1, 0, 1, 127}));
  EXPECT_EQ(*file->find("d.table")->integers(), (std::vector<int32_t>{-7, 1 << 30}));
  EXPECT_EQ(*file->find("e.wide")->integers(), (std::vector<int32_t>{-7, 1 << 30}));
  EXPECT_EQ(*file->find("f.u16")->integers(), (std::vector<int32_t>{0, 65535}));
}

TEST(Safetensors, StoredWeightsAreTheSameFloats) {
  SafetensorsWriter writer;
  writer.add_floats("full", {2, 3}, std::vector<float>{1, -2, 3.5F, 0, 1e-30F, 65504});
  writer.add_floats("half", {3}, std::vector<float>{1, -2, 0.1F}, DType::kF16);
  writer.add_integers("scaled", {2, 3}, std::vector<int32_t>{-128, 127, 1, 0, 5, -5}, DType::kI8);
  writer.add_floats("scaled.step", {2}, std::vector<float>{0.1F, 3.0F});
  writer.add_integers("unscaled", {2}, std::vector<int32_t>{1, 2}, DType::kI8);
  const auto file = Safetensors::parse(writer.finish());
  ASSERT_TRUE(file) << file.error().message;
  for (const char* name : {"full", "half", "scaled"}) {
    const auto weights = file->weights(name);
    ASSERT_TRUE(weights) << name;
    EXPECT_EQ(weights->floats(), *file->floats(name)) << name;
    EXPECT_EQ(weights->size(), weights->floats().size()) << name;
  }
  EXPECT_EQ(file->weights("scaled")->floats()[0], -128 * 0.1F);
  EXPECT_FALSE(file->weights("unscaled"));
  EXPECT_FALSE(file->weights("absent"));
  EXPECT_TRUE(nn::StoredWeights().empty());
}

TEST(Safetensors, EqualContentGivesEqualBytesAndAlignedTensors) {
  SafetensorsWriter one;
  SafetensorsWriter two;
  const std::vector<float> values{1, 2, 3};
  const std::vector<int32_t> bytes{1, 2, 3};
  one.add_floats("x", {3}, values);
  one.add_integers("a", {3}, bytes, DType::kU8);
  two.add_integers("a", {3}, bytes, DType::kU8);
  two.add_floats("x", {3}, values);
  EXPECT_EQ(one.finish(), two.finish());
  const auto raw = sample();
  const auto file = Safetensors::parse(raw);
  ASSERT_TRUE(file);
  uint64_t header = 0;
  std::memcpy(&header, raw.data(), 8);
  EXPECT_EQ(header % 8, 0U);
  const uint8_t* first = file->find("e.wide")->data.data();  // the widest elements come first
  for (const auto& [name, view] : file->tensors()) {
    EXPECT_EQ((view.data.data() - first) % dtype_size(view.dtype), 0) << name;
  }
}

TEST(Safetensors, LoadsFromDiskAndNamesTheFile) {
  const auto path = std::filesystem::temp_directory_path() / "compass_safetensors_test.bin";
  const auto raw = sample();
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(raw.data()), raw.size());
  {
    const auto file = Safetensors::load(path.string());
    ASSERT_TRUE(file) << file.error().message;
    const Safetensors copy = *file;  // views stay valid in copies
    EXPECT_EQ((*copy.find("b.weight")->floats())[2], 3.5F);
  }
  std::filesystem::resize_file(path, raw.size() - 1);
  const auto cut = Safetensors::load(path.string());
  ASSERT_FALSE(cut);
  EXPECT_TRUE(contains(cut.error().message, path.string()));
  std::filesystem::resize_file(path, 0);
  EXPECT_FALSE(Safetensors::load(path.string()));
  std::filesystem::remove(path);
  const auto gone = Safetensors::load(path.string());
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kIo);
  EXPECT_TRUE(contains(gone.error().message, "No such file"));
  EXPECT_FALSE(Safetensors::load(std::filesystem::temp_directory_path().string()));
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const auto raw = sample();
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_FALSE(Safetensors::parse({raw.begin(), raw.begin() + static_cast<ptrdiff_t>(size)})) << size;
  }
  auto longer = raw;
  longer.push_back(0);
  EXPECT_FALSE(Safetensors::parse(longer));
}

TEST(Safetensors, EverySingleByteChangeIsReadOrRefused) {
  const auto raw = sample();
  for (size_t at = 0; at < raw.size(); ++at) {
    auto changed = raw;
    changed[at] ^= 0x55U;
    if (const auto file = Safetensors::parse(changed)) {
      for (const auto& [name, view] : file->tensors()) {
        EXPECT_EQ(static_cast<int64_t>(view.data.size()), view.elements() * dtype_size(view.dtype));
      }
    }
  }
}

TEST(Safetensors, HostileHeadersAreRefusedByName) {
  EXPECT_EQ(error_of("{}", 0), "");
  EXPECT_EQ(error_of("{}   ", 0), "");
  EXPECT_EQ(error_of(R"({"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4), "");
  EXPECT_EQ(error_of(R"({"x":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}})", 0), "");
  const auto refused = [](const std::string& header, size_t bytes, const std::string& why) {
    const std::string message = error_of(header, bytes);
    EXPECT_TRUE(contains(message, why)) << header.substr(0, 100) << " -> " << message;
  };
  refused("", 0, "does not begin");
  refused("[]", 0, "does not begin");
  refused("{", 0, "not valid JSON");
  refused("{}x", 0, "not valid JSON");
  refused(R"({"x":1})", 0, "unexpected number at 'x'");
  refused(R"({"x":"y"})", 0, "unexpected string");
  refused(R"({"":{}})", 0, "no name");
  refused(R"({"x":{}})", 0, "needs dtype");
  refused(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}})", 4, "two data_offsets");
  refused(R"({"x":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4, "unknown dtype 'F33'");
  refused(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{}})", 4, "duplicate name at 'x'");
  refused(R"({"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "duplicate key");
  refused(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "outside");
  refused(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 4, "truncated");
  refused(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "needs 8 bytes but it has 4");
  refused(R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "negative");
  refused(R"({"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "fractional");
  refused(R"({"x":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}})", 4, "huge");
  refused(R"({"x":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}})", 4,
          "absurd");
  refused(R"({"x":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,4]}})", 4, "absurd");
  refused(R"({"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4, "8 dimensions");
  refused(R"({"x":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "unexpected array");
  refused(R"({"x":{"dtype":"F32","shape":[{}],"data_offsets":[0,4]}})", 4, "unexpected object");
  refused(R"({"x":{"y":{}}})", 0, "unexpected object");
  refused(R"({"x":{"dtype":null}})", 0, "null");
  refused(R"({"x":{"dtype":true}})", 0, "boolean");
  refused(R"({"__metadata__":{"k":"v","k":"v"}})", 0, "duplicate key in __metadata__");
  refused(R"({"__metadata__":{"k":1}})", 0, "unexpected number");
  refused(R"({"__metadata__":{},"__metadata__":{}})", 0, "duplicate name");
  refused(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
      6, "overlap");
  refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})", 4, "hole");
  refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 4, "belong to no tensor");
}

TEST(Safetensors, HugeAndDeepHeadersAreRefusedWithoutWork) {
  auto parsed = Safetensors::parse(std::vector<uint8_t>{0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13});
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(contains(parsed.error().message, "not a safetensors file"));
  std::vector<uint8_t> claim(8, 0xFF);
  claim.push_back('{');
  parsed = Safetensors::parse(claim);
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(contains(parsed.error().message, "the limit is"));
  claim = {0, 0, 0, 1, 0, 0, 0, 0, '{'};  // 16 MiB, allowed, but not there
  parsed = Safetensors::parse(claim);
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(contains(parsed.error().message, "truncated"));
  const std::string deep = "{\"x\":" + std::string(10'000'000, '[');
  EXPECT_TRUE(contains(error_of(deep, 0), "unexpected array"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) {
    objects += "{\"x\":";
  }
  EXPECT_TRUE(contains(error_of(objects, 0), "unexpected object"));
}

TEST(Safetensors, ControlCharactersInNamesDoNotReachTheTerminal) {
  const std::string message = error_of("{\"\\u001b[31m\":1}", 0);
  EXPECT_FALSE(contains(message, "\x1b"));
  EXPECT_TRUE(contains(message, "?[31m"));
}

TEST(TensorView, RefusesNonFiniteFloatsAndWrongKinds) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const float odd : {std::nanf(""), INFINITY, -INFINITY}) {
      SafetensorsWriter writer;
      writer.add_floats("x", {3}, std::vector<float>{0, odd, 0}, dtype);
      const auto file = Safetensors::parse(writer.finish());
      ASSERT_TRUE(file);
      const auto values = file->find("x")->floats();
      ASSERT_FALSE(values);
      EXPECT_TRUE(
          contains(values.error().message, std::isnan(odd) ? "element 1 is not a number" : "infinite"));
      EXPECT_FALSE(file->find("x")->integers());
    }
  }
  const double big = 1e300;
  std::vector<uint8_t> bytes(8);
  std::memcpy(bytes.data(), &big, 8);
  EXPECT_FALSE((TensorView{DType::kF64, {1}, bytes}.floats()));  // infinite as a float
  const int64_t wide = int64_t{1} << 31;
  std::memcpy(bytes.data(), &wide, 8);
  EXPECT_FALSE((TensorView{DType::kI64, {1}, bytes}.integers()));
  EXPECT_FALSE((TensorView{DType::kI64, {1}, bytes}.floats()));
}

// Every half is exact in float and must come back; halfway cases go to the even neighbour.
TEST(TensorView, HalfAndBfloatRoundTripAndRoundToEven) {
  std::vector<float> halves;
  std::vector<float> bfloats;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    std::vector<uint8_t> raw(2);
    std::memcpy(raw.data(), &half, 2);
    if (const auto value = TensorView{DType::kF16, {1}, raw}.floats()) {
      halves.push_back((*value)[0]);
    }
    if (const auto value = TensorView{DType::kBF16, {1}, raw}.floats()) {
      bfloats.push_back((*value)[0]);
    }
  }
  EXPECT_EQ(halves.size(), 65536U - 2048U);  // exponent 31: infinities and NaNs
  EXPECT_EQ(bfloats.size(), 65536U - 256U);
  const auto again = [](const std::vector<float>& values, DType dtype) {
    SafetensorsWriter writer;
    writer.add_floats("x", {static_cast<int64_t>(values.size())}, values, dtype);
    return *Safetensors::parse(writer.finish())->find("x")->floats();
  };
  EXPECT_EQ(again(halves, DType::kF16), halves);
  EXPECT_EQ(again(bfloats, DType::kBF16), bfloats);
  const float ulp = std::ldexp(1.0F, -10);
  EXPECT_EQ(again({1 + ulp / 2, 1 + 3 * ulp / 2, 1 + ulp * 0.51F}, DType::kF16),
            (std::vector<float>{1, 1 + 2 * ulp, 1 + ulp}));
  const float tiny = std::ldexp(1.0F, -24);
  EXPECT_EQ(again({tiny / 2, tiny * 1.5F, tiny * 0.51F}, DType::kF16),
            (std::vector<float>{0, 2 * tiny, tiny}));
  const float scale = std::ldexp(1.0F, -7);
  EXPECT_EQ(again({1 + scale / 2, 1 + 3 * scale / 2}, DType::kBF16), (std::vector<float>{1, 1 + 2 * scale}));
}

TEST(Safetensors, SteppedTensorsComeBackWithinHalfAStep) {
  const std::vector<float> values{1.0F, -0.5F, 0.013F, 0.0F, 0.0F, 0.0F, 1e-6F, -127e-6F, 63.4e-6F};
  SafetensorsWriter writer;
  writer.add_scaled("k", {3, 3, 1}, values);
  const auto file = Safetensors::parse(writer.finish());
  ASSERT_TRUE(file);
  EXPECT_EQ(file->find("k")->dtype, DType::kI8);
  EXPECT_TRUE(file->holds_scales("k.step"));
  EXPECT_FALSE(file->holds_scales("k"));
  const auto back = file->floats("k");
  ASSERT_TRUE(back) << back.error().message;
  for (size_t i = 0; i < values.size(); ++i) {
    const float scale = i < 3 ? 1.0F / 127 : i < 6 ? 0.0F : 1e-6F;
    EXPECT_NEAR((*back)[i], values[i], scale * 0.5001F) << i;
  }
}

TEST(Safetensors, StepsMustFitTheirTensor) {
  const std::vector<int32_t> integers{1, 2, 3, 4};
  const auto read = [&](const std::vector<float>& scales) {
    SafetensorsWriter writer;
    writer.add_integers("k", {2, 2}, integers, DType::kI8);
    if (!scales.empty()) writer.add_floats("k.step", {static_cast<int64_t>(scales.size())}, scales);
    return Safetensors::parse(writer.finish())->floats("k");
  };
  EXPECT_EQ(*read({1.0F, 0.5F}), (std::vector<float>{1.0F, 2.0F, 1.5F, 2.0F}));
  EXPECT_FALSE(read({}));
  EXPECT_FALSE(read({1.0F}));
  EXPECT_FALSE(read({1.0F, 1.0F, 1.0F}));
  EXPECT_FALSE(read({1.0F, 0.0F}));
  EXPECT_FALSE(read({1.0F, -1.0F}));
  EXPECT_FALSE(read({1.0F, std::numeric_limits<float>::quiet_NaN()}));
}

}  // namespace
}  // namespace compass

#include <gtest/gtest.h>

#include <cmath>

#include "eval/metrics.h"
#include "eval/peers/j2k_layers.h"
#include "eval/peers/program_codec.h"
#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

// A soft scene with an edge: compresses well, so that qualities are clearly ordered.
Picture scene(Size size) {
  Picture p(size);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double wave =
            std::sin(0.11 * x + c) * std::cos(0.07 * y) * 60 + ((x * 3 + y) % 64 < 32 ? 20 : -20);
        p.pixel(y, x)[c] = static_cast<uint8_t>(128 + wave);
      }
    }
  }
  return p;
}

PictureFiles ppm_files() {
  return {.read = read_ppm, .write = write_ppm};
}

// Programs that every system has, in a codec's place.
ProgramCodecSpec copier() {
  return {.name = "copy",
          .package = "coreutils",
          .encode = {"cp", "{in}", "{out}"},
          .decode = {"cp", "{in}", "{out}"},
          .version = {"cp", "--version"},
          .input_extension = ".ppm",
          .file_extension = ".bin",
          .output_extension = ".ppm",
          .settings = {"1"}};
}

TEST(ProgramCodec, BytesOfTheFileAndPixelsOfTheDecoder) {
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_program_codec(copier(), ppm_files());
  ASSERT_TRUE(codec) << codec.error().message;
  const Workspace w = std::move(*Workspace::create());
  const Picture picture = scene({33, 20});
  const Result<Coded> coded = (*codec)->run({picture}, "1", w.file(""));
  ASSERT_TRUE(coded) << coded.error().message;
  ASSERT_EQ(coded->layers.size(), 1U);
  EXPECT_EQ(coded->layers[0].bytes, 33U * 20 * 3 + 13);  // "P6\n33 20\n255\n"
  EXPECT_EQ(coded->layers[0].decoded, picture);
  EXPECT_NE((*codec)->version().find("cp"), std::string::npos);
}

TEST(ProgramCodec, MissingProgramsNameTheirPackage) {
  ProgramCodecSpec spec = copier();
  spec.decode = {"no-such-decoder", "{in}", "{out}"};
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_program_codec(spec, ppm_files());
  ASSERT_FALSE(codec);
  EXPECT_NE(codec.error().message.find("apt install coreutils"), std::string::npos) << codec.error().message;
}

TEST(ProgramCodec, CrashesAndSilentFailuresAreErrors) {
  const Workspace w = std::move(*Workspace::create());
  ProgramCodecSpec crashes = copier();
  crashes.encode = {"sh", "-c", "kill -ABRT $$"};
  EXPECT_FALSE((*make_program_codec(crashes, ppm_files()))->run({scene({5, 5})}, "1", w.file("")));
  ProgramCodecSpec writes_nothing = copier();
  writes_nothing.encode = {"true"};
  writes_nothing.decode = {"true"};
  EXPECT_FALSE((*make_program_codec(writes_nothing, ppm_files()))->run({scene({5, 5})}, "1", w.file("")));
}

// Every still-picture peer that is installed and speaks PPM: more rate, more quality, plausible bytes.
TEST(ProgramCodec, InstalledPeersBehave) {
  const Picture picture = scene({80, 64});
  int tested = 0;
  for (const ProgramCodecSpec& spec : picture_program_specs()) {
    if (spec.input_extension != ".ppm" || spec.output_extension != ".ppm") continue;
    const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_program_codec(spec, ppm_files());
    if (!codec) continue;
    ++tested;
    const Workspace w = std::move(*Workspace::create());
    const Result<Coded> low = (*codec)->run({picture}, spec.settings.front(), w.file(""));
    const Result<Coded> high = (*codec)->run({picture}, spec.settings.back(), w.file(""));
    ASSERT_TRUE(low) << spec.name << ": " << low.error().message;
    ASSERT_TRUE(high) << spec.name << ": " << high.error().message;
    EXPECT_LT(low->layers[0].bytes, high->layers[0].bytes) << spec.name;
    EXPECT_LT(*psnr(low->layers[0].decoded, picture), *psnr(high->layers[0].decoded, picture)) << spec.name;
  }
  if (tested == 0) GTEST_SKIP() << "no encoder that reads PPM is installed";
}

TEST(J2kLayers, PrefixesDecodeLikeTheWholeFile) {
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_j2k_layers(ppm_files());
  if (!codec) GTEST_SKIP() << codec.error().message;
  const Workspace w = std::move(*Workspace::create());
  const Picture picture = scene({97, 66});
  const std::vector<Size> sizes{{25, 17}, {49, 33}, {97, 66}};
  ASSERT_TRUE((*codec)->accepts(sizes));
  const Result<Coded> coded = (*codec)->run(pyramid_of(picture, sizes), "12", w.file(""));
  ASSERT_TRUE(coded) << coded.error().message;
  ASSERT_EQ(coded->layers.size(), 3U);
  for (int k = 0; k < 3; ++k) {
    EXPECT_EQ(coded->layers[k].decoded.size, sizes[k]);
    ASSERT_TRUE(run_process({"opj_decompress", "-i", w.file("coded.j2k"), "-o", w.file("whole.ppm"), "-r",
                             std::to_string(2 - k)}));
    EXPECT_EQ(coded->layers[k].decoded, *read_ppm(w.file("whole.ppm"))) << "layer " << k;
  }
  EXPECT_LT(coded->layers[0].bytes, coded->layers[1].bytes);
  EXPECT_LT(coded->layers[1].bytes, coded->layers[2].bytes);
  // One byte less and the lowest layer is no longer whole: the prefix is not merely long enough.
  const std::vector<uint8_t> bytes = *read_file(w.file("coded.j2k"));
  ASSERT_TRUE(write_file(w.file("short.j2k"), bytes.data(), coded->layers[0].bytes / 2));
  ASSERT_TRUE(run_process(
      {"opj_decompress", "-i", w.file("short.j2k"), "-o", w.file("short.ppm"), "-r", "2", "-allow-partial"}));
  EXPECT_NE(coded->layers[0].decoded, *read_ppm(w.file("short.ppm")));
}

TEST(J2kLayers, RefusesSizesThatAreNotHalves) {
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_j2k_layers(ppm_files());
  if (!codec) GTEST_SKIP() << codec.error().message;
  EXPECT_FALSE((*codec)->accepts({{40, 30}, {97, 66}}));
  EXPECT_FALSE((*codec)->accepts({{1, 1}, {2, 2}, {4, 4}, {8, 8}, {16, 16}, {32, 32}, {64, 64}}));
  EXPECT_TRUE((*codec)->accepts({{97, 66}}));
}

TEST(J2kLayers, HostileCodestreams) {
  const std::vector<uint8_t> good{0xFF, 0x4F, 0xFF, 0x58, 0, 5, 0, 2, 3, 0xFF, 0x93, 1, 2, 3, 4, 5};
  EXPECT_EQ(*j2k_resolution_ends(good, 2, 1), (std::vector<uint64_t>{13, 16}));
  EXPECT_FALSE(j2k_resolution_ends(good, 3, 1));
  EXPECT_FALSE(j2k_resolution_ends({}, 2, 1));
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(j2k_resolution_ends(std::span(good).first(n), 2, 1)) << n;
  }
  std::vector<uint8_t> bad = good;
  bad[5] = 1;  // a segment shorter than its own length field
  EXPECT_FALSE(j2k_resolution_ends(bad, 2, 1));
}

}  // namespace
}  // namespace compass::eval
